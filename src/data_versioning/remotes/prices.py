"""List prices of stores, to estimate what a remote costs. They change: each says when and from what it was recorded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from data_versioning import storage

GB = 1 << 30
"""Bytes: what the three vendors bill as one GB."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Price:
    """US dollars; requests by the thousand. `recorded`: when it was written down here, `source`: where to check it.

    `basis` says what the figures rest on, since no vendor's page was read at that moment. Only storage is known
    (the others None) where the user named the price.
    """

    product: str
    region: str
    per_gb_month: float
    per_1000_put: float | None
    per_1000_get: float | None
    per_gb_egress: float | None
    recorded: str
    source: str
    basis: str

    def monthly(self, size: int) -> float:
        """Return what `size` bytes cost a month: storage only, no requests, no traffic."""
        return size / GB * self.per_gb_month


_PRICES: Mapping[str, Price] = {
    "s3": Price(
        product="Amazon S3 Standard, first 50 TB",
        region="us-east-1",
        per_gb_month=0.023,
        per_1000_put=0.005,
        per_1000_get=0.0004,
        per_gb_egress=0.09,
        recorded="2026-11-26",
        source="https://aws.amazon.com/s3/pricing/",
        basis="articles that quote the vendor's page",
    ),
    "gs": Price(
        product="Google Cloud Storage Standard",
        region="us-central1",
        per_gb_month=0.020,
        per_1000_put=0.005,
        per_1000_get=0.0004,
        per_gb_egress=0.12,
        recorded="2026-11-26",
        source="https://cloud.google.com/storage/pricing",
        basis="an undated copy of the vendor's page",
    ),
    "azure": Price(
        product="Azure Blob Storage Hot LRS, first 50 TB",
        region="East US",
        per_gb_month=0.0184,
        per_1000_put=0.0055,
        per_1000_get=0.00044,
        per_gb_egress=0.087,
        recorded="2026-11-26",
        source="https://azure.microsoft.com/pricing/details/storage/blobs/",
        basis="approximate, not confirmed on the vendor's page",
    ),
}
_VENDORS = {"s3": "amazonaws.com", "gs": "googleapis.com"}


def price_of(url: str, options: Mapping[str, str]) -> Price | None:
    """Return the list price of the store at `url`; None where there is none: a machine or server of one's own.

    >>> price_of("s3://bucket/x", {}).per_gb_month
    0.023
    >>> price_of("s3://bucket/x", {"endpointurl": "http://127.0.0.1:8333"})
    >>> price_of("ssh://host/x", {})
    """
    scheme = storage.scheme(url)
    if scheme == "azure":
        own = "BlobEndpoint=" in (text := options.get("connection_string", "")) and ".core." not in text
        return None if own else _PRICES[scheme]
    server = options.get("endpointurl")
    if server and not f".{urlsplit(server).hostname or ''}".endswith(f".{_VENDORS.get(scheme, '')}"):
        return None
    return _PRICES.get(scheme)


def named(per_gb_month: float) -> Price:
    """Return the price that the user names: of storage, and of nothing else."""
    return Price(
        product="as named",
        region="",
        per_gb_month=per_gb_month,
        per_1000_put=None,
        per_1000_get=None,
        per_gb_egress=None,
        recorded="",
        source="",
        basis="--price-per-gb",
    )
