"""S3 remotes with `acl` or `grant_…`: permissions go with each upload, which s3fs can and obstore cannot."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from typing import Any

from aiobotocore.session import AioSession

from data_versioning.errors import ConfigError
from data_versioning.storage import fsspec_store, http_options, s3_session
from data_versioning.storage.concurrent import ConcurrentStore

_LOGIN = {"access_key_id": "key", "secret_access_key": "secret", "session_token": "token"}
_SECRETS = (*_LOGIN, "sse_customer_key")


def opened(
    url: str, settings: Mapping[str, str], permissions: Mapping[str, str], *, region: str, endpoint: str
) -> ConcurrentStore:
    """Open a bucket whose uploads carry `permissions`; the adapter of S3 has looked through the settings.

    Raises `ConfigError`.
    """
    if "ACL" in permissions and len(permissions) > 1:
        raise ConfigError(
            "an S3 remote has acl or grant_…, not both", hint="dv remote modify --unset NAME acl"
        )
    login: dict[str, Any] = {"anon": True}
    if not http_options.is_on(settings, "allow_anonymous_login"):
        login = {argument: settings[name] for name, argument in _LOGIN.items() if settings.get(name)}
    options = {
        **login,
        "session": s3_session.new(settings, AioSession),
        "client_kwargs": {
            "region_name": region,
            "endpoint_url": endpoint,
            "verify": http_options.verification(settings),
        },
        "config_kwargs": {
            "connect_timeout": http_options.seconds(settings, "connect_timeout", default=20),
            "read_timeout": http_options.seconds(settings, "read_timeout", default=60),
            "retries": {"total_max_attempts": 1},  # what may pass is repeated by the caller
        },
        "s3_additional_kwargs": {**permissions, **_encryption(settings)},
    }
    hidden = [settings[name] for name in _SECRETS if settings.get(name)]
    return fsspec_store.opened(url, options, hidden=hidden)


def _encryption(settings: Mapping[str, str]) -> dict[str, Any]:
    if settings.get("sse_customer_key"):
        key = base64.b64decode(settings["sse_customer_key"])
        return {"SSECustomerAlgorithm": "AES256", "SSECustomerKey": key}
    found = {}
    if settings.get("sse_kms_key_id"):
        found = {"ServerSideEncryption": "aws:kms", "SSEKMSKeyId": settings["sse_kms_key_id"]}
    return found | ({"ServerSideEncryption": settings["sse"]} if settings.get("sse") else {})
