"""Hadoop's own configuration: where it says that NameNodes answer HTTP.

As Hadoop's programs find it ("HDFS High Availability", "hdfs-default.xml"): keys that end with the name of a name
service, and of one of its NameNodes, are for those alone.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from urllib.parse import urlsplit
from xml.etree import ElementTree

from data_versioning.errors import ConfigError

USER = "HADOOP_USER_NAME"
"""The variable with which Hadoop's programs are told who asks."""
RPC_PORT = "8020"
"""Where NameNodes listen when nothing says otherwise."""
_FILES = ("core-site.xml", "hdfs-site.xml")
_RPC = "dfs.namenode.rpc-address"
_POLICIES = {"HTTPS_ONLY": ("https",), "HTTP_AND_HTTPS": ("https", "http")}
# Where NameNodes listen when nothing says otherwise: those of Hadoop 3, then those of Hadoop 2.
_PORTS = {"http": (9870, 50070), "https": (9871, 50470)}
_EVERYWHERE = frozenset({"", "0.0.0.0", "[::]", "::"})  # noqa: S104 (an address to recognize, not to listen at)
_PORT = re.compile(r":\d+$")


def load() -> dict[str, str]:
    """Return the properties of this machine's configuration; none where there is no configuration.

    Raises `ConfigError` for a file that cannot be understood.
    """
    home = os.environ.get("HADOOP_HOME")
    directory = os.environ.get("HADOOP_CONF_DIR") or (f"{home}/etc/hadoop" if home else "")
    properties: dict[str, str] = {}
    for name in _FILES if directory else ():
        path = Path(directory, name)
        try:
            properties |= _properties(path.read_bytes())
        except FileNotFoundError:
            continue
        except (OSError, ElementTree.ParseError) as error:
            raise ConfigError(f"{path} cannot be read: {error}", hint=f"xmllint --noout {path}") from None
    return properties


def _properties(text: bytes) -> dict[str, str]:
    """Return the properties of one file.

    >>> _properties(b"<configuration><property><name>a</name><value> b </value></property></configuration>")
    {'a': 'b'}
    """
    found = ElementTree.fromstring(text).iter("property")  # noqa: S314 (the machine's own)
    return {(each.findtext("name") or "").strip(): (each.findtext("value") or "").strip() for each in found}


def web_addresses(properties: Mapping[str, str], authority: str) -> list[str]:
    """Return the addresses at which the NameNodes of `hdfs://AUTHORITY` may answer HTTP, the likeliest first.

    >>> web_addresses({}, "host:8020")
    ['http://host:9870', 'http://host:50070']
    >>> web_addresses({"dfs.namenode.http-address": "host:8070"}, "host")
    ['http://host:8070']
    """
    authority = authority or urlsplit(properties.get("fs.defaultFS", "")).netloc
    schemes = _POLICIES.get(properties.get("dfs.http.policy", "").upper(), ("http",))
    found: list[str] = []
    for suffix, host in _name_nodes(properties, authority):
        for scheme in schemes:
            value = properties.get(f"dfs.namenode.{scheme}-address{suffix}")
            if value:
                found.append(f"{scheme}://{_reached(value, host)}")
    if found or not authority:
        return list(dict.fromkeys(found))
    return [f"{scheme}://{_host(authority)}:{port}" for scheme in schemes for port in _PORTS[scheme]]


def _name_nodes(properties: Mapping[str, str], authority: str) -> Iterator[tuple[str, str]]:
    """Yield the NameNodes that an authority means: how their keys end, and their host."""
    if authority in _names(properties.get("dfs.nameservices")):
        nodes = _names(properties.get(f"dfs.ha.namenodes.{authority}"))
        for suffix in [f".{authority}.{node}" for node in nodes] or [f".{authority}"]:
            yield suffix, _host(properties.get(_RPC + suffix, ""))
        return
    for key, address in properties.items():
        if key.startswith(f"{_RPC}.") and _full(address) == _full(authority):
            yield key.removeprefix(_RPC), _host(address)
    if _is_single(properties, authority):
        yield "", _host(authority)


def _is_single(properties: Mapping[str, str], authority: str) -> bool:
    """Whether the keys without an ending are those of the NameNode at `authority`."""
    known = [properties.get(_RPC, ""), urlsplit(properties.get("fs.defaultFS", "")).netloc]
    if any(_full(address) == _full(authority) for address in known if address):
        return True
    schemes = ("http", "https")
    web = [properties.get(f"dfs.namenode.{scheme}-address", "") for scheme in schemes]
    return _host(authority) in {_host(address) for address in web if address}


def _reached(address: str, host: str) -> str:
    """Return an address to connect to: a NameNode that listens everywhere is reached at its `host`."""
    port = _PORT.search(address)
    return f"{host}{port[0] if port else ''}" if _host(address) in _EVERYWHERE else address


def _full(address: str) -> str:
    return address if _PORT.search(address) else f"{address}:{RPC_PORT}"


def _host(address: str) -> str:
    return _PORT.sub("", address)


def _names(listed: str | None) -> Sequence[str]:
    return [name.strip() for name in (listed or "").split(",") if name.strip()]
