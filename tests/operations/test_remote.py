"""`dv remote` against the real one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.operations.twins import Twins
from tests.oracle import Tool


def test_a_life_of_remotes(twins: Twins) -> None:
    run = twins.run
    assert run("remote", "default") == 1
    assert run("remote", "list") == 0
    assert run("remote", "add", "Store", "../store", below="sub") == 0
    assert run("remote", "add", "-d", "cloud", "s3://bucket/data") == 0
    assert run("remote", "add", "--local", "here", "/mnt/here") == 0
    assert run("remote", "add", "--global", "everywhere", "~/store") == 0
    assert run("remote", "list", below="sub/deep") == 0
    assert run("remote", "list", "--local") == 0
    assert run("remote", "list", "--project") == 0
    assert run("remote", "default") == 0
    assert run("remote", "modify", "cloud", "region", "eu-central-1") == 0
    assert run("remote", "modify", "--local", "cloud", "secret_access_key", "s e c r e t") == 0
    assert run("remote", "modify", "store", "url", "elsewhere", below="sub") == 0
    assert run("remote", "modify", "-u", "cloud", "region") == 0
    assert run("remote", "modify", "--unset", "cloud", "region") == 0
    assert run("remote", "default", "--local", "here") == 0
    assert run("remote", "default") == 0
    assert run("remote", "rename", "here", "there", "--local") == 0
    assert run("remote", "list") == 0
    assert run("remote", "modify", "--local", "-u", "cloud", "secret_access_key") == 0
    assert run("remote", "remove", "--local", "cloud") == 0
    assert run("remote", "rename", "cloud", "bucket") == 0
    assert run("remote", "remove", "--local", "there") == 0
    assert run("remote", "default", "-u") == 0
    assert run("remote", "default") == 1
    assert run("remote", "remove", "store") == 0
    assert run("remote", "list") == 0


def test_replacing_drops_the_old_options(twins: Twins) -> None:
    assert twins.run("remote", "add", "a", "s3://one") == 0
    assert twins.run("remote", "add", "b", "/two") == 0
    assert twins.run("remote", "modify", "a", "region", "x") == 0
    assert twins.run("remote", "add", "a", "/three") == 251
    assert twins.run("remote", "add", "-f", "A", "/three") == 0


def test_removing_the_default_removes_it_from_the_stronger_levels(twins: Twins) -> None:
    assert twins.run("remote", "add", "a", "/a") == 0
    assert twins.run("remote", "default", "--local", "A") == 0
    assert twins.run("remote", "default", "a") == 0
    assert twins.run("remote", "remove", "a") == 0
    assert twins.run("remote", "default") == 1


def test_renaming_the_default_renames_it_in_the_stronger_levels(twins: Twins) -> None:
    assert twins.run("remote", "add", "a", "/a") == 0
    assert twins.run("remote", "default", "--local", "a") == 0
    assert twins.run("remote", "rename", "a", "z") == 0
    assert twins.run("remote", "default") == 0
    assert twins.run("remote", "rename", "z", "z") == 251


@pytest.mark.parametrize("args", [["rename", "a", "z"], ["remove", "a"]])
def test_no_level_is_left_with_half_a_remote(dv: Tool, twins: Twins, args: list[str]) -> None:
    root = twins.roots()[1]
    dv(root, "remote", "add", "a", "ssh://host/a").ok()
    dv(root, "remote", "modify", "--local", "a", "password", "x").ok()
    before = twins.files(root)
    result = dv(root, "remote", *args)
    assert result.code == 251
    assert "--show-origin" in result.err
    assert twins.files(root) == before


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["remove", "nobody"], 251),
        (["modify", "nobody", "url", "x"], 251),
        (["modify", "there", "nonsense", "x"], 251),
        (["modify", "there", "jobs", "many"], 251),
        (["modify", "there", "jobs"], 251),
        (["modify", "-u", "there", "url"], 251),
        (["modify", "there", "url", "gopher://x/y"], 251),
        (["rename", "nobody", "x"], 251),
        (["default", "nobody"], 251),
        (["remove", "--local", "there"], 251),
        (["add", "x"], 254),
        (["nonsense"], 254),
        ([], 254),
    ],
)
def test_what_dvc_refuses_is_refused_with_its_code(twins: Twins, args: list[str], code: int) -> None:
    assert twins.run("remote", "add", "there", "/there") == 0
    before = twins.files(twins.roots()[1])
    assert twins.run("remote", *args, stdout=False) == code
    assert twins.files(twins.roots()[1]) == before


@pytest.mark.parametrize(
    "url",
    [
        "store",
        "./store",
        "../..",
        ".",
        "/abs/../x",
        "a//b",
        "~/x",
        "~nobody/x",
        "s3://b/k",
        "file:///data",
        "remote://there/sub",
        "with space",
        "a'b",
    ],
)
def test_urls_are_saved_as_dvc_saves_them(twins: Twins, url: str) -> None:
    assert twins.run("remote", "add", "there", "/there") == 0
    assert twins.run("remote", "add", "x", url, below="sub") == 0
    assert twins.run("remote", "list", below="sub/deep") == 0
    assert twins.run("config", "core.autostage", "true") == 0


def test_json(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    dv(root, "remote", "add", "-d", "a", "/a").ok()
    dv(root, "remote", "add", "b", "s3://b").ok()
    assert dv(root, "remote", "default", "--json").json == {"remote": "a"}
    found = dv(root, "remote", "list", "--json").json
    assert found == [
        {"name": "a", "url": "/a", "default": True},
        {"name": "b", "url": "s3://b", "default": False},
    ]


def test_json_of_a_change(dv: Tool, twins: Twins) -> None:
    """The remotes as they are then."""
    root = twins.roots()[1]
    a = {"name": "a", "url": "/a", "default": True}
    assert dv(root, "remote", "add", "--json", "-d", "a", "/a").json == [a]
    assert dv(root, "remote", "modify", "--json", "a", "url", "/b").json == [{**a, "url": "/b"}]
    assert dv(root, "remote", "rename", "--json", "a", "c").json == [{**a, "name": "c", "url": "/b"}]
    assert dv(root, "remote", "default", "--json", "--unset").json == {"remote": None}
    assert dv(root, "remote", "default", "--json", "c").json == {"remote": "c"}
    assert dv(root, "remote", "remove", "--json", "c").json == []


def test_outside_a_repository(dvc: Tool, dv: Tool, place: Path) -> None:
    for tool in (dvc, dv):
        assert tool(place, "remote", "add", "x", "/x").code == 251
        assert tool(place, "remote", "list").code == 0


@pytest.mark.parametrize("name", ["", " ", "it's", "two\nlines", "bell\a"])
def test_names_that_no_configuration_can_hold(dv: Tool, twins: Twins, name: str) -> None:
    root = twins.roots()[1]
    dv(root, "remote", "add", "there", "/there").ok()
    before = twins.files(root)
    for args in (["add", "-d", name, "a"], ["rename", "there", name]):
        result = dv(root, "remote", *args)
        assert (result.code, result.out) == (254, "")
        assert "name" in result.err
    assert twins.files(root) == before


@pytest.mark.parametrize("name", ["two words", "[x]", "a.b", 'a"b', "a=b,c#d"])
def test_odd_names_that_dvc_takes(twins: Twins, name: str) -> None:
    assert twins.run("remote", "add", "-d", name, "/there") == 0
    assert twins.run("remote", "list") == 0


def test_a_refused_option_is_answered_with_the_right_one(dv: Tool, twins: Twins) -> None:
    root = twins.roots()[1]
    dv(root, "remote", "add", "r", "s3://bucket").ok()
    assert "try: dv config remote.r.region VALUE\n" in dv(root, "remote", "modify", "r", "regin", "x").err
    assert "try: dv config remote.r.jobs 1\n" in dv(root, "remote", "modify", "r", "jobs", "0").err
