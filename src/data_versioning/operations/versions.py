"""Versions of artifacts as annotated Git tags, in the form that GTO reads.

`v1.0` on models/resnet50_v1.pt becomes `resnet50_v1@v1.0.0`; any other word is a stage that the artifact enters:
`resnet50_v1#production#1`. So they never collide with the repository's own tags.
"""

from __future__ import annotations

import os
import re
from collections.abc import Sequence
from dataclasses import dataclass

from data_versioning.errors import Conflict, FormatError, UsageError
from data_versioning.formats import dvcfile
from data_versioning.git import history
from data_versioning.git.repository import Git

_PART = r"[0-9A-Za-z-]+(?:\.[0-9A-Za-z-]+)*"
_VERSION = re.compile(rf"v?(\d+)(?:\.(\d+))?(?:\.(\d+))?((?:-{_PART})?(?:\+{_PART})?)")
_TAG = re.compile(r"(?P<name>[^@#]+)@(?P<version>v\d+\.\d+\.\d+[^#!]*)(?:#\d+)?")
_STAGE = re.compile(r"[A-Za-z][A-Za-z0-9_-]*(?:/[A-Za-z0-9_-]+)*")


@dataclass(frozen=True, slots=True, kw_only=True)
class NewTag:
    """A tag to make; `words` is what the user called it."""

    name: str
    words: str


def padded(text: str) -> str | None:
    """Return a version-like text as SemVer with a leading "v"; None for any other word.

    >>> padded("v1.0"), padded("2"), padded("1.2.3-rc.1"), padded("production")
    ('v1.0.0', 'v2.0.0', 'v1.2.3-rc.1', None)
    """
    found = _VERSION.fullmatch(text)
    if not found:
        return None
    major, minor, patch, rest = found.groups(default="0")
    return f"v{int(major)}.{int(minor)}.{int(patch)}{'' if rest == '0' else rest}"


def artifact_name(path: str) -> str:
    """Return the artifact a path stands for: its file name without suffix, in the letters GTO allows.

    >>> artifact_name("models/resnet50_v1.pt"), artifact_name("data/my set.v2/")
    ('resnet50_v1', 'my-set-v2')
    """
    base = os.path.basename(path.rstrip("/"))
    stem = base if base.startswith(".") else base.rpartition(".")[0] or base
    name = re.sub(r"[^A-Za-z0-9_-]+", "-", base.replace(".", "-") if path.endswith("/") else stem).strip("-_")
    if not name:
        raise UsageError(
            f"no artifact name can be made of '{path}'", hint="rename it, or track it without tags"
        )
    return name


def plan(git: Git, pointer: str, path: str, oid: str, words: Sequence[str]) -> list[NewTag]:
    """Return the tags still to make for content `oid` of `path`, whose pointer file is `pointer` (from Git's top).

    A version that names this content already is left out. Raises `Conflict` when it names other content.
    """
    name = artifact_name(path)
    existing = git.tags()
    new: list[NewTag] = []
    for word in dict.fromkeys(words):
        version = padded(word)
        if version is None:
            new += _stage_tag(git, existing, name, word, pointer, oid)
            continue
        tag = f"{name}@{version}"
        if tag not in existing:
            new += [NewTag(name=tag, words=word)] if tag not in [one.name for one in new] else []
        elif _content(git, tag, pointer) != oid:
            raise Conflict(
                f"the version {tag} exists and names other content; nothing was written",
                hint=f"choose another version, or look at it: git show {tag}",
            )
    return new


def _stage_tag(
    git: Git, existing: dict[str, str], name: str, word: str, pointer: str, oid: str
) -> list[NewTag]:
    if not _STAGE.fullmatch(word):
        raise UsageError(
            f"{word!r} is neither a version nor the name of a stage", hint='tags=["production", "v1.0"]'
        )
    pattern = re.compile(re.escape(f"{name}#{word}#") + r"(\d+)")
    counters = {int(found[1]): tag for tag in existing if (found := pattern.fullmatch(tag))}
    last = max(counters, default=0)
    if last and _content(git, counters[last], pointer) == oid:
        return []
    return [NewTag(name=f"{name}#{word}#{last + 1}", words=word)]


def lasting(git: Git, pointer: str, labels: Sequence[str]) -> list[str]:
    """Return the labels that say something about any content of the artifact: neither versions nor its stages."""
    name = artifact_name(pointer.removesuffix(".dvc"))
    stages = {tag.split("#")[1] for tag in git.tags() if tag.startswith(f"{name}#")}
    return [label for label in labels if padded(label) is None and label not in stages]


def _content(git: Git, tag: str, pointer: str) -> str | None:
    """Return the object id that a tagged commit records for an output."""
    text = git.read_many([f"{tag}:{pointer}"])[0]
    if text is None:
        return None
    try:
        return dvcfile.parse(text.decode("utf-8", "surrogateescape"), file=pointer).outs[0].md5
    except (FormatError, IndexError):
        return None


def find(git: Git, text: str) -> str:
    """Return the Git revision that `text` means: an exact ref or commit, else the one artifact with that version.

    Raises `UsageError` listing what it could mean.
    """
    if history.resolve(git.root, text):
        return text
    name, at, word = text.rpartition("@")
    version = padded(word)
    tags = [(tag, found) for tag in git.tags() if (found := _TAG.fullmatch(tag))]
    fitting = [
        tag for tag, found in tags if found["version"] == version and (not at or found["name"] == name)
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        listed = "\n".join(f"  {tag}" for tag in sorted(fitting))
        raise UsageError(
            f"{text!r} is a version of several artifacts:\n{listed}", hint="name one of them in full"
        )
    listed = "\n".join(f"  {tag}" for tag in sorted({tag for tag, _ in tags}))
    known = f"; versions of artifacts here:\n{listed}" if tags else ""
    raise UsageError(
        f"no branch, tag, commit or version is called {text!r}{known}",
        hint="git tag   lists tags; git branch -a",
    )
