"""Settings: the same sections, options and values as DVC accepts, and the bytes DVC writes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dvc.config import Config
from dvc.config import ConfigError as DvcConfigError
from dvc.config_schema import REMOTE_SCHEMAS, SCHEMA
from hypothesis import example, given, settings
from hypothesis import strategies as st
from voluptuous import Marker

from data_versioning.errors import ConfigError
from data_versioning.formats import config, config_schema, configtext


def _names(options: dict[Any, Any]) -> set[str]:
    return {str(key.schema if isinstance(key, Marker) else key) for key in options}


def test_schema_has_the_options_of_dvc() -> None:
    plain = {
        name: options
        for name, options in SCHEMA.items()
        if name not in config_schema.NAMED and name != "feature"
    }
    assert {name: set(options) for name, options in config_schema.SECTIONS.items() if name != "feature"} == {
        name: _names(options) for name, options in plain.items()
    }
    for name in ("machine", "db"):
        assert set(config_schema.NAMED[name]) == _names(SCHEMA[name][str])
    assert {scheme: set(options) for scheme, options in config_schema.REMOTE.items()} == {
        scheme: _names(options) for scheme, options in REMOTE_SCHEMAS.items() if scheme != "remote"
    }


URLS = {
    scheme: f"{scheme}://host/path" if scheme else "../data" for scheme in (*config_schema.REMOTE, "remote")
} | {"s3 without host": "s3:///x", "file": "file:///x", "unknown": "ftp://x/y", "upper": "S3://Bucket"}
WORDS_OF_VALUES = (
    "true False TRUE yes 0 1 -1 1.5 -0.5 1e3 nan inf x group Group copy reflink,copy copy,x basic CUSTOM "
    "aws us-west store_true NARGS append"
)
SAMPLE_VALUES = [*WORDS_OF_VALUES.split(), "", "1_0", " 1 ", "reflink, copy", "é"]


def dvc_accepts(values: dict[str, dict[str, str]]) -> bool:
    nested: dict[str, Any] = {"remote": {}, "machine": {}, "db": {}}
    for section, options in values.items():
        kind, name = config_schema.split_section(section)
        if name is None:
            nested[section] = dict(options)
        else:
            nested[kind][name] = dict(options)
    try:
        Config.validate(nested)
    except DvcConfigError:
        return False
    return True


def we_accept(values: dict[str, dict[str, str]]) -> bool:
    try:
        config.merge([("repo", values)])
    except ConfigError as error:
        assert error.hint
        return False
    return True


def test_every_option_takes_the_values_that_dvc_takes() -> None:
    sections = [(section, key, {}) for section, options in config_schema.SECTIONS.items() for key in options]
    sections += [(f'{kind} "x"', key, {}) for kind in ("machine", "db") for key in config_schema.NAMED[kind]]
    sections += [
        ('remote "x"', key, {"url": url}) for url in URLS.values() for key in config_schema.NAMED["remote"]
    ]
    for section, key, others in sections:
        for value in SAMPLE_VALUES:
            values = {section: {**others, key: value}}
            assert we_accept(values) == dvc_accepts(values), values


@pytest.mark.parametrize(
    "values",
    [
        {"cores": {"remote": "x"}},
        {"cores": {}},
        {"core": {"remotes": "x"}},
        {"core": {}},
        {"feature": {"anything": "x"}},
        {'remote "x"': {}},
        {'remote "x"': {"region": "us"}},
        {'remote "x"': {"url": "s3://b", "profile": "p", "port": "1"}},
        {'remote "x"': {"url": "remote://y/z", "anything": "x"}},
        {'remote ""': {"url": "x"}},
        {"hydra": {"config_dir": "a", "config_module": "b"}},
        {'core "x"': {"remote": "y"}},
    ],
)
def test_sections_that_dvc_takes(values: dict[str, dict[str, str]]) -> None:
    assert we_accept(values) == dvc_accepts(values)


def test_merge() -> None:
    merged = config.merge(
        [
            ("global", {"core": {"remote": "a", "autostage": "True"}, 'remote "a"': {"url": "/a"}}),
            ("repo", {"core": {"remote": "B"}, 'remote "b"': {"url": "s3://b", "region": "EU"}}),
            ("local", {'remote "b"': {"secret_access_key": "x"}}),
        ]
    )
    assert merged.get("core", "remote") == "b"
    assert merged.get("core", "site_cache_dir") is None and merged.get("cache", "dir", "d") == "d"
    assert merged.flag("core", "autostage") and not merged.flag("core", "no_scm")
    assert merged.flag("core", "analytics", True)
    assert merged.remotes() == {
        "a": {"url": "/a"},
        "b": {"url": "s3://b", "region": "EU", "secret_access_key": "x"},
    }
    assert merged.origins['remote "b"'] == {"url": "repo", "region": "repo", "secret_access_key": "local"}
    assert config.Settings.unpack(merged.pack()) == merged


@pytest.mark.parametrize(
    ("section", "options", "message", "hint"),
    [
        (
            "core",
            {"remot": "x"},
            "unknown option 'core.remot'; did you mean 'remote'? (level local)",
            "dv config --local --unset core.remot",
        ),
        (
            "core",
            {"autostage": "1"},
            "core.autostage must be true or false, not '1' (level local)",
            "dv config --local --unset core.autostage",
        ),
        ("cor", {"x": "y"}, "unknown section [cor]; did you mean 'core'?", "remove it"),
        ('remote "a"', {"x": "y"}, "remote 'a' has no url", "dv remote modify a url URL"),
        (
            'remote "a"',
            {"url": "ftp://h/x"},
            "remote 'a': ftp:// is not supported",
            "dv remote modify a url URL",
        ),
        (
            'remote "a"',
            {"url": "/x", "token": "hush"},
            "unknown option 'remote.a.token'",
            "dv config --local --unset remote.a.token",
        ),
    ],
)
def test_error_says_what_is_wrong_and_what_to_do(
    section: str, options: dict[str, str], message: str, hint: str
) -> None:
    with pytest.raises(ConfigError) as caught:
        config.merge([("local", {section: options})])
    assert str(caught.value).startswith(message)
    assert (caught.value.hint or "").startswith(hint)
    assert "hush" not in str(caught.value)


def test_paths() -> None:
    values = {
        "cache": {"dir": "../c", "type": "copy"},
        'remote "a"': {"url": "x/../y", "keyfile": "~/k", "user": "u"},
    }
    home = os.path.expanduser("~")
    assert config.resolve_paths(values, "/r/.dvc") == {
        "cache": {"dir": "/r/c", "type": "copy"},
        'remote "a"': {"url": "/r/.dvc/y", "keyfile": f"{home}/k", "user": "u"},
    }
    assert config.resolve_path("s3://a/../b", "/r") == "s3://a/../b"


# Editing

WORDS = st.one_of(
    st.from_regex(r"[a-z0-9/.]{1,8}", fullmatch=True),
    st.text("ab ,#'\";=[]%$\\~./:-", min_size=1, max_size=8).filter(lambda text: not set("'\"") <= set(text)),
)
NAMES = st.sampled_from(["a", "b", "storage"])


@st.composite
def edits(draw: st.DrawFn) -> tuple[str, ...]:
    kind = draw(st.sampled_from(["set", "set", "unset", "add", "modify", "remove", "rename"]))
    if kind in ("set", "unset"):
        section, key = draw(
            st.sampled_from(
                [
                    ("core", "remote"),
                    ("core", "site_cache_dir"),
                    ("cache", "dir"),
                    ("exp", "git_remote"),
                    ("studio", "url"),
                ]
            )
        )
        return kind, section, key, draw(WORDS)
    if kind == "modify":
        return kind, draw(NAMES), draw(st.sampled_from(["url", "user", "keyfile"])), draw(WORDS)
    return kind, draw(NAMES), draw(NAMES), draw(WORDS)


def dvc_does(directory: Path, edit: tuple[str, ...]) -> None:
    """The change that DVC's command makes, without its check of the merged settings."""
    kind, name, key, value = edit
    settings = Config(str(directory), validate=False)
    with settings.edit("repo", validate=False) as conf:
        remotes = conf["remote"]
        if kind == "set":
            conf[name][key] = value
        elif kind == "unset":
            conf[name].pop(key, None)
        elif kind == "add":
            remotes[name] = {"url": value}
        elif kind == "modify":
            remotes.setdefault(name, {})[key] = value
        elif kind == "remove":
            remotes.pop(name, None)
        elif name in remotes and name != key:
            remotes[key] = remotes.pop(name)


def we_do(text: str, edit: tuple[str, ...], base: str) -> str:
    kind, name, key, value = edit
    section = name if kind in ("set", "unset") else config_schema.named("remote", name)
    if config.is_path(section, "url" if kind == "add" else key):
        value = config.saved_path(value, here=os.getcwd(), base=base)
    if kind in ("set", "modify"):
        return configtext.edit(text, section, key, value)
    if kind == "unset":
        return configtext.edit(text, section, key, None)
    if kind == "rename":
        new = config_schema.named("remote", key)
        return text if name == key else configtext.rename_section(text, section, new)
    return configtext.replace_section(text, section, {"url": value} if kind == "add" else None)


@settings(max_examples=150)
@given(st.lists(edits(), min_size=1, max_size=6))
@example([("set", "studio", "url", ""), ("set", "core", "remote", " a ")])
def test_edits_write_what_dvc_writes(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[str, ...]]
) -> None:
    directory = tmp_path_factory.getbasetemp() / "config-of-dvc"
    directory.mkdir(exist_ok=True)
    file = directory / "config"
    file.write_text("")
    text = ""
    for step in steps:
        before = file.read_text()
        try:
            dvc_does(directory, step)
        except Exception:  # a value that DVC itself cannot write, or not read again
            file.write_text(before)
            continue
        after = we_do(text, step, str(directory))
        if after == text and step[0] in ("remove", "rename", "unset"):
            file.write_text(before)
            continue
        text = after
        assert text == file.read_text(), (steps, step)
        assert config.read(text, file="x") == {
            config_schema.named("remote", name)
            if isinstance(value, dict) and section == "remote"
            else section: value
            for section, options in Config.load_file(str(file)).items()
            for name, value in (options.items() if section == "remote" else [("", options)])
            if section in ("remote", "core", "cache", "exp", "studio")
        }


COMMENTED = """\
# mine
[Core]
    remote = a   # the default
    # next
    autostage = true

['remote "a"']
url = ./x/../y
# end
"""


def test_comments_and_form_stay() -> None:
    changed = configtext.edit(COMMENTED, "core", "autostage", "false")
    assert [line.strip() for line in changed.splitlines() if "#" in line] == [
        "# mine",
        "remote = a    # the default",
        "# next",
        "# end",
    ]
    assert config.read(changed, file="x") == {
        "core": {"remote": "a", "autostage": "false"},
        'remote "a"': {"url": "./x/../y"},
    }
    added = configtext.edit(changed, "cache", "type", "copy")
    assert added.index("[cache]") < added.index('remote "a"') and "# mine" in added
    removed = configtext.replace_section(added, 'remote "a"', None)
    assert config.read(removed, file="x").keys() == {"core", "cache"}
    renamed = configtext.rename_section(added, 'remote "a"', 'remote "b"')
    assert config.read(renamed, file="x")['remote "b"'] == {"url": "./x/../y"} and "# mine" in renamed


def test_lists_are_for_link_types_only() -> None:
    assert config.read("[cache]\ntype = reflink, copy\n", file="x") == {"cache": {"type": "reflink,copy"}}
    with pytest.raises(ConfigError, match=r"core\.remote: a value with a comma needs quotes"):
        config.read("[core]\nremote = a, b\n", file="x")
    kept = configtext.edit("[cache]\ntype = reflink, copy\n", "core", "remote", "a")
    assert kept == "[cache]\n    type = reflink, copy\n[core]\n    remote = a\n"


def test_value_that_cannot_be_read_again_is_refused() -> None:
    for value in ("%(x)s", "'''\"\"\""):
        with pytest.raises(ConfigError):
            configtext.edit("", "core", "remote", value)


@pytest.mark.parametrize(
    "text",
    [
        "remote = a\n",
        "[core\n",
        "[core]\nremote\n",
        "[core]\nremote = a\nremote = b\n",
        "[core]\n[core]\n",
        "[core]\n[[deeper]]\na = 1\n",
        "[core]\nremote = %(x)s\n",
        "[core]\nremote = '''a\n",
        "[" * 50_000,
        "".join("[" * depth + "a" + "]" * depth + "\n" for depth in range(1, 400)),
        "[core]\nremote = " + "x" * 2_000_000,
        "<<<<<<< HEAD\n",
    ],
)
def test_bad_file_is_refused(text: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config.merge([("repo", config.read(text, file=".dvc/config"))])
    assert ".dvc/config" in str(caught.value) or "level repo" in str(caught.value)
    assert caught.value.hint


def _imports(code: str) -> bool:
    check = f"import sys\n{code}\nsys.exit(any(m in sys.modules for m in ('configobj', 'ruamel', 'difflib', 'yaml')))"
    return subprocess.run([sys.executable, "-c", check], check=False).returncode == 1


def test_merging_needs_no_configobj() -> None:
    assert not _imports(
        "from data_versioning.formats import config\nconfig.merge([('repo', {'core': {'remote': 'a'}})])"
    )
    assert _imports("from data_versioning.formats import config\nconfig.read('', file='x')")
