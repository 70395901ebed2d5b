"""`gs://BUCKET/PREFIX`: Google Cloud Storage.

Credentials come from the file that the remote names, else they are Google's application default credentials
(GOOGLE_APPLICATION_CREDENTIALS, gcloud, the machine's service account), through google-auth.
"""

from __future__ import annotations

import asyncio
import functools
import importlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from obstore.store import GCSStore

from data_versioning.errors import ConfigError
from data_versioning.storage import http_options, moving
from data_versioning.storage.concurrent import ConcurrentMovingStore
from data_versioning.storage.gcs_multipart import GcsUploads
from data_versioning.storage.gcs_requests import GcsRequests
from data_versioning.storage.object_errors import Place
from data_versioning.storage.object_store import ObjectStoreClient, opened
from data_versioning.storage.resuming import ResumingClient

if TYPE_CHECKING:
    from obstore.store import GCSConfig

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_ENDPOINT = "https://storage.googleapis.com"
_EMULATOR = "STORAGE_EMULATOR_HOST"
_HINT = "dv remote modify --local NAME credentialpath PATH, or gcloud auth application-default login"


class GcsStore(ConcurrentMovingStore):
    """The `IdentifyingStore` of a bucket; `requests` loads a library, so it is called when needed."""

    def __init__(self, client: ObjectStoreClient, requests: Callable[[], GcsRequests]) -> None:
        super().__init__(client)
        self._prefix, self._place, self._requests = client.prefix, client.place, requests

    def ids(self, keys: Sequence[str]) -> list[str]:
        """See `IdentifyingStore.ids`."""
        names = [self._prefix + key for key in keys]
        ask = moving.retried(lambda: asyncio.to_thread(lambda: self._requests().etags(names)))
        try:
            found = self._call(ask) if names else {}
        except ModuleNotFoundError as error:
            raise self._place.lacks(error) from error
        return [found.get(name, "") for name in names]


def open_store(url: str, settings: Mapping[str, str]) -> GcsStore:
    """Open a bucket, or what is below a prefix of it; settings as in the `[remote]` section of Google Cloud Storage.

    `projectname` says who owns buckets that are made, and none is made here. Raises `ConfigError`.
    """
    bucket, prefix = http_options.split(http_options.without_query(url), example="gs://BUCKET/PREFIX")
    endpoint = _endpoint(settings)
    http_options.refuse_no_address(endpoint, "endpointurl")
    config: GCSConfig = {"bucket": bucket}
    credentials = provider = None
    if http_options.is_on(settings, "allow_anonymous_login"):
        config["service_account_key"] = _anonymous(endpoint)
    else:
        _refuse_to_send(endpoint)
        config["base_url"] = endpoint
        credentials = _credentials(settings)
        provider = importlib.import_module("obstore.auth.google").GoogleCredentialProvider(credentials)
    place = Place(
        name=f"gs://{bucket}",
        address=http_options.host(endpoint),
        credentials=_HINT,
        server="dv remote modify NAME url gs://BUCKET/PREFIX; endpointurl URL for a server other than Google's",
    )
    store = opened(
        GCSStore,
        place,
        config=config,
        client_options=http_options.client_options(settings, insecure=endpoint.startswith("http://")),
        credential_provider=provider,
    )

    @functools.cache
    def requests() -> GcsRequests:
        session = _session(settings, credentials)
        return GcsRequests(session=session, endpoint=endpoint, bucket=bucket, place=place)

    def uploads() -> GcsUploads:
        return GcsUploads(requests=requests(), prefix=prefix)

    client = ResumingClient(store=store, place=place, prefix=prefix, state="version", uploads=uploads)
    return GcsStore(client, requests)


def _session(settings: Mapping[str, str], credentials: Any) -> Any:
    """Return a client for what obstore has no request for; without credentials, it signs nothing."""
    if credentials is None:
        session = importlib.import_module("requests").Session()
    else:
        session = importlib.import_module("google.auth.transport.requests").AuthorizedSession(credentials)
    session.verify = http_options.verification(settings)
    return session


def _anonymous(endpoint: str) -> str:
    """Return a key that signs nothing; without any, obstore asks the machine's metadata service for a token."""
    empty = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
    return json.dumps({"gcs_base_url": endpoint, "disable_oauth": True, **empty})


def _endpoint(settings: Mapping[str, str]) -> str:
    endpoint = settings.get("endpointurl") or os.environ.get(_EMULATOR) or _ENDPOINT
    return (endpoint if "://" in endpoint else f"http://{endpoint}").rstrip("/")


def _refuse_to_send(endpoint: str) -> None:
    """Raise `ConfigError` when a token would go to a server that is not Google's: it opens all that its owner may."""
    parts = urlsplit(endpoint)
    is_google = parts.scheme == "https" and (parts.hostname or "").endswith(".googleapis.com")
    emulator = os.environ.get(_EMULATOR, "").rstrip("/")
    if not is_google and (not emulator or endpoint.partition("://")[2] != emulator.rpartition("://")[2]):
        raise ConfigError(
            f"endpointurl is not Google's ({http_options.host(endpoint)}), so your credentials are not sent there",
            hint=f"dv remote modify NAME allow_anonymous_login true; or, for a server of yours, export {_EMULATOR}=URL",
        )


def _credentials(settings: Mapping[str, str]) -> Any:
    google = importlib.import_module("google.auth")
    path = settings.get("credentialpath")
    try:
        return _from_file(os.path.expanduser(path)) if path else google.default(scopes=[_SCOPE])[0]
    except (google.exceptions.GoogleAuthError, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"no credentials for Google Cloud Storage: {reason}", hint=_HINT) from None


def _from_file(path: str) -> Any:
    """Return the credentials in a file that a configuration names.

    Only kinds that hold all they need: others read further files, or ask other servers, and the file may have come
    with the repository.
    """
    with open(path, encoding="utf-8") as file:
        content = json.load(file)
    kind = content.get("type") if isinstance(content, dict) else None
    if kind == "service_account":
        module = importlib.import_module("google.oauth2.service_account")
        return module.Credentials.from_service_account_info(content, scopes=[_SCOPE])
    if kind == "authorized_user":
        module = importlib.import_module("google.oauth2.credentials")
        return module.Credentials.from_authorized_user_info(content, scopes=[_SCOPE])
    raise ValueError(
        f"{os.path.basename(path)} holds credentials of the kind {kind!r}; those are taken from "
        "GOOGLE_APPLICATION_CREDENTIALS only"
    )
