"""Keeps passwords, keys and tokens out of everything that is written down or shown."""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "***"

# What the name of an option ends with when its value is secret.
_ANNOUNCED = (
    r"(?:password|passphrase|token|secret|secret_access_key|access_key_id|account_key|connection_string"
    r"|oss_key_id|sse_customer_key|custom_auth_header|bearer_token_command|(?:api|auth|private)[-_]?key)"
)
_NAME = re.compile(rf"(?:^|[-_.]){_ANNOUNCED}$", re.IGNORECASE)
_ASSIGNMENT = re.compile(rf"^([^=\s]*{_ANNOUNCED})=.+$", re.IGNORECASE | re.DOTALL)
_USER = re.compile(r"(\b[a-z][a-z0-9+.-]*://[^/\s:@]*):[^/\s@]+@", re.IGNORECASE)
_QUERY = re.compile(
    r"([?&;][^=&\s]*(?:sig|signature|token|secret|password|key|credential)[^=&\s]*)=[^&\s'\"]+", re.IGNORECASE
)
# Options that may stand between a secret's name and its value.
_PLAIN = frozenset(
    {"--local", "--global", "--system", "--project", "-u", "--unset", "-q", "--quiet", "-v", "--verbose"}
)


def mask_text(text: str) -> str:
    """Mask passwords and signatures inside URLs.

    >>> mask_text("cannot reach https://ada:hunter2@example.org/x?sig=abc&v=1")
    'cannot reach https://ada:***@example.org/x?sig=***&v=1'
    """
    return _QUERY.sub(rf"\1={MASK}", _USER.sub(rf"\1:{MASK}@", text))


def mask_arguments(argv: Sequence[str]) -> list[str]:
    """Mask the secrets in a command's arguments: what follows a secret's name, `name=value`, and URLs.

    >>> mask_arguments(["remote", "modify", "s3", "secret_access_key", "--local", "abc"])
    ['remote', 'modify', 's3', 'secret_access_key', '--local', '***']
    >>> mask_arguments(["config", "remote.s3.password", "abc"]), mask_arguments(["x", "--token=abc"])
    (['config', 'remote.s3.password', '***'], ['x', '--token=***'])
    """
    masked: list[str] = []
    announced = False
    for argument in argv:
        if announced and argument not in _PLAIN:
            masked.append(MASK)
            announced = False
            continue
        announced = announced or bool(_NAME.search(argument)) or (argument == "-t" and "studio" in argv)
        masked.append(mask_text(_ASSIGNMENT.sub(rf"\1={MASK}", argument)))
    return masked
