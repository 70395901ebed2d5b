"""`azure://CONTAINER/PREFIX`: Azure Blob Storage.

Credentials are looked for as DVC does: in the remote's settings, then in the environment (AZURE_STORAGE_…), then in the
configuration of the program `az`; an account without any gets Azure's default ones (environment, managed identity,
`az login`), through azure-identity.
"""

from __future__ import annotations

import asyncio
import base64
import configparser
import functools
import importlib
import logging
import os
import sys
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final, NamedTuple
from urllib.parse import urlsplit

from obstore.store import AzureStore

from data_versioning.errors import ConfigError
from data_versioning.storage import http_options, moving
from data_versioning.storage.azure_blocks import AzureUploads
from data_versioning.storage.azure_requests import AzureRequests
from data_versioning.storage.concurrent import ConcurrentMovingStore
from data_versioning.storage.object_errors import Place
from data_versioning.storage.object_store import ObjectStoreClient, opened
from data_versioning.storage.resuming import ResumingClient

if TYPE_CHECKING:
    from obstore.store import AzureAccessKey, AzureConfig, AzureCredential, AzureSASToken

    Provider = Callable[[], AzureCredential]

# Setting -> variables of the environment; the first is that of `az`, whose configuration file has the same names.
_ELSEWHERE: Final[Mapping[str, tuple[str, ...]]] = {
    "connection_string": ("AZURE_STORAGE_CONNECTION_STRING",),
    "account_name": ("AZURE_STORAGE_ACCOUNT", "AZURE_STORAGE_ACCOUNT_NAME"),
    "account_key": ("AZURE_STORAGE_KEY", "AZURE_STORAGE_ACCOUNT_KEY"),
    "sas_token": ("AZURE_STORAGE_SAS_TOKEN",),
    "tenant_id": ("AZURE_STORAGE_TENANT_ID",),
    "client_id": ("AZURE_STORAGE_CLIENT_ID",),
    "client_secret": ("AZURE_STORAGE_CLIENT_SECRET",),
}
_PRINCIPAL = ("tenant_id", "client_id", "client_secret")
# Settings that are one login together.
_LOGINS = (("connection_string",), ("account_key",), ("sas_token",), _PRINCIPAL)
# What the emulator on this machine answers to, by agreement.
_DEVELOPMENT = (
    "AccountName=devstoreaccount1;BlobEndpoint=http://127.0.0.1:10000/devstoreaccount1;AccountKey="
    "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
)
_MICROSOFT = (".core.windows.net", ".core.chinacloudapi.cn", ".core.usgovcloudapi.net", ".storage.azure.net")
_EXCLUDABLE = (
    "exclude_environment_credential",
    "exclude_visual_studio_code_credential",
    "exclude_shared_token_cache_credential",
    "exclude_managed_identity_credential",
)
_HINT = (
    "dv remote modify --local NAME connection_string VALUE; or account_name, with account_key or sas_token"
)


# Microsoft's libraries warn at length of what then is raised: an error tells it, in one sentence.
logging.getLogger("azure").addHandler(logging.NullHandler())


class _Login(NamedTuple):
    """Credentials: as obstore takes them, and as Microsoft's own client does; None: nobody's."""

    provider: Provider | None
    sdk: Any


class AzureBlobStore(ConcurrentMovingStore):
    """The `DigestingStore` of a container; `requests` loads a library, so it is called when needed."""

    def __init__(self, client: ObjectStoreClient, requests: Callable[[], AzureRequests]) -> None:
        super().__init__(client)
        self._prefix, self._place, self._requests = client.prefix, client.place, requests

    def digests(self, prefix: str) -> dict[str, str]:
        """See `DigestingStore.digests`."""
        ask = moving.retried(
            lambda: asyncio.to_thread(lambda: self._requests().digests(self._prefix + prefix))
        )
        try:
            found = self._call(ask)
        except ModuleNotFoundError as error:
            raise self._place.lacks(error) from error
        return {name.removeprefix(self._prefix): digest for name, digest in found.items()}


def open_store(url: str, settings: Mapping[str, str]) -> AzureBlobStore:
    """Open a container, or what is below a prefix of it; settings as in the `[remote]` section of Azure.

    Raises `ConfigError`.
    """
    container, prefix = http_options.split(url, example="azure://CONTAINER/PREFIX")
    known = _known(settings)
    config: AzureConfig = {"account_name": known["account_name"], "container_name": container}
    if known.get("endpoint"):
        config["endpoint"] = known["endpoint"]
    endpoint = known.get("endpoint") or f"https://{known['account_name']}.blob.core.windows.net"
    http_options.refuse_no_address(endpoint, "connection_string" if known.get("endpoint") else "account_name")
    login = _login(known, settings)
    if login.provider is None:
        config["skip_signature"] = True
    place = Place(
        name=f"azure://{container}",
        address=http_options.host(endpoint),
        credentials=_HINT,
        server="dv remote modify NAME url azure://CONTAINER/PREFIX; account_name or connection_string for the account",
    )
    store = opened(
        AzureStore,
        place,
        config=config,
        client_options=http_options.client_options(settings, insecure=endpoint.startswith("http://")),
        credential_provider=login.provider,
    )

    @functools.cache
    def requests() -> AzureRequests:
        sdk = _container(settings, endpoint, container, login.sdk)
        return AzureRequests(container=sdk, place=place)

    def uploads() -> AzureUploads:
        return AzureUploads(requests=requests(), prefix=prefix)

    client = ResumingClient(store=store, place=place, prefix=prefix, uploads=uploads)
    return AzureBlobStore(client, requests)


def _container(settings: Mapping[str, str], endpoint: str, container: str, credential: Any) -> Any:
    """Return Microsoft's own client, for what obstore has no request for."""
    return importlib.import_module("azure.storage.blob").ContainerClient(
        endpoint,
        container,
        credential=credential,
        connection_timeout=http_options.seconds(
            settings, "connect_timeout", "connection_timeout", default=20
        ),
        read_timeout=http_options.seconds(settings, "read_timeout", default=60),
        connection_verify=http_options.verification(settings),
        retry_total=0,  # what may pass is repeated by the caller
    )


def _known(settings: Mapping[str, str]) -> dict[str, str]:
    """Return all settings that say who and where, from wherever they are found.

    A login of the remote's settings counts more than one found elsewhere, of whichever kind; a connection string more
    than the others, as its parts belong together.
    """
    program, foreign = _of_program(), _foreign(settings)
    known = {}
    for name, variables in _ELSEWHERE.items():
        found = settings.get(name)
        if not found and name not in foreign:
            found = next((os.environ[v] for v in variables if os.environ.get(v)), None)
            found = found or program.get(variables[0].removeprefix("AZURE_STORAGE_").lower())
        if found:
            known[name] = found
    if text := known.pop("connection_string", None):
        parts = _parts(text)
        _refuse_other(settings, text, parts["account_name"])
        known = {**{name: known[name] for name in _PRINCIPAL if name in known}, **parts}
    if not known.get("account_name"):
        raise ConfigError("an Azure remote without an account: who keeps it is unknown", hint=_HINT)
    return known


def _foreign(settings: Mapping[str, str]) -> set[str]:
    """Return the settings that only count where the remote itself has them, because it says how to log in."""
    own = {name for login in _LOGINS if all(map(settings.get, login)) for name in login}
    if not own and not http_options.is_on(settings, "allow_anonymous_login"):
        return set()
    return {name for login in _LOGINS for name in login} - own


def _refuse_other(settings: Mapping[str, str], text: str, account: str) -> None:
    """Raise `ConfigError` when a connection string found elsewhere is that of another account than the remote's."""
    named = settings.get("account_name", account)
    if named != account and not settings.get("connection_string") and "accountname=" in text.lower():
        raise ConfigError(
            f"account_name is {named}, and the connection string that is found elsewhere is of {account}",
            hint=f"dv remote modify NAME account_name {account}; or unset AZURE_STORAGE_CONNECTION_STRING",
        )


def _of_program() -> Mapping[str, str]:
    """Return the section on storage of the configuration of the program `az`."""
    directory = os.environ.get("AZURE_CONFIG_DIR") or os.path.expanduser("~/.azure")
    parser = configparser.RawConfigParser()
    try:
        parser.read(f"{directory}/config", encoding="utf-8")
    except (configparser.Error, UnicodeDecodeError):
        return {}
    return dict(parser["storage"]) if parser.has_section("storage") else {}


def _parts(text: str) -> dict[str, str]:
    """Return the settings that a connection string stands for."""
    pairs = (part.partition("=") for part in text.split(";") if part.strip())
    said = {name.strip().lower(): value.strip() for name, _, value in pairs}
    if said.get("usedevelopmentstorage", "").lower() == "true":
        return _parts(_DEVELOPMENT)
    account, endpoint = said.get("accountname", ""), said.get("blobendpoint", "").rstrip("/")
    if not endpoint and account:
        protocol = said.get("defaultendpointsprotocol", "https")
        endpoint = f"{protocol}://{account}.blob.{said.get('endpointsuffix', 'core.windows.net')}"
    if not endpoint:
        raise ConfigError(
            "the connection_string of an Azure remote has neither AccountName nor BlobEndpoint", hint=_HINT
        )
    found = {
        "account_name": account or (urlsplit(endpoint).hostname or "").partition(".")[0],
        "endpoint": endpoint,
    }
    if said.get("accountkey"):
        found["account_key"] = said["accountkey"]
    if said.get("sharedaccesssignature"):
        found["sas_token"] = said["sharedaccesssignature"]
    return found


def _login(known: Mapping[str, str], settings: Mapping[str, str]) -> _Login:
    """Return what gives credentials."""
    if http_options.is_on(settings, "allow_anonymous_login"):
        return _Login(None, None)
    if known.get("account_key"):
        _check(known["account_key"])
        key: AzureAccessKey = {"access_key": known["account_key"], "expires_at": None}
        return _Login(
            lambda: key, {"account_name": known["account_name"], "account_key": known["account_key"]}
        )
    if known.get("sas_token"):
        token: AzureSASToken = {"sas_token": known["sas_token"].lstrip("?"), "expires_at": None}
        return _Login(lambda: token, token["sas_token"])
    _refuse_to_send(known.get("endpoint", ""))
    identity = importlib.import_module("azure.identity")
    given = [name for name in _PRINCIPAL if known.get(name)]
    if given and len(given) < len(_PRINCIPAL):
        lacking = next(name for name in _PRINCIPAL if name not in given)
        raise ConfigError(
            f"an Azure remote has {' and '.join(given)} but no {lacking}",
            hint=f"dv remote modify --local NAME {lacking} VALUE",
        )
    if given:
        credential = identity.ClientSecretCredential(**{name: known[name] for name in _PRINCIPAL})
    else:
        left_out = {name: http_options.is_on(settings, name) for name in _EXCLUDABLE}
        credential = identity.DefaultAzureCredential(
            # A browser helps only where somebody sits before it.
            exclude_interactive_browser_credential=not sys.stderr.isatty(),
            **left_out,
        )
    provider: Provider = importlib.import_module("obstore.auth.azure").AzureCredentialProvider(credential)
    return _Login(provider, credential)


def _refuse_to_send(endpoint: str) -> None:
    """Raise `ConfigError` when a token would go to a server that is not Microsoft's: it opens all its owner may."""
    parts = urlsplit(endpoint)
    if endpoint and not (parts.scheme == "https" and (parts.hostname or "").endswith(_MICROSOFT)):
        raise ConfigError(
            f"the connection_string names no key, and a server that is not Microsoft's ({http_options.host(endpoint)}),"
            " so your credentials are not sent there",
            hint=_HINT,
        )


def _check(key: str) -> None:
    try:
        base64.b64decode(key, validate=True)
    except ValueError:
        raise ConfigError("the account_key of an Azure remote is not one: it is base64", hint=_HINT) from None
