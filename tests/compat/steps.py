"""Generated histories: edits and commands on a few tracked targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hypothesis import strategies as st

from tests.compat import trees
from tests.compat.trees import Change, Kind


@dataclass(frozen=True, slots=True)
class Step:
    """Either edits below one target (`command` empty) or a command of the tool or of Git."""

    target: str = ""
    changes: tuple[Change, ...] = ()
    command: tuple[str, ...] = ()

    def __repr__(self) -> str:
        return (
            f"Step(command={self.command})"
            if self.command
            else f"Step({self.target!r}, {list(self.changes)})"
        )


GIT_COMMIT = ("git", "commit")
TARGETS = (
    "data", "model.bin", "my data", "caf\u00e9", "cafe\u0301", "#x", "!y", "[z]", "sub/data", "a/b/c", "null", "1e3",
    "-dash", "it's", 'say "hi"', "*", "\U0001f600", ".hidden", "{x}", "&a", "%b", "@c",
)  # fmt: skip


def pointer(target: str) -> str:
    return f"./{target}.dvc"


@st.composite
def histories(draw: st.DrawFn, *, links: bool, executables: bool, length: int = 7) -> tuple[Step, ...]:
    """A first add of one or two targets, then up to `length` edits and commands."""
    targets = draw(st.lists(st.sampled_from(TARGETS), min_size=1, max_size=2, unique=True).filter(_apart))
    first = [_creation(draw, target, links=links, executables=executables) for target in targets]
    first.append(Step(command=("add", *(f"./{target}" for target in targets))))
    edits = st.builds(
        Step,
        st.sampled_from(targets),
        st.lists(trees.changes(links=links, executables=executables), min_size=1, max_size=3).map(tuple),
    )
    later = st.lists(st.one_of(edits, edits, commands(targets)), min_size=2, max_size=length)
    return (*first, *_without_losses_by_dvc(draw(later)))


def _without_losses_by_dvc(steps: Sequence[Step]) -> list[Step]:
    """Without the steps after which DVC deletes files that we keep.

    An untargeted checkout or pull deletes the data that `remove` left in the workspace; any checkout deletes data
    that `add --no-commit` recorded, before it finds that the cache has none.
    """
    kept: list[Step] = []
    removed = uncached = False
    for step in steps:
        removed |= step.command[:1] == ("remove",)
        uncached |= "--no-commit" in step.command
        brings = step.command[:1] in (("checkout",), ("pull",))
        untargeted = all(word.startswith("-") for word in step.command[1:])
        if not (brings and (uncached or (removed and untargeted))):
            kept.append(step)
    return kept


def _apart(targets: Sequence[str]) -> bool:
    return not any(a != b and b.startswith(a + "/") for a in targets for b in targets)


def _creation(draw: st.DrawFn, target: str, *, links: bool, executables: bool) -> Step:
    if draw(st.integers(0, 3)) == 0:
        kind = draw(st.sampled_from([Kind.WRITE, Kind.EXECUTABLE] if executables else [Kind.WRITE]))
        return Step(target, (Change(kind, "", draw(trees.contents)),))
    tree = draw(trees.trees(links=links, executables=executables))
    return Step(target, (Change(Kind.EMPTY_DIRECTORY, ""), *tree))


def commands(targets: Sequence[str]) -> st.SearchStrategy[Step]:
    """One command on some or all targets."""
    some = st.lists(st.sampled_from(targets), min_size=1, max_size=2, unique=True)
    pointers = some.map(lambda chosen: tuple(map(pointer, chosen)))
    data = some.map(lambda chosen: tuple(f"./{target}" for target in chosen))
    return st.one_of(
        data.map(lambda paths: ("add", *paths)),
        data.map(lambda paths: ("add", *paths)),
        data.map(lambda paths: ("add", "--no-commit", *paths)),
        pointers.map(lambda paths: ("commit", "-f", *paths)),
        st.just(("checkout", "-f")),
        st.just(("checkout",)),
        data.map(lambda paths: ("checkout", "-f", *paths)),
        pointers.map(lambda paths: ("checkout", "-f", "--relink", *paths)),
        pointers.map(lambda paths: ("remove", *paths)),
        st.just(("gc", "-w", "-f")),
        st.just(("push",)),
        st.just(("pull", "-f")),
        st.just(("fetch",)),
        st.just(GIT_COMMIT),
    ).map(lambda command: Step(command=command))
