"""`s3://BUCKET/PREFIX`: Amazon S3 and servers that speak its protocol.

Credentials come from the remote's settings, else from the chain that Amazon's own tools use (environment, profiles,
SSO, instance roles), through boto3.
"""

from __future__ import annotations

import importlib
import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, cast

from data_versioning.errors import ConfigError
from data_versioning.storage import http_options
from data_versioning.storage.concurrent import ConcurrentStore
from data_versioning.storage.object_store import RETRIES, ObjectStoreClient

if TYPE_CHECKING:
    from obstore.store import S3Config

_EXTRA = "pip install 'data-versioning[s3]'"
_PAIR = ("access_key_id", "secret_access_key")


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a bucket, or what is below a prefix of it; settings as in the `[remote]` section of S3.

    Raises `ConfigError`.
    """
    bucket, prefix = http_options.split(url, example="s3://BUCKET/PREFIX")
    config: dict[str, Any] = {"bucket": bucket}
    provider = None
    if settings.get("allow_anonymous_login", "").lower() == "true":
        config["skip_signature"] = True
    elif any(settings.get(name) for name in _PAIR):
        config |= _static(settings)
    else:
        provider, found = _chain(settings)
        config |= found
    config |= _server(settings, config)
    if settings.get("sse"):
        config["server_side_encryption"] = settings["sse"]
    if settings.get("sse_kms_key_id"):
        config["sse_kms_key_id"] = settings["sse_kms_key_id"]
    store = importlib.import_module("obstore.store").S3Store(
        config=cast("S3Config", config),
        client_options=http_options.client_options(
            settings, insecure=str(config.get("endpoint", "")).startswith("http://")
        ),
        retry_config=RETRIES,
        credential_provider=provider,
    )
    client = ObjectStoreClient(
        store=store,
        place=f"s3://{bucket}",
        prefix=prefix,
        hint="dv remote list, and the remote's settings access_key_id, secret_access_key, profile, region, endpointurl",
        has_md5_etags=not settings.get("sse") and not settings.get("sse_kms_key_id"),
    )
    return ConcurrentStore(client)


def _static(settings: Mapping[str, str]) -> dict[str, str]:
    for name in _PAIR:
        if not settings.get(name):
            raise ConfigError(
                f"an S3 remote has {', '.join(other for other in _PAIR if other != name)} but no {name}",
                hint=f"dv remote modify --local NAME {name} VALUE",
            )
    names = (*_PAIR, "session_token")
    return {name: settings[name] for name in names if settings.get(name)}


def _chain(settings: Mapping[str, str]) -> tuple[Any, dict[str, str]]:
    """Return what gives credentials as Amazon's own tools find them, and region and endpoint if those say so."""
    try:
        boto3 = importlib.import_module("boto3")
        auth = importlib.import_module("obstore.auth.boto3")
    except ImportError:
        raise ConfigError(
            "credentials for S3 are looked up as Amazon's own tools do, which needs boto3", hint=_EXTRA
        ) from None
    for option, variable in (
        ("credentialpath", "AWS_SHARED_CREDENTIALS_FILE"),
        ("configpath", "AWS_CONFIG_FILE"),
    ):
        if settings.get(option):
            os.environ[variable] = os.path.expanduser(settings[option])
    exceptions = importlib.import_module("botocore.exceptions")
    try:
        session = boto3.Session(profile_name=settings.get("profile") or None)
        provider = auth.Boto3CredentialProvider(session)
    except exceptions.ProfileNotFound as error:
        raise ConfigError(
            str(error), hint="aws configure list-profiles   shows those that there are"
        ) from None
    except (exceptions.BotoCoreError, ValueError) as error:
        raise ConfigError(
            f"no credentials for S3 were found: {error}",
            hint="aws configure, or dv remote modify --local NAME access_key_id VALUE, and secret_access_key",
        ) from None
    found = {}
    if session.region_name:
        found["region"] = session.region_name
    if endpoint := _endpoint(session):
        found["endpoint"] = endpoint
    return provider, found


def _endpoint(session: Any) -> str | None:
    """Return the endpoint that a profile or the environment names; None for Amazon's own."""
    scoped = session._session.get_config_variable("endpoint_url")
    return os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL") or scoped


def _server(settings: Mapping[str, str], found: Mapping[str, Any]) -> dict[str, Any]:
    server: dict[str, Any] = {}
    endpoint = (
        settings.get("endpointurl")
        or os.environ.get("AWS_ENDPOINT_URL_S3")
        or os.environ.get("AWS_ENDPOINT_URL")
        or found.get("endpoint")
    )
    if endpoint:
        if settings.get("use_ssl", "").lower() == "false":
            endpoint = endpoint.replace("https://", "http://", 1)
        server["endpoint"] = endpoint
    # A region is part of every signature; servers other than Amazon's take any.
    region = settings.get("region") or found.get("region") or os.environ.get("AWS_REGION")
    server["region"] = region or os.environ.get("AWS_DEFAULT_REGION") or "us-east-1"
    return server
