"""What a slot costs: read from the cloud, counted with in decisions, told by API and commands."""

import json
from pathlib import Path

import pytest

from support.cloud import everything
from support.customers import SMALL, sign_up
from support.webhost import wait_until

PRICE_FILE = Path(__file__).parents[2] / "policies" / "prices.yaml"


@pytest.fixture
def server(webhost):
    """A server whose prices have been read from its sandbox."""
    started = webhost.serve("--sandbox")
    wait_until_read(started)
    return started


def in_ashburn(server):
    (found,) = (p for p in server.get("/api/prices").body["prices"] if p["location"] == "ash")
    return found


def wait_until_read(server):
    wait_until(lambda: in_ashburn(server)["source"] == "cloud", "the prices are not read")


def price_jobs(server):
    jobs = everything(server.get, "jobs", queue="maintenance")
    return [job for job in jobs if job["worker"] == "RefreshPricesWorker"]


def run(webhost, server, *arguments):
    environment = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}
    return webhost.run(*arguments, env=environment).stdout


def test_the_first_start_reads_the_clouds_prices_and_no_later_one(webhost, server):
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
    server.stop()
    again = webhost.serve("--sandbox")
    assert in_ashburn(again) == price
    assert len(price_jobs(again)) == 1


def test_the_table_shows_every_location_and_json_is_what_the_api_says(webhost, server):
    table = run(webhost, server, "prices")
    for word in ("LOCATION", "ash", "cpx31", "62.49", "fsn1", "cpx32", "sin", "cpx22", "cloud"):
        assert word in table
    listed = json.loads(run(webhost, server, "prices", "-o", "json"))
    prices = listed["prices"] if isinstance(listed, dict) else listed
    assert prices == server.get("/api/prices").body["prices"]


def test_a_decision_names_the_clouds_prices_and_its_estimate_can_be_made_again(webhost, cloud):
    cloud.set(prices={"cpx31": {"ash": "80.00"}})
    server = cloud.serve(slots_per_host=10)
    wait_until_read(server)
    made = sign_up(server, "small")["decision"]
    decision = server.get(f"/api/decisions/{made['id']}").body
    price = in_ashburn(server)
    assert decision["prices"] == {
        **server.get("/api/prices").body["file"],
        "shared_server": {
            "location": "ash",
            "server_type": "cpx31",
            "host_month_eur": 80.0,
            "ipv4_month_eur": 0.5,
            "volume_gb_month_eur": 0.0572,
            "slots": 10,
            "read_at": price["read_at"],
        },
    }
    assert decision["estimated_monthly_cost"] == 9.35  # ((80.50 / 10) + 1.4 * 0.0572) * 1.15
    evaluated = server.post("/api/admin/deployment/evaluate", {"customer_id": "small"}).body
    assert evaluated["recommended"]["prices"] == decision["prices"]

    # As docs/policies.md says.
    text = PRICE_FILE.read_text()
    copy = webhost.folder / "prices.yaml"
    copy.write_text(
        text.replace("ash: 62.49", "ash: 80.00").replace("per_host: 40", "per_host: 10")
    )
    profile = webhost.folder / "profile.json"
    profile.write_text(json.dumps(SMALL))
    again = json.loads(webhost.run("decide", "--prices", copy, "-o", "json", profile).stdout)
    assert again["estimated_monthly_cost"] == decision["estimated_monthly_cost"]


def test_a_list_that_is_wrong_is_refused_and_read_again_once_it_is_right(cloud):
    half = {"pricing": {"currency": "EUR", "server_types": []}}
    cloud.fault("GET", "/v1/pricing", {"status": 200, "body": half})
    server = cloud.serve(gate=False)
    wait_until(lambda: price_jobs(server) and price_jobs(server)[0]["last_error"], "no error")
    assert "Hetzner's" in price_jobs(server)[0]["last_error"]
    price = in_ashburn(server)
    assert (price["source"], price["host_month_eur"], price["read_at"]) == ("file", 62.49, None)

    cloud.clear_faults()
    assert server.post(f"/api/jobs/{price_jobs(server)[0]['id']}/retry").status == 200
    wait_until_read(server)
