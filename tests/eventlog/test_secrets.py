from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from data_versioning.eventlog import secrets
from data_versioning.formats.config_schema import SECRETS

# Every setting that the configuration calls secret, and the usual names elsewhere.
SECRET_NAMES = [
    *sorted(SECRETS),
    *("access_key", "access-key-secret", "api_key", "api-key", "apikey", "API_KEY", "AWS_SECRET_ACCESS_KEY"),
    *("GITHUB_TOKEN", "db.password", "PGPASSWORD", "credentials", "storage_account_key", "encryption_key"),
]
OPEN_NAMES = [
    "url",
    "region",
    "profile",
    "ask_password",
    "ask_passphrase",
    "keyfile",
    "ssl_verify",
    "user",
    "jobs",
    "targets",
    "max_tokens",
    "train.lr",
    "monkey",
    "endpointurl",
    "read_timeout",
    "auth",
    "sse",
]
SECRET = "hunter2/+=x"


@pytest.mark.parametrize("name", SECRET_NAMES)
@pytest.mark.parametrize(
    "form",
    [
        ["cmd", "--{name}={value}"],
        ["cmd", "--{name}", "{value}"],
        ["cmd", "{name}={value}"],
        ["-S", "{name}={value}"],
        ["remote", "modify", "r", "{name}", "{value}"],
        ["remote", "modify", "--local", "r", "{name}", "{value}"],
        ["remote", "modify", "r", "{name}", "--local", "{value}"],
        ["config", "remote.r.{name}", "{value}"],
        ["config", "--global", "remote.a-b.{name}", "{value}"],
        ["config", 'remote."r".{name}', "{value}"],
        ["stage", "add", "-n", "x", "python train.py --{name} {value} -v"],
        ["run", "{name}={value} python train.py"],
        ["run", 'curl -H "{name}: {value}"'],
        ["exp", "run", "-S", "params.yaml:train.{name}={value}"],
        ["x", '{{"{name}": "{value}"}}'],
        ["x", "https://host/p?{name}=hunter2&b=1"],
        ["--", "{name}={value}"],
    ],
)
def test_every_secret_in_every_form(name: str, form: list[str]) -> None:
    arguments = [text.format(name=name, value=SECRET) for text in form]
    masked = secrets.mask_argv(arguments)
    assert "hunter2" not in " ".join(masked)
    assert secrets.MASK in " ".join(masked)
    assert len(masked) == len(arguments)


@pytest.mark.parametrize("name", OPEN_NAMES)
def test_other_settings_stay_readable(name: str) -> None:
    for form in (
        ["remote", "modify", "r", name, "value"],
        [f"--{name}=value"],
        ["--" + name, "value"],
        [f"{name}=value"],
    ):
        assert secrets.mask_argv(form) == form


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("s3://key:secret@bucket/x", "s3://***@bucket/x"),
        ("ssh://me@host/x", "ssh://***@host/x"),
        ("https://u:p@ss@host/x", "https://***@host/x"),
        ("https://u:p/ss@host/x", "https://***@host/x"),
        ("https://host:8080/a", "https://host:8080/a"),
        ("s3://bucket/path@v1", "s3://bucket/path@v1"),
        ("https://h/c?sv=1&sig=abc%2F&se=2", "https://h/c?sv=1&sig=***&se=2"),
        ("https://h/c?X-Amz-Credential=a&X-Amz-Signature=b&X-Amz-Date=c", None),
        ("https://h/c?X-Goog-Signature=b", "https://h/c?X-Goog-Signature=***"),
        ("BlobEndpoint=https://a/;SharedAccessSignature=sv=1", None),
        ("DefaultEndpointsProtocol=https;AccountName=me;AccountKey=abc==;EndpointSuffix=core", None),
        ("Authorization: Bearer abc", "Authorization: ***"),
        ("a curl -H 'Authorization: Bearer abc' x", "a curl -H 'Authorization: Bearer ***' x"),
        ("plain text, nothing in it", "plain text, nothing in it"),
    ],
)
def test_texts(text: str, shown: str | None) -> None:
    (masked,) = secrets.mask_argv([text])
    if shown is None:
        assert secrets.MASK in masked
        assert not any(value in masked for value in ("abc", "Credential=a", "Signature=b", "sv=1"))
    else:
        assert masked == shown


def test_file_names_are_not_taken_for_settings() -> None:
    for line in (
        ["add", "password", "labels.csv"],
        ["add", "token", "data/secret"],
        ["push", "-r", "token", "data"],
    ):
        assert secrets.mask_argv(line) == line


def test_the_value_after_an_option_is_hidden_whatever_it_looks_like() -> None:
    assert secrets.mask_argv(["x", "--password", "-hunter2", "y"]) == ["x", "--password", "***", "y"]
    assert secrets.mask_argv(["remote", "modify", "r", "password", "--", "-hunter2"])[-1] == "***"
    assert secrets.mask_argv(["--password"]) == ["--password"]


@given(st.lists(st.text()))
def test_any_command_line_keeps_its_shape(arguments: list[str]) -> None:
    masked = secrets.mask_argv(arguments)
    assert len(masked) == len(arguments)
    assert secrets.mask_argv(masked) == masked


@given(st.text(alphabet="pasword=:/@?& -'\"{}x.", max_size=200))
def test_masking_is_quick_on_hostile_text(text: str) -> None:
    secrets.mask_text(text * 20)
