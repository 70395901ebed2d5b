"""List prices: which stores have one, and what is said about it."""

from __future__ import annotations

import datetime

import pytest

from data_versioning.remotes import prices

AZURITE = "DefaultEndpointsProtocol=http;AccountName=a;BlobEndpoint=http://127.0.0.1:10000/a"


@pytest.mark.parametrize("url", ["s3://b/x", "gs://b/x", "azure://c/x"])
def test_a_price_says_where_it_is_from(url: str) -> None:
    price = prices.price_of(url, {})
    assert price and price.region and price.basis and price.source.startswith("https://")
    assert datetime.date.fromisoformat(price.recorded)
    assert price.monthly(0) == 0
    assert price.monthly(1000 * prices.GB) == pytest.approx(1000 * price.per_gb_month)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("/mnt/store", {}),
        ("ssh://host/x", {}),
        ("hdfs://host/x", {}),
        ("https://host/x", {}),
        ("s3://b/x", {"endpointurl": "http://127.0.0.1:8333"}),
        ("s3://b/x", {"endpointurl": "https://amazonaws.com.example.org"}),
        ("gs://b/x", {"endpointurl": "http://127.0.0.1:4443"}),
        ("azure://c/x", {"connection_string": AZURITE}),
    ],
)
def test_own_machines_have_none(url: str, options: dict[str, str]) -> None:
    assert prices.price_of(url, options) is None


def test_the_servers_of_the_vendor_named_by_hand() -> None:
    assert prices.price_of("s3://b/x", {"endpointurl": "https://s3.eu-west-1.amazonaws.com"})
