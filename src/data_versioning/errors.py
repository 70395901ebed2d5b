"""Everything that can go wrong and that a user can do something about.

DataVersioningError            255  root; `hint` names the command that helps
├── NotInRepository            253  no `.dvc` directory here or above
├── ConfigError                251  a setting is wrong, missing or not trusted
├── UsageError                 254  the arguments make no sense together
├── FormatError                     a file of the repository cannot be understood
├── PathError                       a path is missing, outside the repository or hostile
├── NotTracked                      the target belongs to no pointer file or stage
├── Overlap                         an output lies inside, or around, another one
├── Conflict                        going on would overwrite work that is saved nowhere
├── FileChanged                     a file changed while it was being read
├── MissingObject                   neither cache nor remote has some content
├── CorruptObject                   some content does not match its name
├── LockTimeout                     another process holds the repository for too long
├── DiskError                       the local disk refused (full, read-only, permission)
├── StorageError                    a remote refused or does not answer
├── GitError                        Git refused
├── MetricNotFound                  no metric has this name on one side; also a KeyError
├── AmbiguousMetric                 several metrics have this name
├── NoDifference                    a metric that is no number was used as one; also a TypeError
└── HandoffError                    a command needs the program `dvc`, which is not installed
"""

from __future__ import annotations


class DataVersioningError(Exception):
    """Root of all errors raised on purpose; `exit_code` is what the command line ends with."""

    exit_code = 255

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __reduce__(self) -> tuple[object, ...]:
        """Be carried to another process whatever `__init__` takes."""
        return _carried, (type(self), self.args, vars(self))


def _carried(kind: type[DataVersioningError], args: tuple[object, ...], state: dict[str, object]) -> object:
    error = kind.__new__(kind, *args)
    vars(error).update(state)
    return error


class NotInRepository(DataVersioningError):
    """There is no `.dvc` directory here or in any parent."""

    exit_code = 253


class ConfigError(DataVersioningError):
    """A setting is wrong, missing or not trusted."""

    exit_code = 251


class UsageError(DataVersioningError):
    """The arguments make no sense, alone or together."""

    exit_code = 254


class FormatError(DataVersioningError):
    """A file of the repository cannot be understood: `file`, `line` (from 1) and what was expected.

    Without a better hint, the user is told to correct the file or to take it back from Git.
    """

    def __init__(
        self, message: str, *, file: str = "", line: int | None = None, hint: str | None = None
    ) -> None:
        place = f"{file}:{line}: " if file and line else f"{file}: " if file else ""
        usual = f"correct it, or take the file back from Git: git checkout -- {file}" if file else None
        super().__init__(place + message, hint=hint or usual)
        self.file = file
        self.line = line


class PathError(DataVersioningError):
    """A path is missing, outside the repository, already in Git, or hostile."""


class NotTracked(DataVersioningError):
    """The target belongs to no pointer file and no stage."""


class Overlap(DataVersioningError):
    """Two outputs share a path, or one lies inside the other."""


class Conflict(DataVersioningError):
    """Going on would overwrite work that is saved nowhere else."""


class FileChanged(DataVersioningError):
    """A file changed while it was being read; nothing was recorded."""


class MissingObject(DataVersioningError):
    """Content is neither in the cache nor, where asked, on the remote."""


class CorruptObject(DataVersioningError):
    """Content does not match the hash it is named after."""


class LockTimeout(DataVersioningError):
    """Another process holds the repository for longer than we were told to wait."""


class DiskError(DataVersioningError):
    """The local disk refused: full, read-only, or not permitted."""


class StorageError(DataVersioningError):
    """A remote refused, does not answer, or gave wrong bytes."""


class GitError(DataVersioningError):
    """The program `git` refused."""


class MetricNotFound(DataVersioningError, KeyError):
    """No metric has this name, or not on both sides of a comparison."""

    def __str__(self) -> str:
        return self.message  # KeyError would show it in quotes


class AmbiguousMetric(DataVersioningError, LookupError):
    """Several metrics have this name; the message lists names that are not ambiguous."""


class NoDifference(DataVersioningError, TypeError):
    """A metric that is no number, or NaN, was used as one."""


class HandoffError(DataVersioningError):
    """The command needs the program `dvc`, which is not installed.

    `is_avoidable`: because of how things are set up here, which the hint says how to change.
    """

    is_avoidable = False
