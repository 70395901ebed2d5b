"""What `.dvcignore` files hide, decided exactly as DVC decides it. Reads the ignore files, nothing else.

Each directory may hold one. Its rules are rewritten to be relative to the root and follow those of the
directories above; for an entry the rules of its own directory count, and the last one that matches wins.
"""

from __future__ import annotations

import importlib
import io
import os
import re
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Self

from data_versioning.errors import FormatError
from data_versioning.paths import RepoPath, parents
from data_versioning.source import Source
from data_versioning.workspace.source import Workspace

# As pathspec writes them. Most repositories have no other rule; then pathspec is not loaded.
_ALWAYS = {
    ".hg/": r"^(?:.+/)?\.hg/",
    ".git/": r"^(?:.+/)?\.git/",
    ".git": r"^(?:.+/)?\.git(?:/|$)",
    ".dvc/": r"^(?:.+/)?\.dvc/",
}
_LONGEST = 4096  # characters of a rule; no path is longer
_MOST_GUESSES = 3
_SHOWN = 200
_DIRECTORY_MARK = re.compile(r"\(\?P<\w+>/\)")
# As pathspec writes them: `*`, `**` at the start, `**` between two parts.
_STAR, _ANY_START, _ANY_BETWEEN = "[^/]*", "^(?:.+/)?", "(?:/.+)?"
_STARS = re.compile(r"(?:\[\^/\]\*){2,}")
# A star, and what has to follow it before the next star.
_STAR_AND_TEXT = re.compile(
    r"\[\^/\]\*((?:\\.|\[\^/\](?!\*)|\[(?!\^)\]?[^\]]*\]|[^\\\[\](){}/^$|?*+.])+)(?=\[\^/\]\*)"
)
_ALL_BUT = re.compile(r"\[\^(?!/\])")
_Decision = tuple[Callable[[str], object], bool]


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule:
    """One line of an ignore file, relative to the root; where it stands ("FILE:LINE"), and what stands there."""

    pattern: str
    place: str = ""
    text: str = ""

    def __str__(self) -> str:
        return f"{self.place}:{self.text or self.pattern}"

    @property
    def ignores(self) -> bool:
        """Whether it hides what it matches, and does not bring it back."""
        return not self.pattern.startswith("!")


@dataclass(frozen=True, slots=True, kw_only=True)
class _Rules:
    """The rules that count inside one directory, and compiled, later ones first."""

    rules: tuple[Rule, ...]
    for_files: tuple[_Decision, ...]
    for_directories: tuple[_Decision, ...]

    @classmethod
    def compile(cls, rules: Iterable[Rule]) -> Self:
        """Compile rules; those that say nothing are dropped."""
        compiled = [(rule, regex) for rule in rules if (regex := _regex(rule))]
        return cls(
            rules=tuple(rule for rule, _ in compiled),
            for_files=_decisions([regex for rule, regex in compiled if not rule.pattern.endswith("/")]),
            for_directories=_decisions([regex for _, regex in compiled]),
        )

    def hides(self, path: str, *, is_dir: bool) -> bool:
        """Whether the last rule that matches this very path ignores it; directories above do not count."""
        if is_dir:
            for match, ignored in self.for_directories:
                if match(path) or match(path + "/"):
                    return ignored
            return False
        for match, ignored in self.for_files:
            if match(path):
                return ignored
        return False


@dataclass(frozen=True, slots=True, kw_only=True)
class IgnoreRules:
    """The rules of a project, by the directory that holds them ("" is the root)."""

    by_directory: Mapping[str, _Rules]

    @classmethod
    def load(cls, root: str, ignore_files: Iterable[str]) -> Self:
        """Read these ignore files of the workspace `root`: see `read`."""
        return cls.read(Workspace(root), ignore_files)

    @classmethod
    def read(cls, source: Source, ignore_files: Iterable[str]) -> Self:
        """Read these ignore files; those that are ignored themselves do not count.

        Raises `FormatError` naming file and line of a rule that makes no sense.
        """
        table = {"": _Rules.compile([Rule(pattern=text) for text in _ALWAYS])}
        found = cls(by_directory=table)
        for path in sorted(ignore_files, key=lambda path: path.count("/")):
            if not found.matches(path, is_dir=False):
                directory = os.path.dirname(path)
                own = _Rules.compile(_read(source, path)).rules
                inherited = found._rules(directory).rules
                table[directory] = _Rules.compile([*inherited, *(_rebased(rule, directory) for rule in own)])
        return found

    @property
    def is_trivial(self) -> bool:
        """Whether no ignore file has a rule: only what every walk leaves out anyway is ignored."""
        return all(len(rules.rules) == len(_ALWAYS) for rules in self.by_directory.values())

    def matches(self, path: str, is_dir: bool) -> bool:
        """Whether the rules of its directory ignore `path`, itself or as part of an ignored directory."""
        directory = os.path.dirname(path)
        rules = self._rules(directory)
        above = any(rules.hides(parent, is_dir=True) for parent in reversed(parents(path)))
        return above or rules.hides(path, is_dir=is_dir)

    def deciding(self, path: str, is_dir: bool) -> Rule | None:
        """Return the rule by which `path`, or a directory above it, is ignored or brought back, as DVC names it.

        Where neighbouring rules match, DVC names the first of them.
        """
        rules = self._rules(os.path.dirname(path)).rules
        for place in reversed(parents(path)):
            found = _first_match(rules, (place, f"{place}/"))
            if found and found.ignores:
                return found
        return _first_match(rules, (path, f"{path}/") if is_dir else (path,))

    def filter(self, paths: Sequence[str]) -> list[int]:
        """Return the indices of the files that a walk from the root would find.

        A walk does not enter an ignored directory, whatever rules lie in it.
        """
        entered: dict[str, _Rules | None] = {"": self.by_directory[""]}
        kept = []
        for number, path in enumerate(paths):
            directory = path.rpartition("/")[0]
            rules = entered[directory] if directory in entered else self._enter(directory, entered)
            if rules is not None and not rules.hides(path, is_dir=False):
                kept.append(number)
        return kept

    def _enter(self, directory: str, entered: dict[str, _Rules | None]) -> _Rules | None:
        """Return the rules that count inside `directory`; None when no walk gets there or sees anything."""
        parent = directory.rpartition("/")[0]
        above = entered[parent] if parent in entered else self._enter(parent, entered)
        rules = None
        if above is not None and not self.matches(directory, is_dir=True):
            rules = self._rules(directory)
            if any(rules.hides(part, is_dir=True) for part in (directory, *parents(directory))):
                rules = None
        entered[directory] = rules
        return rules

    def _rules(self, directory: str) -> _Rules:
        for place in (directory, *parents(directory)):
            if place in self.by_directory:
                return self.by_directory[place]
        return self.by_directory[""]


def _read(source: Source, path: str) -> list[Rule]:
    try:
        text = io.StringIO(source.read(RepoPath(path)).decode(), newline=None)
    except UnicodeDecodeError as error:
        raise FormatError("is not UTF-8 text", file=path, hint=f"rewrite {path} in UTF-8") from error
    except FileNotFoundError:
        return []
    return [
        Rule(pattern=line, place=f"{path}:{number}", text=line)
        for number, line in enumerate(map(str.strip, text), 1)
        if line and not line.startswith("#")
    ]


def _rebased(rule: Rule, directory: str) -> Rule:
    """Return the rule of an ignore file in `directory` as one that stands in the root's.

    The name of the directory goes into the pattern as it is, also when it looks like a pattern: as in DVC.
    """
    if not directory:
        return rule
    negated, pattern = ("!", rule.pattern[1:]) if rule.pattern.startswith("!") else ("", rule.pattern)
    anchored = "/" in pattern[:-1] and not pattern.startswith("**/")
    pattern = pattern.removeprefix("/" if anchored else "**/").removeprefix("\\")
    pattern = f"{directory}/{pattern}" if anchored else f"{directory}/**/{pattern}"
    return Rule(pattern=f"!/{pattern}" if negated else pattern, place=rule.place, text=rule.text)


def _first_match(rules: Sequence[Rule], spellings: Sequence[str]) -> Rule | None:
    """Return the first match of the last group of neighbours that matches; a directory has two spellings."""
    is_dir = len(spellings) > 1
    groups = [
        list(group) for _, group in groupby(rules, lambda rule: (rule.ignores, rule.pattern.endswith("/")))
    ]
    for group in reversed(groups):
        if group[0].pattern.endswith("/") and not is_dir:
            continue
        compiled = [(rule, re.compile(found[0])) for rule in group if (found := _regex(rule))]
        for spelling in spellings:
            for rule, regex in compiled:
                if regex.match(spelling):
                    return rule
    return None


def _regex(rule: Rule) -> tuple[str, bool] | None:
    """Return the rule as a regular expression and whether it ignores; None when it says nothing."""
    if rule.pattern in _ALWAYS:
        return _ALWAYS[rule.pattern], True
    spec = importlib.import_module("pathspec.patterns.gitignore.spec").GitIgnoreSpecPattern
    try:
        if len(rule.pattern) > _LONGEST:
            raise ValueError(f"longer than {_LONGEST} characters")
        text, ignored = spec.pattern_to_regex(rule.pattern)
        if text is None or ignored is None:
            return None
        text = _linear(_DIRECTORY_MARK.sub("/", text))
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", FutureWarning)  # "[[" is meant as it stands
            re.compile(text)
    except (ValueError, re.error) as error:
        file, _, line = rule.place.rpartition(":")
        raise FormatError(
            f"{rule.pattern[:_SHOWN]!r} is no pattern: {error}",
            file=file,
            line=int(line),
            hint=f"correct or remove that line of {file}",
        ) from error
    return text, ignored


def _linear(regex: str) -> str:
    """Return an expression for the same paths that takes no more than linear time for each star.

    The first place where the text after a star fits is as good as any later one, unless nothing else follows; so
    only the last star of a part, and the last `**`, may have to try several. Not so with `[!a]`, which pathspec
    lets match "/": there the number of stars is limited. Raises `ValueError`.
    """
    regex = _STARS.sub(lambda _: _STAR, regex)
    if _ALL_BUT.search(regex):
        if regex.count(_STAR) + regex.count(_ANY_BETWEEN) > _MOST_GUESSES:
            raise ValueError("too many stars beside [!…]")
        return regex
    head, *between = _STAR_AND_TEXT.sub(r"(?>[^/]*?\1)", regex).split(_ANY_BETWEEN)
    if not between:
        return head
    if head.startswith(_ANY_START):
        head = f"^(?>(?:.+?/)??{head.removeprefix(_ANY_START)}(?=/))"
    return "".join(
        (head, *(f"(?>(?:/.+?)??{part}(?=/))" for part in between[:-1]), _ANY_BETWEEN, between[-1])
    )


def _decisions(regexes: Sequence[tuple[str, bool]]) -> tuple[_Decision, ...]:
    """Join neighbours that decide the same; later ones come first."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FutureWarning)
        groups = [
            (re.compile("|".join(f"(?:{text})" for text, _ in group)).match, ignored)
            for ignored, group in groupby(regexes, key=lambda regex: regex[1])
        ]
    return tuple(reversed(groups))
