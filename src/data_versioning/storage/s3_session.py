"""What Amazon's own tools would use for a remote: their sessions, and what their configuration says of a connection.

The profile and the files that the settings name count for that session only: another remote has others.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import Any, NamedTuple

import botocore.session
from botocore.configprovider import ConfiguredEndpointProvider
from botocore.exceptions import ProfileNotFound

_FILES = {
    "configpath": "config_file",
    "credentialpath": "credentials_file",
}  # setting -> what botocore calls it


class Configured(NamedTuple):
    """Region, endpoint and certificates to trust, where they are configured.

    `is_virtual`: buckets are names of hosts. `variant` is what Amazon's own endpoints have between "s3" and the region.
    """

    region: str | None = None
    endpoint: str | None = None
    certificates: str | None = None
    is_virtual: bool = False
    variant: str = ""


def new(settings: Mapping[str, str], kind: Any = botocore.session.Session) -> Any:
    """Return a session of botocore, or of the `kind` that derives from it."""
    session = kind(profile=settings.get("profile") or None)
    for option, name in _FILES.items():
        if settings.get(option):
            session.set_config_variable(name, os.path.expanduser(settings[option]))
    return session


def configured(session: Any, settings: Mapping[str, str]) -> Configured:
    """Return what environment and profile say; `ProfileNotFound` when it is the settings that name the profile."""
    try:
        profile = session.get_scoped_config()
    except ProfileNotFound:
        if settings.get("profile"):
            raise
        return Configured()
    fips, dual = (session.get_config_variable(f"use_{name}_endpoint") for name in ("fips", "dualstack"))
    ignored = session.get_config_variable("ignore_configured_endpoint_urls")
    endpoint = ConfiguredEndpointProvider(session.full_config, profile, "s3")
    nested = profile.get("s3")
    return Configured(
        region=session.get_config_variable("region"),
        endpoint=None if ignored else endpoint.provide(),
        certificates=session.get_config_variable("ca_bundle"),
        is_virtual=isinstance(nested, dict) and nested.get("addressing_style") == "virtual",
        variant=("-fips" if fips else "") + (".dualstack" if dual else ""),
    )
