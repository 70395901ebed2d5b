"""Plans are the fewest actions; carrying them out never writes elsewhere, nor leaves half a file."""

from __future__ import annotations

import os
import stat
from collections.abc import Sequence
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_versioning.errors import PathError
from data_versioning.localfs import batch
from data_versioning.localfs.links import LinkType
from data_versioning.objects.oid import ObjectId
from data_versioning.workspace import checkout, scan
from data_versioning.workspace.checkout import Applied, Plan, Wanted
from tests.compat.twins import fresh
from tests.oracle import Sandbox
from tests.workspace.samples import Place, digest

pytestmark = pytest.mark.usefixtures("engine")

# Reflinks need a file system that has them: tests/compat/test_reflink.py.
KINDS = [kind for kind in LinkType if kind is not LinkType.REFLINK]


def wanted(**files: bytes) -> Wanted:
    """A directory; "__" in a name stands for "/"."""
    names = [name.replace("__", "/") for name in files]
    return Wanted(is_dir=True, paths=names, values=[digest(content) for content in files.values()])


def one(content: bytes) -> Wanted:
    return Wanted(is_dir=False, paths=[""], values=[digest(content)])


def stock(here: Place, *contents: bytes) -> None:
    """Put contents into the cache."""
    for content in contents:
        path = Path(here.cache.path(ObjectId(digest(content))))
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            path.write_bytes(content)
            path.chmod(0o444)


def planned(here: Place, path: str, target: Wanted, inner: str | None = None) -> Plan:
    return checkout.plan(path, here.look(path), target, inner=inner)


def carry_out(
    here: Place, path: str, target: Wanted, kind: LinkType = LinkType.COPY, inner: str | None = None
) -> Applied:
    return checkout.apply(planned(here, path, target, inner), str(here.root), here.cache, kind=kind)


def names(plan: Plan, indices: Sequence[int]) -> list[str]:
    return [plan.wanted.paths[index] for index in indices]


def test_a_plan_into_nothing(here: Place) -> None:
    plan = planned(here, "data", wanted(a=b"a", b__c=b"c"))
    assert (plan.create, plan.replace, plan.delete, plan.lost, plan.clear) == ([0, 1], [], [], [], False)
    assert planned(here, "file", one(b"x")).create == [0]
    empty = planned(here, "data", wanted())
    assert (empty.make, empty.is_empty) == (True, False)


def test_a_plan_names_the_fewest_actions(here: Place) -> None:
    here.write(data__same=b"same", data__changed=b"old", data__gone=b"gone", data__d__gone=b"deep")
    plan = planned(here, "data", wanted(same=b"same", changed=b"new", new=b"created"))
    assert names(plan, plan.create) == ["new"]
    assert names(plan, plan.replace) == ["changed"]
    assert plan.delete == ["d/gone", "gone"]
    assert plan.overwritten() == ["changed", "d/gone", "gone"]
    assert plan.lost == [digest(b"old"), digest(b"deep"), digest(b"gone")]
    assert names(plan, plan.needed()) == ["new", "changed"]
    assert not plan.is_empty


def test_nothing_to_do(here: Place) -> None:
    here.write(data__a=b"a", file=b"f")
    assert planned(here, "data", wanted(a=b"a")).is_empty
    assert planned(here, "file", one(b"f")).is_empty


def test_a_plan_for_one_part(here: Place) -> None:
    here.write(data__in__a=b"old", data__in__b=b"b", data__inner=b"old", data__out=b"old")
    plan = planned(here, "data", wanted(in__a=b"new"), "in")
    assert (names(plan, plan.replace), plan.delete, plan.create) == (["in/a"], ["in/b"], [])
    assert planned(here, "data", wanted(out=b"old"), "out").is_empty
    assert planned(here, "nowhere", wanted(), "part").is_empty


def test_a_plan_that_changes_the_kind(here: Place) -> None:
    here.write(data__a=b"a", file=b"f")
    to_file = planned(here, "data", one(b"x"))
    assert (to_file.clear, to_file.delete, to_file.lost) == (True, ["a"], [digest(b"a")])
    to_tree = planned(here, "file", wanted(a=b"a"))
    assert (to_tree.clear, to_tree.delete, to_tree.lost) == (True, [""], [digest(b"f")])


def test_without_what_is_missing(here: Place) -> None:
    here.write(data__a=b"1", data__b=b"2", data__c=b"3", data__gone=b"4")
    plan = planned(here, "data", wanted(a=b"A", b=b"B", c=b"C", d=b"D", e=b"E"))
    left = checkout.without(plan, {0, 2, 3})
    assert names(left, left.replace) == ["b"]
    assert names(left, left.create) == ["e"]
    assert left.delete == ["gone"]
    assert dict(zip(left.overwritten(), left.lost, strict=True)) == {"b": digest(b"2"), "gone": digest(b"4")}
    assert checkout.without(plan, set()) is plan


def test_what_is_there_stays_while_its_replacement_of_another_kind_is_missing(here: Place) -> None:
    here.write(data__a=b"a", file=b"f")
    assert checkout.without(planned(here, "data", one(b"x")), {0}).is_empty
    assert checkout.without(planned(here, "file", wanted(a=b"a", b=b"b")), {0, 1}).is_empty
    partly = checkout.without(planned(here, "file", wanted(a=b"a", b=b"b")), {0})
    assert (partly.clear, partly.create, partly.lost) == (True, [1], [digest(b"f")])


@pytest.mark.parametrize("kind", KINDS)
def test_into_nothing(here: Place, kind: LinkType) -> None:
    stock(here, b"a", b"c", b"", b"file")
    done = carry_out(here, "data/set", wanted(a=b"a", b__c=b"c", empty=b""), kind)
    assert (sorted(done.stats), done.failed) == ([0, 1, 2], {})
    assert here.files("data/set") == {"a": b"a", "b/c": b"c", "empty": b""}
    carry_out(here, "file", one(b"file"), kind)
    assert (here.root / "file").read_bytes() == b"file"
    objects = {
        os.stat(here.cache.path(ObjectId(digest(content)))).st_ino for content in (b"a", b"c", b"file")
    }
    mine = {(here.root / name).stat().st_ino for name in ("data/set/a", "data/set/b/c", "file")}
    assert (mine == objects) == (kind in {LinkType.HARDLINK, LinkType.SYMLINK})
    assert (here.root / "data/set/a").is_symlink() == (kind is LinkType.SYMLINK)
    assert all(mode == 0o444 for mode, _ in here.objects().values())
    own = stat.S_IMODE((here.root / "file").stat().st_mode)
    assert own == (0o644 if kind is LinkType.COPY else 0o444)


@pytest.mark.parametrize("kind", KINDS)
def test_changes(here: Place, kind: LinkType) -> None:
    here.write(data__same=b"same", data__changed=b"old", data__gone=b"gone", data__d__gone=b"deep")
    stock(here, b"same", b"new", b"created")
    inode = (here.root / "data/same").stat().st_ino
    carry_out(here, "data", wanted(same=b"same", changed=b"new", e__f=b"created"), kind)
    assert here.files("data") == {"same": b"same", "changed": b"new", "e/f": b"created"}
    assert (here.root / "data/same").stat().st_ino == inode
    assert not (here.root / "data/d").exists()


@pytest.mark.parametrize("kind", KINDS)
def test_kinds_change(here: Place, kind: LinkType) -> None:
    here.write(one__deep__a=b"a", two=b"two", three__inner=b"x", three__flat__y=b"y")
    stock(here, b"file", b"a", b"z", b"w")
    carry_out(here, "one", one(b"file"), kind)
    carry_out(here, "two", wanted(deep__a=b"a"), kind)
    carry_out(here, "three", wanted(inner__z=b"z", flat=b"w"), kind)
    assert here.files() == {"one": b"file", "two/deep/a": b"a", "three/inner/z": b"z", "three/flat": b"w"}


@pytest.mark.parametrize("kind", KINDS)
def test_what_changes_after_the_comparison_stays(here: Place, kind: LinkType) -> None:
    here.write(data__a=b"old", data__b=b"old", data__gone=b"old", data__going=b"old")
    stock(here, b"a", b"b")
    plan = planned(here, "data", wanted(a=b"a", b=b"b"))
    here.write(data__a=b"mine", data__gone=b"mine")
    done = checkout.apply(plan, str(here.root), here.cache, kind=kind)
    assert (done.failed, done.kept, done.is_complete) == ({0: batch.TARGET_CHANGED}, ["gone"], False)
    assert here.files("data") == {"a": b"mine", "b": b"b", "gone": b"mine"}


@pytest.mark.parametrize("kind", KINDS)
def test_a_file_changes_after_the_comparison(here: Place, kind: LinkType) -> None:
    here.write(file=b"old", tree__a=b"old", other=b"old")
    stock(here, b"new", b"a")
    plans = [
        planned(here, "file", one(b"new")),
        planned(here, "tree", one(b"new")),
        planned(here, "other", wanted(a=b"a")),
    ]
    here.write(file=b"mine", tree__a=b"mine", other=b"mine")
    for plan in plans:
        done = checkout.apply(plan, str(here.root), here.cache, kind=kind)
        assert done.failed == {0: batch.TARGET_CHANGED}
    assert here.files() == {"file": b"mine", "tree/a": b"mine", "other": b"mine"}


def test_a_neighbour_of_the_same_name_is_not_touched(here: Place) -> None:
    """A file `a` beside a directory `data` that holds an `a`."""
    here.write(a=b"mine", data__a=b"a")
    stock(here, b"file")
    carry_out(here, "data", one(b"file"))
    assert here.files() == {"a": b"mine", "data": b"file"}


def test_an_empty_directory(here: Place) -> None:
    carry_out(here, "deep/data", wanted())
    assert (here.root / "deep/data").is_dir()
    here.write(file=b"f")
    carry_out(here, "file", wanted())
    assert (here.root / "file").is_dir()


def test_empty_directories_are_no_obstacle(here: Place) -> None:
    (here.root / "data/a/b/c").mkdir(parents=True)
    here.write(data__z=b"z")
    stock(here, b"a", b"z")
    assert carry_out(here, "data", wanted(a=b"a", z=b"z")).failed == {}
    assert here.files("data") == {"a": b"a", "z": b"z"}


def test_ignored_files_are_not_overwritten(here: Place) -> None:
    """What no scan sees may stand where a file is wanted: that one fails, the others do not."""
    (here.root / "data/a").mkdir(parents=True)
    (here.root / "data/a/link").symlink_to("/")
    stock(here, b"a", b"b", b"c")
    plan = checkout.plan("data", here.look("data"), wanted(a=b"a", b=b"b", c=b"c"))
    here.put("data/b", b"appeared since")
    done = checkout.apply(plan, str(here.root), here.cache, kind=LinkType.COPY)
    assert sorted(done.failed) == [0, 1]
    assert here.files("data") == {"b": b"appeared since", "c": b"c"}
    assert (here.root / "data/a/link").is_symlink()


def test_a_directory_with_ignored_files_does_not_become_a_file(here: Place) -> None:
    here.write(data__a=b"a")
    (here.root / "data/elsewhere").symlink_to("/")
    stock(here, b"x")
    plan = planned(here, "data", one(b"x"))
    for attempt in (
        lambda: checkout.check(plan, str(here.root)),
        lambda: checkout.apply(plan, str(here.root), here.cache, kind=LinkType.COPY),
    ):
        with pytest.raises(PathError, match="not tracked") as refused:
            attempt()
        assert refused.value.hint
        assert here.files("data") == {"a": b"a"}


def test_missing_objects_are_reported(here: Place) -> None:
    here.write(data__changed=b"old")
    stock(here, b"there")
    done = carry_out(here, "data", wanted(a=b"there", changed=b"missing", new=b"missing too"))
    assert (sorted(done.stats), sorted(done.failed)) == ([0], [1, 2])
    assert here.files("data") == {"a": b"there", "changed": b"old"}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("link", ["data", "data/deep", "out", "out/data"])
def test_nothing_is_written_behind_a_link(here: Place, kind: LinkType, link: str) -> None:
    """A repository may bring links along that lead anywhere."""
    outside = here.root.parent / "outside"
    outside.mkdir()
    (outside / "deep").mkdir()
    (here.root / link).parent.mkdir(parents=True, exist_ok=True)
    (here.root / link).symlink_to(outside)
    stock(here, b"x")
    for path, target in (
        ("data", wanted(deep__x=b"x")),
        ("data/deep", wanted(x=b"x")),
        ("data/deep/x", one(b"x")),
        ("out/data", wanted(deep__x=b"x")),
    ):
        if f"{path}/deep/".startswith(f"{link}/"):
            plan = checkout.plan(path, None, target)
            try:
                failed = checkout.apply(plan, str(here.root), here.cache, kind=kind).failed
            except PathError as refused:
                assert "symbolic link" in str(refused)
            else:
                assert failed
    assert [path for path in outside.rglob("*") if not path.is_dir()] == []


def test_a_link_to_a_file_is_replaced_and_not_written_through(here: Place) -> None:
    outside = here.root.parent / "outside"
    outside.write_bytes(b"outside")
    (here.root / "data").mkdir()
    (here.root / "data/a").symlink_to(outside)
    (here.root / "lone").symlink_to(outside)
    stock(here, b"new")
    carry_out(here, "data", wanted(a=b"new"))
    carry_out(here, "lone", one(b"new"))
    assert here.files() == {"data/a": b"new", "lone": b"new"}
    assert not (here.root / "data/a").is_symlink()
    assert outside.read_bytes() == b"outside"


def test_names_from_the_root() -> None:
    assert checkout.inside("d", ["a", "b/\udcff"]) == b"d/a\0d/b/\xff\0"
    assert checkout.inside("d", [""]) == b"d\0"
    assert checkout.inside("", ["a", "b"]) == b"a\0b\0"
    assert checkout.inside("d", []) == b""


def test_odd_names(here: Place) -> None:
    odd = ["new\nline", "\udcff", "a b", "é", "e\u0301", "-x", "'", "\U0001f600", "#", "*"]
    target = Wanted(
        True, sorted(odd), [digest(name.encode("utf-8", "surrogateescape")) for name in sorted(odd)]
    )
    stock(here, *(name.encode("utf-8", "surrogateescape") for name in odd))
    carry_out(here, "data", target)
    assert sorted(os.listdir(here.root / "data")) == sorted(odd)
    assert planned(here, "data", target).is_empty


def test_prune_removes_empty_directories(here: Place) -> None:
    here.write(data__a=b"a", data__in__b=b"b")
    for name in ("hollow/deep", "in/none", "in/none too", ".git", "linked"):
        (here.root / "data" / name).mkdir(parents=True)
    (here.root / "data/linked/out").symlink_to("/")
    checkout.prune(str(here.root), "data", ["a", "in/b"])
    found = {str(path.relative_to(here.root / "data")) for path in (here.root / "data").rglob("*")}
    assert found == {"a", "in", "in/b", ".git", "linked", "linked/out"}


def test_modes_of_single_files(here: Place) -> None:
    path = here.put("file", b"x", mode=0o600)
    assert checkout.set_mode(str(path), is_executable=False)
    assert stat.S_IMODE(path.stat().st_mode) == 0o644
    assert not checkout.set_mode(str(path), is_executable=False)
    assert checkout.set_mode(str(path), is_executable=True)
    assert stat.S_IMODE(path.stat().st_mode) == 0o744


NAMES = st.sampled_from(["a", "a-b", "a/b", "a/c/d", "b", "b/x", "c", "é/\udcff"])
CONTENTS = st.sampled_from([b"", b"1", b"2", b"3"])


def valid(files: dict[str, bytes]) -> bool:
    """No file is also a directory."""
    return not any(other.startswith(f"{name}/") for name in files for other in files)


TREES = st.dictionaries(NAMES, CONTENTS).filter(valid)


@given(
    before=st.none() | CONTENTS | TREES,
    after=CONTENTS | TREES,
    lost=st.sets(CONTENTS),
    kind=st.sampled_from(KINDS),
)
def test_any_tree_becomes_any_other(
    sandbox: Sandbox,
    before: bytes | dict[str, bytes] | None,
    after: bytes | dict[str, bytes],
    lost: set[bytes],
    kind: LinkType,
) -> None:
    with fresh(sandbox) as base:
        here = Place.make(base)
        create(here, before)
        files = after if isinstance(after, dict) else {"": after}
        target = Wanted(isinstance(after, dict), list(files), list(map(digest, files.values())))
        stock(here, *(set(files.values()) - lost))
        actual = here.look("data")
        plan = checkout.plan("data", actual, target)
        absent = {index for index in plan.needed() if target.values[index] in map(digest, lost)}
        plan = checkout.without(plan, absent)
        applied = checkout.apply(plan, str(here.root), here.cache, kind=kind)
        assert applied.failed == {}
        now = here.look("data")
        assert now is None or now.is_dir == target.is_dir or absent
        if not absent:
            assert checkout.plan("data", now, target).is_empty
        if plan.is_empty:
            assert now == actual
        elif target.is_dir:
            listing, digests = checkout.remembered(plan, actual, applied)
            assert now is not None
            if kind is LinkType.HARDLINK:  # each link changes the change time of those made before
                listing = scan.refreshed(str(here.root / "data"), listing)
            assert (listing, digests) == (scan.list_files(here.scanner(), "data"), now.digests)


def create(here: Place, files: bytes | dict[str, bytes] | None) -> None:
    if isinstance(files, bytes):
        here.put("data", files)
    elif files is not None:
        (here.root / "data").mkdir()
        for name, content in files.items():
            here.put(f"data/{name}", content)
