"""Data of DVC 2.x: md5-dos2unix hashes, objects at the cache base."""

from __future__ import annotations

import hashlib
import json
import textwrap
from pathlib import Path

from tests.compat.steps import GIT_COMMIT
from tests.compat.twins import Twins

LEGACY_POINTER = textwrap.dedent(
    """\
    outs:
    - md5: {md5}
      size: {size}
      path: {path}
    """
)


def make_legacy(root: Path, *, with_objects: bool = True) -> None:
    """A text file with CRLF and a directory as DVC 2.x left them: md5-dos2unix, objects at the cache base."""

    def store(content: bytes, digest: str) -> None:
        path = root / ".dvc/cache" / digest[:2] / digest[2:]
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        path.chmod(0o444)

    text, binary = b"one\r\ntwo\r\n", bytes(range(256)) * 4
    digests = {
        "text.txt": hashlib.md5(text.replace(b"\r\n", b"\n")).hexdigest(),
        "b.bin": hashlib.md5(binary).hexdigest(),
    }
    entries = [{"md5": digests[name], "relpath": name} for name in sorted(digests)]
    tree = json.dumps(entries, sort_keys=True).encode()
    tree_digest = hashlib.md5(tree).hexdigest() + ".dir"
    if with_objects:
        store(text, digests["text.txt"])
        store(binary, digests["b.bin"])
        store(tree, tree_digest)
    (root / "old.dvc").write_text(LEGACY_POINTER.format(md5=tree_digest, size=len(text + binary), path="old"))
    (root / "old.txt.dvc").write_text(
        LEGACY_POINTER.format(md5=digests["text.txt"], size=len(text), path="old.txt")
    )
    (root / ".gitignore").write_text("/old\n/old.txt\n")


def test_legacy_data(twins: Twins) -> None:
    for player in twins.players:
        make_legacy(player.root)
    twins.compare("nothing checked out")
    twins.run("checkout")
    assert (twins.ours.root / "old/text.txt").read_bytes() == b"one\r\ntwo\r\n"
    twins.run(*GIT_COMMIT)
    twins.run("push")
    twins.run("gc", "-w", "-f")
    twins.run("add", "old.txt")
    twins.write("old/new", "new\r\n")
    twins.compare("changed")
    twins.each("add", "old")
    by_products = [
        path for path in (twins.theirs.root / ".dvc/cache").glob("??/*.dir") if b'"new"' in path.read_bytes()
    ]
    assert by_products, "DVC no longer stores the changed directory a second time, in the old place"
    for path in by_products:
        path.unlink()
    twins.compare("add of changed legacy data")
    twins.each("gc", "-w", "-f")
    base = twins.ours.root / ".dvc/cache"
    kept = {path for path in base.glob("??/*") if path.is_file()}
    gone = {path for path in kept if not (twins.theirs.root / path.relative_to(twins.ours.root)).exists()}
    # Ours looks for ids, wherever they are needed: the id of an object in the new place keeps the old object, too.
    assert all((base / "files/md5" / path.relative_to(base)).exists() for path in gone)
    for path in gone:
        path.unlink()
    twins.compare("gc")


def test_legacy_data_from_a_remote(twins: Twins) -> None:
    for player in twins.players:
        make_legacy(player.root)
    twins.run("push")
    twins.forget(".dvc/cache")
    twins.run("pull")
