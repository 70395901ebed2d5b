"""`gs://BUCKET/PREFIX`: Google Cloud Storage.

Credentials come from the file that the remote names, else they are Google's application default credentials
(GOOGLE_APPLICATION_CREDENTIALS, gcloud, the machine's service account), through google-auth.
"""

from __future__ import annotations

import importlib
import json
import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from obstore.store import GCSStore

from data_versioning.errors import ConfigError
from data_versioning.storage import http_options
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.object_errors import Place
from data_versioning.storage.object_store import ObjectStoreClient, opened

if TYPE_CHECKING:
    from obstore.store import GCSConfig, GCSCredential

    Provider = Callable[[], GCSCredential]

_SCOPE = "https://www.googleapis.com/auth/devstorage.read_write"
_ENDPOINT = "https://storage.googleapis.com"
_HINT = "dv remote modify --local NAME credentialpath PATH, or gcloud auth application-default login"


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a bucket, or what is below a prefix of it; settings as in the `[remote]` section of Google Cloud Storage.

    `projectname` says who owns buckets that are made, and none is made here. Raises `ConfigError`.
    """
    bucket, prefix = http_options.split(url, example="gs://BUCKET/PREFIX")
    endpoint = (settings.get("endpointurl") or os.environ.get("STORAGE_EMULATOR_HOST") or _ENDPOINT).rstrip(
        "/"
    )
    if "://" not in endpoint:
        endpoint = f"http://{endpoint}"
    config: GCSConfig = {"bucket": bucket}
    provider = None
    if http_options.is_on(settings, "allow_anonymous_login"):
        config["service_account_key"] = _anonymous(endpoint)
    else:
        config["base_url"] = endpoint
        provider = _provider(settings)
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
    return ConcurrentStore(ObjectStoreClient(store=store, place=place, prefix=prefix, state="version"))


def _anonymous(endpoint: str) -> str:
    """Return a key that signs nothing; without any, obstore asks the machine's metadata service for a token."""
    empty = dict.fromkeys(("client_email", "private_key", "private_key_id"), "")
    return json.dumps({"gcs_base_url": endpoint, "disable_oauth": True, **empty})


def _provider(settings: Mapping[str, str]) -> Provider:
    google = importlib.import_module("google.auth")
    path = settings.get("credentialpath")
    try:
        if path:
            credentials, _ = google.load_credentials_from_file(os.path.expanduser(path), scopes=[_SCOPE])
        else:
            credentials, _ = google.default(scopes=[_SCOPE])
    except (google.exceptions.GoogleAuthError, OSError, ValueError) as error:
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise ConfigError(f"no credentials for Google Cloud Storage: {reason}", hint=_HINT) from None
    provider: Provider = importlib.import_module("obstore.auth.google").GoogleCredentialProvider(credentials)
    return provider
