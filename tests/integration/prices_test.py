"""What a slot costs, as the API and the command line tell it."""

import json

import pytest

from support.webhost import wait_until


@pytest.fixture
def server(webhost):
    """A server whose prices have been read from its sandbox."""
    started = webhost.serve("--sandbox")
    wait_until(lambda: in_ashburn(started)["source"] == "cloud", "the prices are not read")
    return started


def in_ashburn(server):
    (found,) = (p for p in server.get("/api/prices").body["prices"] if p["location"] == "ash")
    return found


def run(webhost, server, *arguments):
    environment = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    return webhost.run(*arguments, env=environment).stdout


def test_the_first_start_reads_the_clouds_prices(server):
    price = in_ashburn(server)
    assert price["read_at"]
    assert {key: value for key, value in price.items() if key != "read_at"} == {
        "location": "ash",
        "server_type": "cpx31",
        "source": "cloud",
        "host_month_eur": 62.49,
        "ipv4_month_eur": 0.5,
        "volume_gb_month_eur": 0.0572,
        "slots": 40,
        "slot_month_usd": 1.811,
        "stale": False,
    }


def test_the_table_shows_every_location_and_json_is_what_the_api_says(webhost, server):
    table = run(webhost, server, "prices")
    for word in ("LOCATION", "ash", "cpx31", "62.49", "fsn1", "cpx32", "sin", "cpx22", "cloud"):
        assert word in table
    listed = json.loads(run(webhost, server, "prices", "-o", "json"))
    prices = listed["prices"] if isinstance(listed, dict) else listed
    assert prices == server.get("/api/prices").body["prices"]
