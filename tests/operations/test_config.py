"""`dv config` against the real one: output, exit codes and files."""

from __future__ import annotations

from hashlib import md5
from pathlib import Path

import pytest

from data_versioning.operations import config
from tests.operations.twins import Twins
from tests.oracle import Sandbox, Tool
from tests.tracking import records


def test_options_of_all_levels_are_set_read_listed_and_removed(twins: Twins) -> None:
    assert twins.run("config", "core.autostage", "true") == 0
    assert twins.run("config", "--project", "core.check_update", "False") == 0
    assert twins.run("config", "--local", "core.autostage", "false") == 0
    assert twins.run("config", "--global", "cache.type", "hardlink,copy") == 0
    assert twins.run("config", "core.autostage") == 0
    assert twins.run("config", "--project", "core.autostage") == 0
    assert twins.run("config", "cache.type") == 0
    assert twins.run("config", "core.remote") == 0, "an option that nobody sets prints nothing"
    assert twins.run("config", "--local", "core.remote") == 251
    assert twins.run("config", "-l") == 0
    assert twins.run("config", "-l", "--show-origin", "--project") == 0
    assert twins.run("config", "--show-origin", "core.autostage", below="sub") == 0
    assert twins.run("config", "-u", "core.autostage") == 0
    assert twins.run("config", "--unset", "core.autostage") == 251
    assert twins.run("config", "--local", "-u", "core.autostage") == 0
    assert twins.run("config", "-l") == 0


def test_remote_options_and_paths_relative_to_the_current_directory(twins: Twins) -> None:
    assert twins.run("config", "remote.Store.url", "../store", below="sub/deep") == 0
    assert twins.run("config", "remote.store.jobs", "3") == 0
    assert twins.run("config", "--local", "remote.store.url", "/data/store") == 0
    assert twins.run("config", "remote.other.url", "s3://bucket/path") == 0
    assert twins.run("config", "remote.other.credentialpath", "keys", below="sub") == 0
    assert twins.run("config", "remote.third.url", "~/store") == 0
    assert twins.run("config", "cache.dir", "c", below="sub") == 0
    assert twins.run("config", "--global", "cache.dir", "shared cache") == 0
    assert twins.run("config", "remote.store.url") == 0
    assert twins.run("config", "remote.other.credentialpath") == 0
    assert twins.run("config", "-l") == 0
    assert twins.run("config", "db.warehouse.url", "sqlite:///x.db") == 0


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["core.nonsense", "1"], 251),
        (["nonsense.option", "1"], 251),
        (["core.autostage", "maybe"], 251),
        (["cache.type", "softlink"], 251),
        (["cache.shared", "everybody"], 251),
        (["remote.x.jobs", "1"], 251),
        (["core.checksum_jobs", "0"], 251),
        (["-u", "core.remote"], 251),
        (["-u", "remote.x.url"], 251),
        (["nodots", "1"], 254),
        (["a.b.c.d", "1"], 254),
        (["--nonsense"], 254),
        (["--local", "--global", "-l"], 254),
        ([], 1),
        (["-l", "core.remote"], 1),
        (["--show-origin", "core.remote", "x"], 1),
        (["--system", "core.remote"], 251),
    ],
)
def test_what_dvc_refuses_is_refused_with_its_code(twins: Twins, args: list[str], code: int) -> None:
    before = twins.files(twins.roots()[1])
    assert twins.run("config", *args, stdout=False) == code
    assert twins.files(twins.roots()[1]) == before


def test_values_with_odd_characters(twins: Twins) -> None:
    for value in (
        "",
        "a b",
        "a,b",
        "a#b",
        "a = b",
        '"quoted"',
        "it's",
        "[x]",
        "  padded ",
        "-",
        "$HOME",
    ):
        assert twins.run("config", "exp.git_remote", "--", value) == 0
        assert twins.run("config", "exp.git_remote") == 0


def test_values_beyond_ascii_which_dvc_cannot_write(dvc: Tool, dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    dv(root, "config", "exp.git_remote", "ünï/日本").ok()
    assert dv(root, "config", "exp.git_remote").ok().out == "ünï/日本\n"
    assert dvc(root, "config", "exp.git_remote").ok().out == "ünï/日本\n"


def test_abbreviations_and_any_order(twins: Twins) -> None:
    assert twins.run("config", "core.remote", "x", "--loc") == 0
    assert twins.run("config", "--li", "--show-o") == 0
    assert twins.run("config", "--uns", "--local", "core.remote") == 0
    assert twins.run("config", "-lq") == 0


def test_outside_a_repository_only_the_users_own_levels_exist(dvc: Tool, dv: Tool, place: Path) -> None:
    for tool in (dvc, dv):
        assert tool(place, "config", "core.remote", "x").code == 251
        assert tool(place, "config", "--local", "core.remote").code == 251
        assert tool(place, "config", "-l").code == 0
        assert tool(place, "config", "core.remote").code == 0


def test_comments_stay(dv: Tool, twins: Twins) -> None:
    file = twins.roots()[1] / ".dvc/config"
    file.write_text("# ours\n[core]\n    remote = x  # the fast one\n['remote \"x\"']\n    url = /x\n")
    dv(file.parent.parent, "config", "core.autostage", "true").ok()
    assert "# ours\n" in file.read_text()
    assert "# the fast one" in file.read_text()


def test_json_has_level_file_name_and_value(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    dv(root, "config", "--local", "core.remote", "x").ok()
    found = dv(root, "config", "core.remote", "--json").json
    assert found == [
        {"level": "local", "file": f"{root}/.dvc/config.local", "name": "core.remote", "value": "x"}
    ]
    assert dv(root, "config", "--json", "core.autostage").json == []
    assert dv(root, "config", "--local", "--json", "core.remote", "y").json == [{**found[0], "value": "y"}]
    assert dv(root, "config", "--local", "--json", "--unset", "core.remote").json == []


def test_a_change_is_recorded_without_its_secret(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    dv(root, "remote", "add", "s", "ssh://host/path").ok()
    dv(root, "config", "--local", "remote.s.password", "hunter2").ok()
    log = (root / ".git/dv/log/events.jsonl").read_text()
    assert '"verb":"config"' in log
    assert "hunter2" not in log


def test_a_broken_file_is_an_error_with_its_name(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    (root / ".dvc/config").write_text("[core\nremote = x\n")
    result = dv(root, "config", "core.autostage", "true")
    assert result.code == 251
    assert ".dvc/config" in result.err
    assert (root / ".dvc/config").read_text() == "[core\nremote = x\n"


def test_names_are_read_as_dvc_reads_them() -> None:
    assert config.Name.parse("remote.A.url") == config.Name(section='remote "a"', option="url")
    assert config.Name.parse("remote.url") == config.Name(section="remote", option="url")
    with pytest.raises(ValueError, match=r"section\.option"):
        config.Name.parse("a.b.c")


def test_two_writers_lose_nothing(dv: Tool, twins: Twins, sandbox: Sandbox) -> None:
    root = twins.roots()[1]
    running = [dv.start(root, "config", f"remote.r{number}.url", f"/{number}") for number in range(6)]
    assert [process.wait(60) for process in running] == [0] * 6
    for process in running:
        process.communicate()
    text = (root / ".dvc/config").read_text()
    assert all(f'remote "r{number}"' in text for number in range(6))


@pytest.mark.parametrize(
    ("args", "hint"),
    [
        (["core.foo", "bar"], "the options of [core] are analytics, autostage, "),
        (["core.remot", "x"], "try: dv config core.remote VALUE\n"),
        (["cor.remote", "x"], "try: dv config core.remote VALUE\n"),
        (["nonsense.x", "y"], "the sections are core, cache, "),
        (["cache.type", "hardlin"], "try: dv config cache.type hardlink\n"),
        (["cache.type", "reflink,hardlin"], "try: dv config cache.type reflink,hardlink\n"),
        (["--local", "core.autostage", "yes"], "try: dv config --local core.autostage true\n"),
        ([], "try: dv config --list\n"),
    ],
)
def test_the_hint_of_a_refused_change_says_what_to_type(
    dv: Tool, twins: Twins, args: list[str], hint: str
) -> None:
    assert hint in dv(twins.roots()[1], "config", *args).err


def test_a_wrong_option_in_a_file_is_to_be_removed(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    (root / ".dvc/config").write_text("[core]\n    remot = x\n")
    result = dv(root, "config", "core.autostage", "true")
    assert "try: dv config --project --unset core.remot\n" in result.err


@pytest.mark.parametrize(
    "args",
    [
        ("config", "core.autostage", "true"),
        ("remote", "add", "store", "/data"),
        ("cache", "dir", "/objects"),
        ("remote", "add", "-d", "other", "/data"),
        ("remote", "remove", "store"),
        ("remote", "default", "-u"),
        ("config", "-u", "core.autostage"),
    ],
)
def test_the_record_has_the_hashes_of_the_configuration(
    dv: Tool, repository: Path, args: tuple[str, ...]
) -> None:
    file = repository / ".dvc/config"
    file.write_bytes(
        b"[core]\r\n    autostage = false\r\n    remote = store\r\n['remote \"store\"']\r\n    url = /x\r\n"
    )
    if args[:2] == ("remote", "add"):
        args = (*args[:2], "-f", *args[2:])
    before = md5(file.read_bytes()).hexdigest()
    dv(repository, *args).ok()
    after = md5(file.read_bytes()).hexdigest()
    assert before != after
    assert records(repository)[-1]["pointers"] == [[".dvc/config", before, after]]
    dv(repository, "config", "core.check_update", "true").ok()
    dv(repository, "config", "core.check_update", "true").ok()
    assert records(repository)[-1]["pointers"] == []


def test_the_record_of_a_configuration_that_is_new(dv: Tool, repository: Path) -> None:
    file = repository / ".dvc/config"
    file.unlink()
    dv(repository, "config", "core.autostage", "true").ok()
    assert records(repository)[-1]["pointers"] == [[".dvc/config", None, md5(file.read_bytes()).hexdigest()]]


def test_nothing_is_told_of_the_local_configuration(dv: Tool, repository: Path) -> None:
    """It may hold secrets: a hash of few characters can be guessed."""
    dv(repository, "remote", "add", "--local", "store", "/data").ok()
    assert (records(repository)[-1]["verb"], records(repository)[-1]["pointers"]) == ("remote add", [])
