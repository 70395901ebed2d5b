"""What push and fetch have in common: which objects of which remotes are meant, and how the end is told."""

from __future__ import annotations

import importlib
import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from data_versioning.errors import (
    CorruptObject,
    DataVersioningError,
    FormatError,
    HandoffError,
    MissingObject,
    StorageError,
    UsageError,
)
from data_versioning.objects.cache import ObjectCache
from data_versioning.objects.oid import ObjectId
from data_versioning.operations import loaded as loading
from data_versioning.operations import targets, wildcards
from data_versioning.pipeline.project import Project, Selection, Tracked
from data_versioning.pipeline.stage import Output
from data_versioning.progress import Progress
from data_versioning.remotes import remote as remotes
from data_versioning.remotes.remote import Location, Remote
from data_versioning.remotes.transfer import Pace, Plan, Problem, Report
from data_versioning.remotes.wanted import Request
from data_versioning.repo import Preferences, Repo
from data_versioning.storage.base import FailureKind, Limits

if TYPE_CHECKING:
    from data_versioning.operations.checkout import CheckoutResult
    from data_versioning.operations.imported import Content

# Loaded by name: old commits and other repositories need YAML and Git, which most transfers do without.
_HISTORY = "data_versioning.operations.history"
_PARTIAL = "data_versioning.operations.partial_imports"
_IMPORTED = "data_versioning.operations.imported"
_TRUSTED = "data_versioning.operations.trusted"
# Settings that name files of Amazon's tools, which may name a program.
_PROGRAM_FILES = frozenset({"configpath", "credentialpath"})


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferOptions:
    """DVC's flags; `allow_missing`, `max_size` and `types` are for downloads only, `force` for pull."""

    remote: str | None = None
    jobs: int | None = None
    all_branches: bool = False
    all_tags: bool = False
    all_commits: bool = False
    with_deps: bool = False
    recursive: bool = False
    glob: bool = False
    run_cache: bool = False
    dry_run: bool = False
    allow_missing: bool = False
    max_size: int | None = None
    types: frozenset[str] = frozenset()
    force: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TransferResult:
    """What was copied (with `dry_run`: would be), how many bytes, and what could not be.

    `held` are directories whose listing was left out, because some of their files did not arrive. `hint` is what
    helps against the problems, where a store said so.
    """

    remotes: tuple[str, ...]
    copied: int
    size: int
    problems: tuple[Problem, ...] = ()
    held: tuple[str, ...] = ()
    # The paths that a dry run would have copied.
    planned: tuple[str, ...] = ()
    dry_run: bool = False
    hint: str | None = None


class TransferFailed(DataVersioningError):
    """Some objects did not arrive; `result` says which did and which did not.

    `checkout` is what `pull` changed in the workspace nevertheless.
    """

    exit_code = 1
    checkout: CheckoutResult | None = None

    def __init__(self, message: str, result: TransferResult, *, hint: str | None = None) -> None:
        super().__init__(message, hint=hint)
        self.result = result


class ServedByDvc(HandoffError):
    """The remote or the data is of a kind that only the program `dvc` serves; nothing was done yet."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Fetched:
    """What was fetched of imports, and what each output is."""

    result: TransferResult
    contents: Mapping[str, Content] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Share:
    """One remote and the outputs that belong there; `runs`: the run cache is meant, too, and belongs there."""

    remote: Remote
    requests: list[Request]
    runs: bool = False


def shares(repo: Repo, names: Sequence[str], *, options: TransferOptions, pushing: bool) -> list[Share]:
    """Return the remotes that serve the targets, each with its outputs.

    Raises `ServedByDvc`, `ConfigError` or `NotTracked`.
    """
    check_jobs(options.jobs)
    found: dict[str | None, dict[Request, None]] = {}
    for item, inner in selections(repo, names, options):
        if not is_meant(item, options, pushing=pushing):
            continue
        if item.stage.is_only_declared:
            continue
        if item.stage.is_partial_import and importlib.import_module(_PARTIAL).is_ours(repo, item):
            continue
        if item.stage.is_repo_import:
            continue  # only its origin has it; see `imported`
        _refuse_versioned(item)
        oid = ObjectId(item.output.md5 or "", item.output.is_legacy)
        if not pushing and item.stage.is_import and _is_from_elsewhere(repo.cache, item, oid):
            continue
        request = Request(oid, item.path, inner or "")
        found.setdefault(options.remote or item.output.remote, {})[request] = None
    if options.remote or options.run_cache:
        found.setdefault(options.remote, {})
    return [
        Share(
            remote=open_remote(repo, name),
            requests=list(requests),
            runs=options.run_cache and name == options.remote,
        )
        for name, requests in found.items()
    ]


def is_cached(cache: ObjectCache, output: Output) -> bool:
    """Whether the cache holds all that is recorded of an output; not when nothing is."""
    if not output.md5:
        return False
    oid = ObjectId(output.md5, output.is_legacy)
    try:
        values = [*cache.read_tree(oid)[1], oid.value] if oid.is_dir else [oid.value]
    except (MissingObject, CorruptObject, FormatError):
        return False
    return not cache.missing(list(dict.fromkeys(values)), legacy=oid.legacy)


def lacking_imports(repo: Repo, names: Sequence[str], options: TransferOptions) -> list[Tracked]:
    """Return the imports from other repositories, among what `names` mean, that the cache does not hold."""
    found: dict[tuple[str, str | None], Tracked] = {}
    for item, _ in selections(repo, names, options):
        if item.stage.is_repo_import and is_meant(item, options) and not is_cached(repo.cache, item.output):
            found[item.path, item.output.md5] = item
    return list(found.values())


def fetch_imports(
    repo: Repo, items: Sequence[Tracked], options: TransferOptions, progress: Progress
) -> Fetched:
    """Bring imports into the cache; see `imported.fetch`."""
    if not items:
        return Fetched(result=TransferResult(remotes=(), copied=0, size=0))
    found: Fetched = importlib.import_module(_IMPORTED).fetch(repo, items, options, progress)
    return found


def check_jobs(jobs: int | None) -> None:
    """Raise `UsageError` for a number of transfers that makes no sense."""
    if jobs is not None and jobs < 1:
        raise UsageError("the number of jobs must be at least 1", hint="-j 4")


def pace(options: TransferOptions, remote: Remote, progress: Progress) -> Pace:
    """Return how many transfers at once, and who watches."""
    return Pace(jobs=options.jobs or remote.jobs, advance=progress.advance)


def dry(remote: Remote, plans: Sequence[Plan], runs: Sequence[str]) -> TransferResult:
    """Return what would be done."""
    planned = [plan.names[value] for plan in plans for value in (*plan.files, *plan.trees)]
    return TransferResult(
        remotes=(remote.name,),
        copied=len(planned) + len(runs),
        size=0,
        problems=tuple(problem for plan in plans for problem in plan.problems),
        planned=(*planned, *runs),
        dry_run=True,
    )


def dry_imports(items: Sequence[Tracked]) -> TransferResult:
    """Return what a dry run tells of imports."""
    paths = tuple(item.path for item in items)
    return TransferResult(remotes=(), copied=len(paths), size=0, planned=paths, dry_run=True)


def done(remote: Remote, reports: Sequence[Report]) -> TransferResult:
    """Return what was done."""
    return TransferResult(
        remotes=(remote.name,),
        copied=sum(report.copied for report in reports),
        size=sum(report.size for report in reports),
        problems=tuple(problem for report in reports for problem in report.problems),
        held=tuple(name for report in reports for name in report.held),
    )


def joined(results: Sequence[TransferResult]) -> TransferResult:
    """Return the results of all remotes as one."""
    return TransferResult(
        remotes=tuple(name for result in results for name in result.remotes),
        copied=sum(result.copied for result in results),
        size=sum(result.size for result in results),
        problems=tuple(problem for result in results for problem in result.problems),
        held=tuple(name for result in results for name in result.held),
        planned=tuple(name for result in results for name in result.planned),
        dry_run=any(result.dry_run for result in results),
        hint=next((result.hint for result in results if result.hint), None),
    )


def each(shares: Sequence[Share], work: Callable[[Share], TransferResult]) -> TransferResult:
    """Do the work for every remote; one that fails as a whole costs the others nothing, and its outputs are problems.

    With a single output there is no more to tell than the error itself, which is raised.
    """
    if sum(len(share.requests) for share in shares) < 2:
        return joined([work(share) for share in shares])
    results = []
    for share in shares:
        try:
            results.append(work(share))
        except StorageError as error:
            if not share.requests:
                raise
            results.append(_left_out(share, error))
    return joined(results)


def _left_out(share: Share, error: StorageError) -> TransferResult:
    reason = f"was left out: {error.message}"
    return TransferResult(
        remotes=(share.remote.name,),
        copied=0,
        size=0,
        problems=tuple(
            Problem(request.name, request.oid.value, FailureKind.REFUSED, reason)
            for request in share.requests
        ),
        hint=error.hint,
    )


def checked(result: TransferResult, *, verb: str, allow_missing: bool = False) -> TransferResult:
    """Return `result` of the command `verb`; raise `TransferFailed` when something did not arrive."""
    tolerated = FailureKind.MISSING if allow_missing else None
    serious = [problem for problem in result.problems if problem.kind is not tolerated]
    if not serious:
        return result
    count = "1 file" if len(serious) == 1 else f"{len(serious):,} files"
    raise TransferFailed(
        f"{count} could not be {'pushed' if verb == 'push' else 'fetched'}",
        result,
        hint=_hint(result, {problem.kind for problem in serious}, verb),
    )


def _hint(result: TransferResult, kinds: set[FailureKind], verb: str) -> str:
    if FailureKind.CORRUPT in kinds and verb == "push":
        return "dv fsck   finds all damaged objects of the cache; then restore them and push again"
    if FailureKind.CORRUPT in kinds:
        return (
            "dv fsck -r --quarantine   moves damaged objects of the remote aside; "
            f"then `dv push` where the data is intact, and dv {verb}"
        )
    if kinds == {FailureKind.MISSING}:
        return result.hint or "run `dv push` where the data still is, then this command again"
    first = result.hint or "what arrived is safe"
    return f"{first}; to continue: dv {verb}"


def selections(repo: Repo, names: Sequence[str], options: TransferOptions) -> Iterator[Selection]:
    """Yield the outputs that `names` mean, in the workspace and in the revisions of the options."""
    chosen = targets.named(repo, wildcards.expand(names, glob=options.glob))
    base = targets.base(repo)
    project = loading.load(repo).project

    def select(one: Project) -> list[Selection]:
        return one.select(chosen, base=base, recursive=options.recursive, with_deps=options.with_deps)

    if not (options.all_branches or options.all_tags or options.all_commits):
        yield from select(project)
        return
    past: Iterator[Project] = importlib.import_module(_HISTORY).projects(
        repo,
        all_branches=options.all_branches,
        all_tags=options.all_tags,
        all_commits=options.all_commits,
    )
    unknown: DataVersioningError | None = None
    known = False
    for one in itertools.chain([project], past):
        try:
            yield from select(one)
            known = True
        except DataVersioningError as error:
            unknown = unknown or error
    if unknown and not known:
        raise unknown


def is_meant(item: Tracked, options: TransferOptions, *, pushing: bool = False) -> bool:
    """Whether a transfer with these options concerns an output."""
    output = item.output
    if not output.cache or (output.digest is None and (pushing or not item.stage.is_import)):
        return False
    if options.remote and output.remote and options.remote.lower() != output.remote.lower():
        return False
    if pushing:
        return output.push and not item.stage.is_repo_import
    if options.max_size and output.size and output.size >= options.max_size:
        return False
    return not options.types or f"{output.kind.value}s" in options.types


def _refuse_versioned(item: Tracked) -> None:
    if item.output.is_versioned:
        raise ServedByDvc(
            f"'{item.path}' is kept on a remote with versions of its own, which the program dvc serves",
            hint="dvc push, dvc pull",
        )


def _is_from_elsewhere(cache: ObjectCache, item: Tracked, oid: ObjectId) -> bool:
    """Whether an import is in the cache already, as it never is on the remote.

    Raises `ServedByDvc` when it has to be imported again: only `dvc` can do that.
    """
    if item.output.md5 and item.output.push:
        return False
    try:
        values = cache.read_tree(oid)[1] if oid.is_dir else [oid.value]
        is_here = bool(item.output.md5) and not cache.missing(values, legacy=oid.legacy)
    except (MissingObject, CorruptObject):
        is_here = False
    if not is_here:
        raise ServedByDvc(
            f"'{item.path}' was imported from elsewhere, and the program dvc downloads such data",
            hint=f"dvc pull {item.path}",
        )
    return True


def open_remote(repo: Repo, name: str | None) -> Remote:
    """Open a remote, the default one without a name.

    Raises `ServedByDvc`, or `ConfigError`, also when the committed configuration of it would start a program.
    """
    found = remotes.locate(repo.settings, name)
    if not found.is_ours:
        scheme = found.url.partition("://")[0]
        raise ServedByDvc(
            f"{scheme}:// remotes ({found.name!r} is one) are served by the program dvc for now",
            hint="dvc push, dvc pull",
        )
    refuse_programs(repo.root, found)
    return remotes.open(repo.settings, name, limits=limits(repo.preferences))


def limits(preferences: Preferences) -> Limits:
    """Return how many bytes a second may pass; `ConfigError` for a variable that says no number."""
    return Limits(preferences.limit("upload"), preferences.limit("download"))


def refuse_programs(root: str, found: Location) -> None:
    """Raise `ConfigError` when the committed configuration at `root` would start a program for a remote."""
    if not _PROGRAM_FILES.isdisjoint(found.options):
        importlib.import_module(_TRUSTED).refuse_programs(root, found.options)
