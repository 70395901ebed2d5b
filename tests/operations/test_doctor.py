"""`dv doctor`: what is broken or slow, and what to do."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from data_versioning.operations import doctor, version
from data_versioning.operations.doctor import Severity
from tests.operations.work import Work
from tests.oracle import Tool


def found(severity: Severity | None = None) -> dict[str, str]:
    """What the doctor says, with the hints."""
    return {
        one.what: one.hint or ""
        for one in doctor.doctor().findings
        if severity is None or one.severity is severity
    }


def problems() -> dict[str, str]:
    return found(Severity.PROBLEM)


def one(findings: dict[str, str], words: str) -> str:
    """The hint of the only finding that has these words."""
    (hint,) = [hint for what, hint in findings.items() if words in what]
    return hint


def test_a_healthy_repository(work: Work) -> None:
    work.write("data", "x")
    work.add("data")
    before = work.everything()
    diagnosis = doctor.doctor()
    assert diagnosis.is_healthy
    assert (diagnosis.lock, diagnosis.in_use) == ((), ())
    assert [one.what for one in diagnosis.findings if one.severity is not Severity.SLOW] == []
    assert work.everything() == before


def test_where_settings_come_from(work: Work, dv: Tool) -> None:
    dv(work.root, "remote", "add", "-d", "r", "s3://me:hunter2@host/x").ok()
    dv(work.root, "remote", "modify", "--local", "r", "secret_access_key", "hunter2").ok()
    dv(work.root, "config", "--local", "cache.type", "hardlink").ok()
    settings = {one.name: (one.value, one.level) for one in doctor.doctor().settings}
    assert settings["cache.type"] == ("hardlink", "local")
    assert settings["core.remote"] == ("r", "repo")
    work.write(".dvc/dv.toml", 'durability = "power"\n')
    said = dv(work.root, "doctor", env={"DV_LOCK_TIMEOUT": "7"})
    assert "DV_LOCK_TIMEOUT = 7   (environment)" in said.out
    assert f"(dv.toml: {work.root}/.dvc/dv.toml)" in said.out
    assert "hunter2" not in said.out + dv(work.root, "doctor", "--json").out
    assert f"cache.type = hardlink   (local: {work.root}/.dvc/config.local)" in said.out


def test_who_works_here(work: Work) -> None:
    with work.repo().transaction("test") as transaction:
        transaction.reserve(writes=[])
        diagnosis = doctor.doctor()
        assert [f"({os.getpid()})" in one for one in diagnosis.lock] == [True]
    work.write(
        ".dvc/tmp/rwlock",
        f'{{"write": {{"{work.root}/made": {{"pid": {os.getppid()}, "cmd": "dvc repro"}}}}}}',
    )
    assert doctor.doctor().in_use[0].startswith("'made': write by `dvc repro` in process")
    work.write(
        ".dvc/tmp/rwlock", f'{{"write": {{"{work.root}/made": {{"pid": 999999999, "cmd": "dvc repro"}}}}}}'
    )
    assert doctor.doctor().in_use == ()
    work.write(".dvc/tmp/rwlock", "no json")
    assert "rm " in one(problems(), "rwlock: cannot be understood")


def test_broken_settings(work: Work, dv: Tool) -> None:
    (work.root / ".dvc/config").write_text("[core]\n    nonsense = 1\n")
    assert list(problems()) == [what for what in problems() if "nonsense" in what]
    said = dv(work.root, "doctor")
    assert said.code == 1
    assert said.out.startswith("data-versioning version:")
    (work.root / ".dvc/config").write_text("[core]\n    hardlink_lock = true\n")
    assert "hardlink_lock false" in one(problems(), "hardlink_lock")


def test_broken_pointer_files(work: Work) -> None:
    work.write("x.dvc", "outs: 7\n")
    assert "git checkout -- x.dvc" in one(problems(), "x.dvc:1")


def test_remotes(work: Work) -> None:
    (work.root / ".dvc/config").write_text(
        "['remote \"r\"']\n    url = webdavs://host/x\n    bearer_token_command = date\n"
    )
    assert "dv remote default r" in one(found(), "no default remote")
    assert "dv remote modify --local r" in one(found(), "starts a program")
    (work.root / ".dvc/config").write_text("[core]\n    remote = gone\n")
    assert "dv remote add gone URL" in one(problems(), "'gone'")


def test_a_changed_log(work: Work) -> None:
    work.write("data", "x")
    work.add("data")
    log = work.root / ".git/dv/log/events.jsonl"
    log.write_text(log.read_text().replace('"add"', '"ADD"'))
    assert one(problems(), "operation log was changed") == "dv log --verify"


def test_git_that_ignores_the_settings(work: Work) -> None:
    work.write(".gitignore", ".dvc\n")
    assert "!.dvc" in one(problems(), "Git ignores")


def test_links(work: Work) -> None:
    work.write("data", "x")
    work.add("data")
    possible = version.cache_types(str(work.root / ".dvc/cache"), str(work.root))
    work.configure(type="reflink,copy")
    slow = found(Severity.SLOW)
    assert any("copied out of the cache" in what for what in slow) == ("reflink" not in possible)
    if "reflink" not in possible:
        assert "dv config cache.type hardlink,copy" in one(slow, "copied out")
        work.configure(type="reflink")
        assert "none of the link types" in "".join(problems())
        work.configure(type="reflink,hardlink")
        assert "hardlink is used" in "".join(found(Severity.NOTE))
    work.configure(type="hardlink")
    assert not any("link" in what for what in found())


def test_a_cache_elsewhere(work: Work, tmp_path: Path) -> None:
    if os.stat(tmp_path).st_dev == os.stat(work.root).st_dev:
        pytest.fail("the tests need two file systems: /dev/shm and the temporary directory")
    (tmp_path / "cache").mkdir()
    work.configure(dir=str(tmp_path / "cache"), type="copy")
    assert "dv cache dir" in one(found(Severity.SLOW), "different file systems")


def test_many_directories(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_MANY_DIRECTORIES", 20)
    for number in range(30):
        work.write(f"raw/{number}/x", "")
    assert "echo '/raw/' >> .gitignore" in one(
        found(Severity.SLOW), "30 of them in 'raw'".replace("30", "31")
    )
    work.add("raw")
    assert not any("directories are searched" in what for what in found())


def test_network_file_systems(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(version, "file_system", lambda path: "nfs4 on server:/x")
    assert {"workspace", "cache", "Git"} == {
        what.split()[1] for what in found() if "network file system" in what
    }


def test_the_installation(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DV_NATIVE", "0")
    assert one(found(Severity.SLOW), "C extension is switched off") == "unset DV_NATIVE"


def test_little_space(work: Work, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(doctor, "_LITTLE_SPACE", 1 << 62)
    assert "dv gc -w" in one(found(Severity.NOTE), "MiB are free")


def test_where_nothing_is_set(dv: Tool, repository: Path) -> None:
    assert "\nSettings:\n\tnone, so the defaults count\n\n" in dv(repository, "doctor").out


def test_outside_of_a_repository(dv: Tool, place: Path) -> None:
    done = dv(place, "doctor").ok()
    assert "Settings:" not in done.out
    values = dv(place, "doctor", "--json").json
    assert values["healthy"] is True
    assert values["version"]["repository"] is None


def test_the_command(work: Work, dv: Tool) -> None:
    (work.root / ".dvc/tmp").mkdir(exist_ok=True)
    script = "import fcntl; f = open('.dvc/tmp/lock', 'w'); fcntl.flock(f, fcntl.LOCK_EX); print(flush=True); input()"
    holder = subprocess.Popen(
        [sys.executable, "-c", script], cwd=work.root, stdin=subprocess.PIPE, stdout=subprocess.PIPE
    )
    assert holder.stdout
    holder.stdout.readline()
    done = dv(work.root, "doctor").ok()
    holder.communicate(b"\n")
    assert f"held by process {holder.pid} ({sys.executable} -c import fcntl" in done.out


def test_links_to_nothing(work: Work) -> None:
    for name in ("data/a", "data/b", "data/.hidden", "alone"):
        work.write(name, name)
    work.write(".dvcignore", ".hidden\n")
    work.add("data", "alone")
    for name in ("data/.hidden", "data/b"):
        (work.root / name).unlink()
    (work.root / "data/.hidden").symlink_to("of no interest")
    (work.root / "outside").symlink_to("not tracked")
    assert problems() == {}
    (work.root / "data/b").symlink_to("nowhere")
    assert one(problems(), "links to nothing, which cannot be tracked: 'data/b'") == (
        "rm 'data/b', or bring back 'nowhere'"
    )
    (work.root / "data/b").unlink()
    work.checkout()
    work.write(".dvc/config", "[cache]\n    type = symlink\n")
    work.checkout(relink=True)
    assert (work.root / "alone").is_symlink()
    shutil.rmtree(work.root / ".dvc/cache")
    assert "dv pull" in one(problems(), "links to objects that the cache lacks: 'alone', 'data/a', 'data/b'")
