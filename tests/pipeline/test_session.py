from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from data_versioning.errors import Conflict, DiskError
from data_versioning.pipeline import session
from data_versioning.pipeline.session import Finished, Session
from data_versioning.workspace import scan

DONE = Finished("dvc.lock", "train", "cmd: x\n")


@pytest.fixture
def out(place: Path) -> Path:
    path = place / "model"
    path.mkdir()
    (path / "weights").write_text("old")
    return path


def killed(place: Path, action: str) -> None:
    """Begin a session in a process that ends without ending it."""
    script = (
        "import os, sys\nfrom data_versioning.pipeline.session import *\n"
        f"s = Session.begin({str(place / 'tmp')!r})\n{action}\nos._exit(0)\n"
    )
    subprocess.run([sys.executable, "-c", script], check=True, cwd=place)


def recovered(place: Path) -> list[Finished]:
    return [one for done, _ in session.recover(str(place / "tmp")) for one in done]


def test_what_failed_is_put_back(place: Path, out: Path) -> None:
    run = Session.begin(str(place / "tmp"))
    run.move_aside("dvc.yaml:train", [str(out), str(place / "absent")])
    assert not out.exists()
    out.write_text("half")
    (place / "absent").write_text("half, too")
    kept = run.put_back("dvc.yaml:train")
    assert (out / "weights").read_text() == "old"
    assert not (place / "absent").exists()
    assert kept
    assert sorted(os.listdir(kept)) == ["absent", "model"]
    run.end()
    assert os.listdir(place / "tmp/repro") == []


def test_nothing_was_made(place: Path, out: Path) -> None:
    run = Session.begin(str(place / "tmp"))
    run.move_aside("s", [str(out)])
    assert run.put_back("s") is None
    assert (out / "weights").read_text() == "old"
    run.end()


def test_what_finished_replaces(place: Path, out: Path) -> None:
    run = Session.begin(str(place / "tmp"))
    run.move_aside("s", [str(out)])
    out.write_text("new")
    run.finished("s", DONE)
    run.discard("s")
    run.end()
    assert out.read_text() == "new"
    assert recovered(place) == []


def test_the_end_puts_back_what_is_open(place: Path, out: Path) -> None:
    run = Session.begin(str(place / "tmp"))
    run.move_aside("s", [str(out)])
    run.end()
    assert (out / "weights").read_text() == "old"


def test_a_killed_run(place: Path, out: Path) -> None:
    killed(place, f"s.move_aside('s', [{str(out)!r}]); open({str(out)!r}, 'w').write('half')")
    assert out.read_text() == "half"
    assert recovered(place) == []
    assert (out / "weights").read_text() == "old"
    assert (place / "tmp/failed/s/model").read_text() == "half"


def test_a_killed_run_with_a_stage_that_finished(place: Path, out: Path) -> None:
    killed(
        place,
        f"s.move_aside('s', [{str(out)!r}]); open({str(out)!r}, 'w').write('new');"
        " s.finished('s', Finished('dvc.lock', 'train', 'cmd: x\\n'))",
    )
    assert recovered(place) == [DONE]
    assert out.read_text() == "new"
    assert recovered(place) == []


def test_a_torn_journal(place: Path, out: Path) -> None:
    killed(
        place,
        f"s.move_aside('s', [{str(out)!r}]); s.finished('t', Finished('dvc.lock', 't', 'x'))\n"
        "open(s._directory + '/journal', 'a').write('[\"s\", \"dvc.lo')",
    )
    assert [done.name for done in recovered(place)] == ["t"]
    assert (out / "weights").read_text() == "old"


def test_a_line_of_the_journal_that_a_full_disk_cut_off(place: Path) -> None:
    """It spoils no other line."""
    killed(
        place,
        "open(s._directory + '/journal', 'a').write('[\"s\", \"dvc.lo')\n"
        "s.finished('t', Finished('dvc.lock', 't', 'x'))",
    )
    assert [done.name for done in recovered(place)] == ["t"]


def test_a_run_that_could_not_be_recorded_is_left_to_the_next(place: Path, out: Path) -> None:
    run = Session.begin(str(place / "tmp"))
    run.move_aside("s", [str(out)])
    run.finished("t", DONE)
    run.leave()
    assert recovered(place) == [DONE]
    assert (out / "weights").read_text() == "old"


def test_what_begins_is_taken_for_killed_by_another(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another run looks in the moment between the directory and its lock."""
    make, once = session.atomic.make_directory, []

    def meet(path: str, mode: int | None = None) -> None:
        make(path, mode)
        if not once and os.path.basename(path) not in {"tmp", "repro"}:
            once.append(path)
            assert recovered(place) == []
            assert not Path(path).exists()

    monkeypatch.setattr(session.atomic, "make_directory", meet)
    run = Session.begin(str(place / "tmp"))
    assert recovered(place) == []
    assert len(os.listdir(place / "tmp/repro")) == 1
    run.end()


def test_a_file_where_the_directory_of_an_output_was(place: Path, out: Path) -> None:
    run = Session.begin(str(place / "tmp"))
    run.move_aside("s", [str(out / "weights")])
    out.rmdir()
    out.write_text("a file")
    kept = run.put_back("s")
    assert (out / "weights").read_text() == "old"
    assert kept
    assert Path(kept, "model").read_text() == "a file"
    run.end()


def test_what_cannot_be_recorded_is_not_forgotten(place: Path) -> None:
    """The one who recovers is killed, too."""
    killed(place, "s.finished('t', Finished('dvc.lock', 't', 'x'))")
    found = session.recover(str(place / "tmp"))
    assert next(found)
    del found
    assert [done.name for done in recovered(place)] == ["t"]
    assert recovered(place) == []


def test_a_run_under_way_is_left_alone(place: Path, out: Path) -> None:
    run = Session.begin(str(place / "tmp"))
    run.move_aside("s", [str(out)])
    assert recovered(place) == []
    assert not out.exists()
    run.put_back("s")
    run.end()


def test_a_command_that_outlived_its_run(place: Path, out: Path) -> None:
    killed(
        place,
        f"import subprocess\ns.move_aside('s', [{str(out)!r}])\n"
        "p = subprocess.Popen(['sleep', '60'], pass_fds=[s.lock]); open('pid', 'w').write(str(p.pid))",
    )
    with pytest.raises(Conflict, match="sleep 60"):
        recovered(place)
    assert not out.exists()
    subprocess.run(["kill", "-9", (place / "pid").read_text()], check=True)
    assert recovered(place) == []
    assert (out / "weights").read_text() == "old"


def test_a_command_that_is_just_ending(place: Path, out: Path) -> None:
    killed(
        place,
        f"import subprocess\ns.move_aside('s', [{str(out)!r}])\n"
        "subprocess.Popen(['sleep', '0.7'], pass_fds=[s.lock])",
    )
    assert recovered(place) == []
    assert (out / "weights").read_text() == "old"


def test_two_find_a_killed_run(place: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One puts it in order just before the other one has its lock."""
    killed(place, f"s.move_aside('s', [{str(out)!r}])")
    lock, others = session.fcntl.flock, [0]

    def meet(descriptor: int, kind: int) -> None:
        if others:
            others.pop()
            assert recovered(place) == []
        lock(descriptor, kind)

    monkeypatch.setattr(session.fcntl, "flock", meet)
    assert recovered(place) == []
    assert (out / "weights").read_text() == "old"
    assert os.listdir(place / "tmp/repro") == []


def test_what_cannot_be_moved(place: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    other = place / "other"
    other.write_text("other")
    rename = os.rename

    def fails(source: str, target: str) -> None:
        if source == str(other):
            raise PermissionError(13, "Permission denied")
        rename(source, target)

    run = Session.begin(str(place / "tmp"))
    with monkeypatch.context() as patched, pytest.raises(DiskError, match="other"):
        patched.setattr(os, "rename", fails)
        run.move_aside("s", [str(out), str(other)])
    assert (out / "weights").read_text() == "old"
    assert other.read_text() == "other"
    run.end()


@pytest.mark.parametrize("stage", ["sub/dvc.yaml:a@é", "../../x", "a" * 300, "é" * 150])
def test_names_stay_inside(stage: str) -> None:
    name = session.safe_name(stage)
    assert "/" not in name
    assert len(name.encode()) <= 200
    assert name not in {".", ".."}


def test_names_differ() -> None:
    stages = ["s@a/b", "s@a_b", "s@a b", "a/dvc.yaml:s", "a_dvc.yaml:s", "s" * 250, "s" * 251]
    assert len({session.safe_name(stage) for stage in stages}) == len(stages)


def test_outputs_on_another_disk(place: Path, out: Path, tmp_path: Path) -> None:
    """They stay there, under a name that nobody sweeps away."""
    if os.stat(tmp_path).st_dev == os.stat(place).st_dev:
        pytest.fail("the RAM disk and the temporary directory are the same")
    run = Session.begin(str(tmp_path))
    run.move_aside("s", [str(out)])
    (aside,) = place.iterdir()
    assert not scan.LEFTOVER.search(bytes(aside))
    assert (aside / "weights").read_text() == "old"
    run.put_back("s")
    run.end()
    assert (out / "weights").read_text() == "old"
    assert list(place.iterdir()) == [out]
