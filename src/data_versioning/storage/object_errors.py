"""What an object store's refusal means for people: one sentence, the setting to change, whether trying again may help.

obstore tells most refusals as text only, so the text is read: status, the store's own code, what the network said.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from obstore import exceptions

from data_versioning.errors import ConfigError, StorageError
from data_versioning.storage.client import PASSING, Unavailable, Unreachable

_STATUS = re.compile(r"status code: (\d{3})(?: ([A-Za-z][A-Za-z ]*))?")
_CODE = re.compile(r"<Code>\s*(\w+)\s*</Code>")
# S3 deletes many in one request, and refuses single ones of them within an answer that says 200.
_NOT_DELETED = re.compile(
    r"DeleteObjects request failed [^\n]*\(code: (AccessDenied|AllAccessDisabled|MethodNotAllowed)\)"
)
_NO_ROOT = re.compile("NoSuchBucket|ContainerNotFound|(?:bucket|container) does not exist", re.IGNORECASE)
_WRONG_CREDENTIALS = re.compile(
    "InvalidAccessKeyId|SignatureDoesNotMatch|ExpiredToken|InvalidToken|TokenRefreshRequired|InvalidClientTokenId"
    "|AuthenticationFailed|AuthorizationFailure|InvalidAuthenticationInfo|NoAuthenticationInformation"
)
_CLOCK = re.compile("RequestTimeTooSkewed|RequestExpired")
_REGION = re.compile(
    "incorrectly configured region|AuthorizationHeaderMalformed|PermanentRedirect|IllegalLocationConstraint"
)
_DAMAGED = re.compile("BadDigest|ContentSHA256Mismatch|Md5Mismatch|IncompleteBody|RequestTimeout")
_NO_CREDENTIALS = re.compile(r"[Cc]redential provider: (?:\w+: )?([^\n]+)")
_UNKNOWN_HOST = re.compile("dns error|failed to lookup address")
_REFUSED = re.compile("ConnectionRefused|Connection refused")
_CERTIFICATE = re.compile(
    r"InvalidCertificate\(\s*(?:Other\(\s*OtherError\(\s*)?(\w+)|invalid peer certificate: (\w+)"
)
# What obstore puts before the reason: the request, how long it took, how often it was tried.
_PREFACE = re.compile(r".*Error performing [A-Z]+ .* in [\d.]+[^ ]*s(?:, after .*?)?  ?- ")
_NO_PART = "Received non-partial response"
_QUERY = re.compile(r"\?[^\s\"')]*")


@dataclass(frozen=True, slots=True, kw_only=True)
class Place:
    """How messages name a store: `name` its url, `address` its host; no secrets.

    `credentials` and `server` are the hints for a refused login and for an address where it is not.
    """

    name: str
    address: str
    credentials: str
    server: str

    def is_missing(self, error: Exception) -> bool:
        """Whether the bucket or container itself is not there."""
        return bool(_NO_ROOT.search(str(error)))

    def missing(self) -> StorageError:
        """Return the error for a bucket or container that is not there."""
        return StorageError(f"{self.name} does not exist", hint=f"make it, or {self.server}")

    def lacks(self, error: ModuleNotFoundError) -> ConfigError:
        """Return the error for a library that is not installed; the extra that has it is called as the scheme is."""
        return ConfigError(
            f"{self.name} needs {error.name}, which is not installed",
            hint=f"pip install 'data-versioning[{self.name.partition('://')[0]}]'",
        )

    def refusal(self, error: Exception) -> StorageError:
        """Return what a failed request means."""
        text = str(error)
        if self.is_missing(error):
            return self.missing()
        if _CLOCK.search(text):
            return StorageError(
                f"{self.name} refuses requests from this clock: it is wrong", hint="set the machine's time"
            )
        if _REGION.search(text):
            return StorageError(f"{self.name} is in another region", hint=self.server)
        return self._login(error, text) or self._request(error, text) or self._network(text)

    def _login(self, error: Exception, text: str) -> StorageError | None:
        if found := _NO_CREDENTIALS.search(text):
            return StorageError(f"no credentials for {self.name}: {found[1]}", hint=self.credentials)
        if _WRONG_CREDENTIALS.search(text) or isinstance(error, exceptions.UnauthenticatedError):
            return StorageError(
                f"{self.name} does not accept the credentials{_code(text)}", hint=self.credentials
            )
        if found := _NOT_DELETED.search(text):
            return StorageError(
                f"{self.name} does not permit to delete ({found[1]}): no right to it, or a lock on the object",
                hint=self.credentials,
            )
        if (status := _STATUS.search(text)) and status[1] == "403":
            return StorageError(
                f"{self.name} does not permit this{_code(text)}: no right to it, or wrong credentials",
                hint=self.credentials,
            )
        return None

    def _request(self, error: Exception, text: str) -> StorageError | None:
        status = _STATUS.search(text)
        if status and is_damaged(text):
            return Unavailable(f"{self.name} did not get what was sent: {_reason(text)}", hint=self.server)
        if status and status[1].startswith("4") and int(status[1]) not in PASSING:
            return StorageError(f"{self.name} refuses this: {_reason(text)}", hint=self.server)
        if isinstance(error, exceptions.NotSupportedError | exceptions.InvalidPathError) or _NO_PART in text:
            return StorageError(f"{self.name} cannot do this: {_reason(text)}", hint=self.server)
        return None

    def _network(self, text: str) -> StorageError:
        if found := _CERTIFICATE.search(text):
            return StorageError(
                f"the certificate of {self.address} is not valid: {found[1] or found[2]}",
                hint="dv remote modify NAME ssl_verify PATH   names the certificates to trust (false: trust any)",
            )
        if _UNKNOWN_HOST.search(text):
            return Unreachable(f"there is no host {self.address}", hint=self.server)
        if _REFUSED.search(text):
            return Unreachable(f"nobody answers at {self.address}: connection refused", hint=self.server)
        return Unavailable(f"{self.name} does not answer: {_reason(text)}", hint=self.server)


def is_damaged(text: str) -> bool:
    """Whether a refusal says that content came damaged, or not all of it: the next attempt may do better."""
    return bool(_DAMAGED.search(text))


def _code(text: str) -> str:
    """Return the store's own code for a refusal, else the status, in brackets."""
    if found := _CODE.search(text):
        return f" ({found[1]})"
    status = _STATUS.search(text)
    return f" ({status[1]})" if status else ""


def _reason(text: str) -> str:
    """Return one line for people: no debugging output, no query (it may hold a signature)."""
    if status := _STATUS.search(text):
        code = _CODE.search(text)
        return f"{status[1]} {code[1] if code else status[2] or ''}".strip()
    lines = [line.strip() for line in text.splitlines() if line.strip()]
    return _QUERY.sub("", _PREFACE.sub("", lines[0]) if lines else "no reason given")[:300]
