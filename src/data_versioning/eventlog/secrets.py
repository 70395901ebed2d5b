"""Takes secrets out of command lines and messages before they are recorded.

A value is a secret when its name is: `--password=x`, `--password x`, `password=x`, and for commands that set
options `config remote.r.password x` and `remote modify r password x`. In URLs the user information and the
signatures of the query are. In doubt something harmless is hidden rather than a secret shown.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "***"

_NAME = (
    r"(?:[\w.-]*(?:password|passwd|passphrase|secret|token|credentials?|connection[-_]?string|apikey|account[-_]?key"
    r"|signature|authorization|cookie|token[-_]command|auth[-_]header)|(?:[\w.-]*[-_.])?(?:pass|pwd|sas|[a-z0-9]+[-_]key|(?:access|oss)[-_]key[-_]id))"
)
# Compiled when first used: it takes milliseconds, and few commands name anything that may be a secret.
_SECRET = rf"(?i)\A{_NAME}\Z"
_HARMLESS = r"(?i)(?:\A|[-_.])(?:ask[-_][a-z]+|(?:primary|foreign|public|sort)[-_]key)\Z"
_NAMED = r"(?s)\A(-*)([\w.\"'-]+?)(=|:\s*)(.+)\Z"
_VALUE = r"(?:\"[^\"]*\"|'[^']*'|[^\s;,&'\"]+)"
_INLINE = rf"(?i)(\b{_NAME})([\"']?\s*[=:]\s*(?:bearer\s+|basic\s+)?){_VALUE}"
_OPTION = rf"(?i)(--{_NAME})(\s+){_VALUE}"
_USER = r"(?i)\b([a-z][a-z0-9+.-]*://)(?:[^/?#\s]*@|[^/?#\s:@]+:(?!\d+/)[^?#\s]*@)"
_QUERY = r"(?i)([?&;](?:[\w.-]*[-_.])?(?:sig|key|auth|code)=)[^&#\s]+"
_SETTING_COMMANDS = frozenset(("config", "remote"))


def is_secret_name(name: str) -> bool:
    """Whether the value of an option or setting of this name must not be shown.

    >>> [is_secret_name(name) for name in ("password", "remote.r.secret_access_key", "sas_token", "api-key")]
    [True, True, True, True]
    >>> [is_secret_name(name) for name in ("url", "sse_kms_key_id", "ask_password", "keyfile", "max_tokens")]
    [False, False, False, False, False]
    """
    name = name.rpartition(".")[2].strip("-\"' ")
    return bool(re.match(_SECRET, name)) and not re.search(_HARMLESS, name)


def mask_text(text: str) -> str:
    """Hide passwords and signatures of URLs, and `password=…` inside a message.

    >>> mask_text("s3://me:pw@host/x?X-Amz-Signature=abc&a=1 failed, AccountKey=k==;x")
    's3://***@host/x?X-Amz-Signature=***&a=1 failed, AccountKey=***;x'
    """
    if _is_plain(text):
        return text
    text = re.sub(_QUERY, rf"\g<1>{MASK}", re.sub(_USER, rf"\g<1>{MASK}@", text))
    return re.sub(_INLINE, _mask_match, re.sub(_OPTION, _mask_match, text))


def mask_argv(arguments: Sequence[str]) -> list[str]:
    """Return the command line with every secret replaced.

    >>> mask_argv(["remote", "modify", "r", "password", "--local", "hunter2"])
    ['remote', 'modify', 'r', 'password', '--local', '***']
    >>> mask_argv(["config", "remote.r.token", "t"]), mask_argv(["add", "password", "labels.csv"])
    (['config', 'remote.r.token', '***'], ['add', 'password', 'labels.csv'])
    """
    sets_options = not _SETTING_COMMANDS.isdisjoint(arguments)
    masked: list[str] = []
    expected = ""  # the secret name whose value comes next
    only_values = False  # after "--" nothing is an option
    for argument in arguments:
        only_values = only_values or argument == "--"
        is_value = expected.startswith("-") or not argument.startswith("-") or only_values
        if expected and is_value and argument != "--":
            masked.append(MASK)
            expected = ""
            continue
        masked.append(_mask_named(argument))
        if (argument.startswith("-") or sets_options) and is_secret_name(argument):
            expected = argument
    return masked


def _mask_match(match: re.Match[str]) -> str:
    return f"{match[1]}{match[2]}{MASK}" if is_secret_name(match[1]) else match[0]


def _is_plain(text: str) -> bool:
    """Whether the text holds none of the signs that come before every secret."""
    return "=" not in text and ":" not in text and "--" not in text


def _mask_named(argument: str) -> str:
    if _is_plain(argument):
        return argument
    named = re.match(_NAMED, argument)
    if named and is_secret_name(named[2]):
        return f"{named[1]}{named[2]}{named[3]}{MASK}"
    return mask_text(argument)
