"""`s3://BUCKET/PREFIX`: Amazon S3 and servers that speak its protocol.

Credentials come from the remote's settings, else from the chain that Amazon's own tools use (environment, profiles,
SSO, instance roles), through boto3.
"""

from __future__ import annotations

import functools
import importlib
import os
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from obstore.store import S3Store

from data_versioning.errors import ConfigError
from data_versioning.storage import http_options
from data_versioning.storage.concurrent import ConcurrentMovingStore, ConcurrentStore
from data_versioning.storage.object_errors import Place
from data_versioning.storage.object_store import ObjectStoreClient, opened
from data_versioning.storage.resuming import ResumingClient
from data_versioning.storage.s3_multipart import S3Uploads

if TYPE_CHECKING:
    from obstore.store import S3Config, S3Credential

    from data_versioning.storage.s3_session import Configured

    Provider = Callable[[], S3Credential]

_PAIR = ("access_key_id", "secret_access_key")
_HINT = (
    "dv remote modify --local NAME access_key_id VALUE, and secret_access_key; or profile; or: aws configure"
)
# Permissions that go with each upload, and Amazon's names for them; obstore cannot send them.
_PERMISSIONS = {
    "acl": "ACL",
    "grant_full_control": "GrantFullControl",
    "grant_read": "GrantRead",
    "grant_read_acp": "GrantReadACP",
    "grant_write_acp": "GrantWriteACP",
}
# What may tell Amazon's own tools more than we look at ourselves: variables; setting, variable and usual name of files.
_VARIABLES = ("AWS_USE_DUALSTACK_ENDPOINT", "AWS_USE_FIPS_ENDPOINT")
_FILES = (
    ("configpath", "AWS_CONFIG_FILE", "~/.aws/config"),
    ("credentialpath", "AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"),
)
_SESSION = "data_versioning.storage.s3_session"
_AMAZON = "https://s3.amazonaws.com"
_PATIENCE = 5  # seconds, for the answer that names a bucket's region


def open_store(url: str, settings: Mapping[str, str]) -> ConcurrentStore:
    """Open a bucket, or what is below a prefix of it; settings as in the `[remote]` section of S3.

    Raises `ConfigError`.
    """
    url = http_options.without_query(url)
    bucket, prefix = http_options.split(url, example="s3://BUCKET/PREFIX")
    provider, found = _who(settings)
    region, endpoint = _where(settings, bucket, found)
    settings = _trusting(settings, endpoint, found)
    config: S3Config = {"bucket": bucket, "region": region, "skip_signature": provider is None}
    config |= _addressed(bucket, endpoint, is_virtual=found is not None and found.is_virtual)
    config |= _encryption(settings)
    # Some servers keep what arrived of an upload that broke off, or was damaged, unless they are told what to expect.
    config["checksum_algorithm"] = "SHA256"
    permissions = {argument: settings[name] for name, argument in _PERMISSIONS.items() if settings.get(name)}
    if permissions:
        return _with_permissions(url, settings, permissions, region=region, endpoint=endpoint)
    place = Place(
        name=f"s3://{bucket}",
        address=http_options.host(config["endpoint"]),
        credentials=_HINT,
        server="dv remote modify NAME url s3://BUCKET/PREFIX; region REGION; endpointurl URL for a server not Amazon's",
    )
    store = opened(
        S3Store,
        place,
        config=config,
        client_options=http_options.client_options(settings, insecure=endpoint.startswith("http://")),
        credential_provider=provider,
    )
    if _encryption(settings):
        return ConcurrentMovingStore(ObjectStoreClient(store=store, place=place, prefix=prefix))

    @functools.cache
    def uploads() -> S3Uploads:
        sdk = _sdk(settings, region=region, endpoint=endpoint)
        return S3Uploads(sdk=sdk, bucket=bucket, place=place, prefix=prefix)

    return ConcurrentMovingStore(ResumingClient(store=store, place=place, prefix=prefix, uploads=uploads))


def _sdk(settings: Mapping[str, str], *, region: str, endpoint: str) -> Any:
    """Return Amazon's own client, for what obstore has no request for."""
    boto3 = importlib.import_module("boto3")
    config = importlib.import_module("botocore.config")
    options: dict[str, Any] = {
        "connect_timeout": http_options.seconds(settings, "connect_timeout", default=10),
        "read_timeout": http_options.seconds(settings, "read_timeout", default=60),
        "retries": {"max_attempts": 3, "mode": "standard"},
    }
    credentials: dict[str, str | None] = {}
    if http_options.is_on(settings, "allow_anonymous_login"):
        options["signature_version"] = importlib.import_module("botocore").UNSIGNED
    elif settings.get("access_key_id"):
        credentials = {
            "aws_access_key_id": settings["access_key_id"],
            "aws_secret_access_key": settings["secret_access_key"],
            "aws_session_token": settings.get("session_token"),
        }
    trusted = http_options.verification(settings)
    session = importlib.import_module(_SESSION).new(settings)
    return boto3.Session(botocore_session=session).client(
        "s3",
        region_name=region,
        endpoint_url=endpoint,
        # None: what the environment says, or botocore's own certificates.
        verify=None if trusted is True else trusted,
        config=config.Config(**options),
        **credentials,
    )


def _with_permissions(
    url: str, settings: Mapping[str, str], permissions: Mapping[str, str], *, region: str, endpoint: str
) -> ConcurrentStore:
    try:
        adapter = importlib.import_module("data_versioning.storage.s3_acl")
    except ModuleNotFoundError:
        raise ConfigError(
            "acl and grant_… of an S3 remote need s3fs, which is not installed", hint="pip install s3fs"
        ) from None
    found = adapter.opened(url, settings, permissions, region=region, endpoint=endpoint)
    return cast("ConcurrentStore", found)


def _who(settings: Mapping[str, str]) -> tuple[Provider | None, Configured | None]:
    """Return what gives credentials (None: nobody), and how Amazon's own tools would connect, where they have a say."""
    is_anonymous = http_options.is_on(settings, "allow_anonymous_login")
    if not is_anonymous and not any(settings.get(name) for name in _PAIR):
        return _chain(settings)
    provider = None if is_anonymous else _static(settings)
    return provider, _configured(settings) if _has_configuration(settings) else None


def _has_configuration(settings: Mapping[str, str]) -> bool:
    """Whether Amazon's tools are configured at all; asking them takes longer than a small file."""
    files = (settings.get(name) or os.environ.get(variable) or usual for name, variable, usual in _FILES)
    return bool(
        settings.get("profile")
        or any(os.environ.get(name) for name in _VARIABLES)
        or any(os.path.exists(os.path.expanduser(path)) for path in files)
    )


def _where(settings: Mapping[str, str], bucket: str, found: Configured | None) -> tuple[str, str]:
    """Return region and endpoint; `found` is what Amazon's own tools would take, where they were asked."""
    region = (
        settings.get("region") or (found and found.region) or _variable("AWS_REGION", "AWS_DEFAULT_REGION")
    )
    named = found.endpoint if found else _variable("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL")
    endpoint = settings.get("endpointurl") or named
    if not region:
        # It is part of every signature. Servers other than Amazon's take any.
        region = "us-east-1" if endpoint else _region_of(bucket)
    host = f"s3{found.variant if found else ''}.{region}.amazonaws.com"
    endpoint = endpoint or f"https://{host}{'.cn' if region.startswith('cn-') else ''}"
    if settings.get("use_ssl", "").lower() == "false":
        endpoint = endpoint.replace("https://", "http://", 1)
    http_options.refuse_no_address(endpoint, "endpointurl")
    return region, endpoint


def _trusting(settings: Mapping[str, str], endpoint: str, found: Configured | None) -> Mapping[str, str]:
    """Return the settings with the certificates that Amazon's own tools would trust, unless they name some."""
    trusted = _variable("AWS_CA_BUNDLE") or (found and found.certificates)
    if not trusted or settings.get("ssl_verify") or not endpoint.startswith("https://"):
        return settings
    return {**settings, "ssl_verify": trusted}


def _addressed(bucket: str, endpoint: str, *, is_virtual: bool) -> S3Config:
    """Return the settings of the address: where the bucket is part of the host's name, `endpoint` holds it."""
    host = urlsplit(endpoint).hostname or ""
    if is_virtual and "." not in bucket and not host.replace(".", "").isdecimal() and ":" not in host:
        endpoint = endpoint.replace("://", f"://{bucket}.", 1)
    else:
        is_virtual = False
    # Both, because obstore prefers a variable of the environment over `endpoint`.
    return {
        "endpoint": endpoint,
        "aws_endpoint_url_s3": endpoint,
        "virtual_hosted_style_request": is_virtual,
    }


def _static(settings: Mapping[str, str]) -> Provider:
    """Return what gives the credentials of the settings, and nothing of the environment."""
    for name in _PAIR:
        if not settings.get(name):
            raise ConfigError(
                f"an S3 remote has {', '.join(other for other in _PAIR if other != name)} but no {name}",
                hint=f"dv remote modify --local NAME {name} VALUE",
            )
    found: S3Credential = {
        "access_key_id": settings["access_key_id"],
        "secret_access_key": settings["secret_access_key"],
        "token": settings.get("session_token"),
        "expires_at": None,
    }
    return lambda: found


def _chain(settings: Mapping[str, str]) -> tuple[Provider, Configured]:
    """Return what gives credentials as Amazon's own tools find them, and how these would connect."""
    exceptions = importlib.import_module("botocore.exceptions")
    found, session = _configured(settings), importlib.import_module(_SESSION).new(settings)
    try:
        provider: Provider = importlib.import_module("obstore.auth.boto3").Boto3CredentialProvider(session)
    except exceptions.BotoCoreError as error:
        raise ConfigError(f"no credentials for S3 were found: {error}", hint=_HINT) from None
    except ValueError:  # what obstore says of none at all
        raise ConfigError("no credentials for S3 were found", hint=_HINT) from None
    return provider, found


def _configured(settings: Mapping[str, str]) -> Configured:
    sessions = importlib.import_module(_SESSION)
    exceptions = importlib.import_module("botocore.exceptions")
    try:
        return cast("Configured", sessions.configured(sessions.new(settings), settings))
    except exceptions.ProfileNotFound as error:
        raise ConfigError(
            str(error), hint="aws configure list-profiles   shows those that there are"
        ) from None
    except exceptions.BotoCoreError as error:
        raise ConfigError(
            f"the configuration of Amazon's tools: {error}", hint="aws configure list"
        ) from None


def _variable(*names: str) -> str | None:
    return next((os.environ[name] for name in names if os.environ.get(name)), None)


def _region_of(bucket: str, address: str = _AMAZON) -> str:
    """Return the region of a bucket, which Amazon tells anybody who asks for it."""
    request = urllib.request.Request(f"{address}/{bucket}", method="HEAD")  # noqa: S310 - https
    try:
        with urllib.request.urlopen(request, timeout=_PATIENCE) as answer:  # noqa: S310
            headers = answer.headers
    except urllib.error.HTTPError as error:
        headers = error.headers
    except OSError:
        return "us-east-1"
    return headers.get("x-amz-bucket-region") or "us-east-1"


def _encryption(settings: Mapping[str, str]) -> S3Config:
    """Return the settings that encrypt on the server's side; a customer's key is base64, as DVC has it."""
    found: S3Config = {}
    if settings.get("sse"):
        found["server_side_encryption"] = settings["sse"]
    if settings.get("sse_kms_key_id"):
        found["sse_kms_key_id"] = settings["sse_kms_key_id"]
        found.setdefault("server_side_encryption", "aws:kms")
    if settings.get("sse_customer_key"):
        if found:
            raise ConfigError(
                "an S3 remote encrypts with sse_customer_key or with sse, sse_kms_key_id, not with both",
                hint="dv remote modify --unset NAME sse_customer_key",
            )
        found = {"server_side_encryption": "sse-c", "sse_customer_key_base64": settings["sse_customer_key"]}
    if settings.get("sse_customer_algorithm", "AES256") != "AES256":
        raise ConfigError(
            "the only sse_customer_algorithm of S3 is AES256",
            hint="dv remote modify --unset NAME sse_customer_algorithm",
        )
    return found
