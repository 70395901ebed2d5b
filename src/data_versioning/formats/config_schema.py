"""What may stand in `.dvc/config`: sections, options, and what their values mean (DVC 3)."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Final

LINK_TYPES = ("reflink", "hardlink", "symlink", "copy")

# Returns what is expected, when the value is something else.
Check = Callable[[str], str | None]


def text(value: str) -> str | None:
    """Anything."""
    return None


def flag(value: str) -> str | None:
    """A boolean."""
    return None if value.lower() in ("true", "false") else "true or false"


def link_types(value: str) -> str | None:
    """Link types in the order in which they are tried."""
    wrong = {kind.strip() for kind in value.split(",")} - set(LINK_TYPES)
    return f"a comma-separated list of {', '.join(LINK_TYPES)}" if wrong else None


def integer(value: str) -> str | None:
    """A whole number."""
    try:
        int(value)
    except ValueError:
        return "a whole number"
    return None


def count(value: str) -> str | None:
    """A whole number, 1 or more."""
    return "a whole number, 1 or more" if integer(value) or int(value) < 1 else None


def percent(value: str) -> str | None:
    """A whole number between 0 and 100."""
    return "a whole number between 0 and 100" if integer(value) or not 0 <= int(value) <= 100 else None


def real(value: str) -> str | None:
    """A number."""
    try:
        float(value)
    except ValueError:
        return "a number"
    return None


def seconds(value: str) -> str | None:
    """A number that is not negative."""
    return "a number, 0 or more" if real(value) or not float(value) >= 0 else None


def unsettable(value: str) -> str | None:
    """Nothing: DVC refuses every value of this option that comes from a file."""
    return "no value: DVC does not accept this option from a file"


def choice(*words: str) -> Check:
    """Return the check for one of `words`, in any case."""

    def check(value: str) -> str | None:
        return None if value.lower() in words else f"one of {', '.join(words)}"

    return check


def _options(check: Check, names: str) -> dict[str, Check]:
    return dict.fromkeys(names.split(), check)


_COMMON = {
    **_options(text, "url"),
    **_options(count, "jobs checksum_jobs"),
    **_options(flag, "worktree version_aware no_traverse"),
}
_VERIFY = _options(flag, "verify")
_LOCAL = {
    **_options(link_types, "type"),
    **_options(choice("group"), "shared"),
    **_options(flag, "protected slow_link_warning verify"),
}
_HTTP = {
    **_options(choice("basic", "digest", "custom"), "auth"),
    **_options(text, "custom_auth_header user password ssl_verify method"),
    **_options(flag, "ask_password verify"),
    **_options(seconds, "connect_timeout read_timeout"),
    **_COMMON,
}
_WEBDAV = {
    **_options(
        text, "user password token bearer_token_command custom_auth_header cert_path key_path ssl_verify"
    ),
    **_options(flag, "ask_password verify"),
    **_options(integer, "timeout"),
    **_COMMON,
}

# Scheme of the remote's url ("" for a path) -> options; `remote://` urls take any option.
REMOTE: Final[Mapping[str, Mapping[str, Check]]] = {
    "": {**_LOCAL, **_COMMON},
    "s3": {
        **_options(
            text,
            "region profile credentialpath configpath endpointurl access_key_id secret_access_key "
            "session_token ssl_verify sse sse_kms_key_id sse_customer_algorithm sse_customer_key acl"
            " grant_read grant_read_acp grant_write_acp grant_full_control",
        ),
        **_options(flag, "listobjects use_ssl allow_anonymous_login verify"),
        **_options(integer, "read_timeout connect_timeout"),
        **_options(unsettable, "cache_regions"),
        **_COMMON,
    },
    "gs": {
        **_options(text, "projectname credentialpath endpointurl"),
        **_options(flag, "allow_anonymous_login verify"),
        **_COMMON,
    },
    "ssh": {
        **_options(link_types, "type"),
        **_options(text, "user password passphrase keyfile"),
        **_options(integer, "port timeout max_sessions"),
        **_options(flag, "ask_password ask_passphrase gss_auth allow_agent verify"),
        **_COMMON,
    },
    "hdfs": {**_options(text, "user kerb_ticket"), **_options(unsettable, "replication"), **_COMMON},
    "webhdfs": {
        **_options(text, "kerberos_principal proxy_to ssl_verify token user password data_proxy_target"),
        **_options(flag, "kerberos use_https verify"),
        **_COMMON,
    },
    "azure": {
        **_options(
            text,
            "connection_string sas_token account_name account_key tenant_id client_id client_secret",
        ),
        **_options(
            flag,
            "allow_anonymous_login exclude_environment_credential exclude_visual_studio_code_credential"
            " exclude_shared_token_cache_credential exclude_managed_identity_credential verify",
        ),
        **_options(integer, "timeout read_timeout connection_timeout"),
        **_COMMON,
    },
    "oss": {**_options(text, "oss_key_id oss_key_secret oss_endpoint"), **_VERIFY, **_COMMON},
    "gdrive": {
        **_options(
            text,
            "profile gdrive_client_id gdrive_client_secret gdrive_user_credentials_file"
            " gdrive_service_account_user_email gdrive_service_account_json_file_path",
        ),
        **_options(flag, "gdrive_use_service_account gdrive_trash_only gdrive_acknowledge_abuse verify"),
        **_COMMON,
    },
    "http": _HTTP,
    "https": _HTTP,
    "webdav": _WEBDAV,
    "webdavs": _WEBDAV,
}

SECTIONS: Final[Mapping[str, Mapping[str, Check]]] = {
    "core": {
        **_options(text, "remote machine site_cache_dir"),
        **_options(count, "checksum_jobs"),
        **_options(flag, "interactive analytics hardlink_lock no_scm autostage experiments check_update"),
    },
    "cache": {**_options(text, "local s3 gs hdfs webhdfs ssh azure dir"), **_LOCAL},
    "state": {
        **_options(text, "dir"),
        **_options(count, "row_limit"),
        **_options(percent, "row_cleanup_quota"),
    },
    "index": _options(text, "dir"),
    "feature": _options(flag, "machine"),
    "plots": {**_options(text, "html_template out_dir"), **_options(flag, "auto_open")},
    "exp": {
        **_options(text, "code data models metrics params plots live git_remote"),
        **_options(flag, "auto_push"),
    },
    "parsing": {
        **_options(choice("store_true", "boolean_optional"), "bool"),
        **_options(choice("nargs", "append"), "list"),
    },
    "hydra": {
        **_options(flag, "enabled"),
        **_options(text, "config_dir config_module config_name plugins_path"),
    },
    "studio": {**_options(text, "token url repo_url"), **_options(flag, "offline")},
}

# Sections that have a name, as in [remote "storage"]; the options of a remote depend on its url.
NAMED: Final[Mapping[str, Mapping[str, Check]]] = {
    "remote": {name: check for options in REMOTE.values() for name, check in options.items()},
    "machine": {
        **_options(choice("aws", "azure"), "cloud"),
        **_options(choice("us-west", "us-east", "eu-west", "eu-north"), "region"),
        **_options(text, "image instance_type instance_gpu ssh_private startup_script setup_script"),
        **_options(flag, "spot"),
        **_options(real, "spot_price"),
        **_options(integer, "instance_hdd_size"),
    },
    "db": _options(text, "url username password"),
}

# Options whose relative value is relative to the file they stand in.
PATHS: Final[Mapping[str, frozenset[str]]] = {
    "cache": frozenset({"dir"}),
    "remote": frozenset(
        {
            "url",
            "credentialpath",
            "configpath",
            "keyfile",
            "cert_path",
            "key_path",
            "gdrive_user_credentials_file",
            "gdrive_service_account_json_file_path",
        }
    ),
    "machine": frozenset({"startup_script", "setup_script"}),
}

# Options whose value must never be shown or logged; a url may hold a password too.
SECRETS: Final = frozenset(
    {
        "access_key_id",
        "secret_access_key",
        "session_token",
        "sse_customer_key",
        "connection_string",
        "sas_token",
        "account_key",
        "client_secret",
        "password",
        "passphrase",
        "token",
        "custom_auth_header",
        "bearer_token_command",
        "oss_key_id",
        "oss_key_secret",
        "gdrive_client_secret",
    }
)

# Options that hold a word whose case does not matter.
LOWER_CASE: Final[Mapping[str, frozenset[str]]] = {
    "core": frozenset({"remote", "machine"}),
    "cache": frozenset({"shared"}),
    "remote": frozenset({"shared", "auth"}),
    "parsing": frozenset({"bool", "list"}),
}

_NAMED_SECTION = re.compile(r'\s*(remote|machine|db)\s*"(.*)"\s*')
_URL = re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*)://[^/?#]")


def split_section(section: str) -> tuple[str, str | None]:
    """Return kind and name of a section.

    >>> split_section('remote "storage"'), split_section("core")
    (('remote', 'storage'), ('core', None))
    """
    found = _NAMED_SECTION.fullmatch(section)
    return (found[1], found[2]) if found else (section, None)


def named(kind: str, name: str) -> str:
    """Return the section of `name`.

    >>> named("remote", "Storage")
    'remote "storage"'
    """
    return f'{kind} "{name.lower()}"'


def scheme(url: str) -> str:
    """Return the scheme that decides about a remote's options; "" for a path and for a url without host.

    >>> scheme("s3://bucket/x"), scheme("../data"), scheme("file:///data")
    ('s3', '', '')
    """
    found = _URL.match(url)
    return found[1].lower() if found else ""
