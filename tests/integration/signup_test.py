"""Signing up, from the request to machines in both clouds, seen from every side."""

import json
from types import SimpleNamespace

import pytest

from support import engine
from support.cloud import Cloud, everything
from support.customers import (
    LARGE,
    SMALL,
    assert_cloud_is_as_recorded,
    assert_slots_are_right,
    sign_up,
    status_of,
    wait_active,
)
from support.webhost import WebHost

FACTORS = {
    "budget",
    "vehicle_count",
    "compliance_requirements",
    "latency_requirement",
    "geographic_distribution",
    "peak_concurrent_users",
}


@pytest.fixture(scope="module")
def fleet(tmp_path_factory):
    """One small and one large customer, signed up and provisioned; tenants on the same engine."""
    programs = WebHost(tmp_path_factory.mktemp("webhost"))
    cloud = Cloud(programs)
    if engine.ON_POSTGRES:
        cloud.tenants_in(hetzner=programs.new_postgres(), fly=programs.new_postgres())
    server = cloud.serve()
    small, large = sign_up(server, "small", SMALL), sign_up(server, "large", LARGE)
    wait_active(server, "small", "large")
    yield SimpleNamespace(
        programs=programs, cloud=cloud, server=server, replies={"small": small, "large": large}
    )
    programs.close()


def test_the_reply_names_customer_deployment_decision_and_job(fleet):
    for slug, mode, worker in [
        ("small", "multi_tenant", "HetznerProvisioningWorker"),
        ("large", "single_tenant", "FlyioProvisioningWorker"),
    ]:
        reply = fleet.replies[slug]
        assert reply["customer"]["slug"] == slug
        assert reply["deployment"]["mode"] == reply["decision"]["mode"] == mode
        assert reply["deployment"]["status"] == "provisioning"
        assert (reply["job"]["worker"], reply["job"]["queue"]) == (worker, "provisioning")
        assert reply["job"]["state"] == "available"


def test_a_small_customer_gets_a_slot_on_a_shared_hetzner_host(fleet):
    deployment = status_of(fleet.server, "small")["deployment"]
    assert deployment["status"] == "active"
    assert (deployment["mode"], deployment["infrastructure"]) == ("multi_tenant", "hetzner")
    assert (deployment["plan"], deployment["regions"]) == ("hobby", ["ash"])
    assert deployment["host"]["status"] == "active"
    assert deployment["host"]["slots_used"] == 1
    assert (deployment["app"], deployment["resources"], deployment["error"]) == (None, [], None)


def test_a_soc2_customer_gets_an_app_of_its_own_at_fly_in_iad_and_fra(fleet):
    deployment = status_of(fleet.server, "large")["deployment"]
    assert deployment["status"] == "active"
    assert (deployment["mode"], deployment["infrastructure"]) == ("single_tenant", "flyio")
    assert (deployment["plan"], deployment["regions"]) == ("professional", ["iad", "fra"])
    assert deployment["host"] is None
    resources = deployment["resources"]
    assert {r["region"] for r in resources if r["kind"] == "machine"} == {"iad", "fra"}
    assert [r["region"] for r in resources if r["kind"] == "database_machine"] == ["iad"]


def test_the_command_line_says_the_same_as_the_api(fleet):
    environment = {"WEBHOST_SERVER": fleet.server.url, "WEBHOST_TOKEN": fleet.server.token}
    for slug in ("small", "large"):
        said = fleet.programs.run("status", slug, "-o", "json", env=environment).stdout
        assert json.loads(said) == status_of(fleet.server, slug)


def test_the_hosts_show_their_slots(fleet):
    (host,) = everything(fleet.server.get, "hosts")
    assert (host["slots_used"], host["capacity"], host["status"]) == (1, 40, "active")
    assert_slots_are_right(fleet.server, fleet.cloud)


def test_each_customers_database_has_the_fleet_schema_and_the_tenant(fleet):
    host = status_of(fleet.server, "small")["deployment"]["host"]["name"]
    app = status_of(fleet.server, "large")["deployment"]["app"]
    for slug, kind, name in [("small", "hetzner", host), ("large", "fly", app)]:
        customer = fleet.replies[slug]["customer"]
        assert fleet.cloud.tenants(kind, name) == [(customer["id"], slug, customer["name"])]
        tables = engine.tables(fleet.cloud.tenant_url(kind, name))
        assert {"tenants", "vehicles", "gps_points"} <= tables


def test_the_records_are_in_the_database_of_this_run_and_nowhere_else(fleet):
    programs = fleet.programs
    assert programs.rows("SELECT slug FROM customers ORDER BY slug") == [("large",), ("small",)]
    assert (programs.folder / "data/webhost.db").exists() is not engine.ON_POSTGRES


def test_a_decision_is_kept_whole(fleet):
    for slug, recorded in fleet.replies.items():
        decision = fleet.server.get(f"/api/decisions/{recorded['decision']['id']}").body
        assert decision == recorded["decision"]
        assert {factor["name"] for factor in decision["factors"]} == FACTORS
        assert all({"value", "rules", "contributions"} <= set(f) for f in decision["factors"])
        assert set(decision["scores"]) == {"multi_tenant", "single_tenant"}
        assert decision["policy"]["name"] == "default"
        listed = fleet.server.get(f"/api/customers/{slug}/decisions").body["decisions"]
        assert [d["id"] for d in listed] == [decision["id"]]
        assert fleet.server.get(f"/api/customers/{slug}").body["last_decision"] == decision


def test_soc2_overrides_the_scores_by_a_named_constraint(fleet):
    decision = fleet.replies["large"]["decision"]
    assert decision["mode"] == "single_tenant"
    assert "soc2-dedicated" in json.dumps(decision["constraints"])


def test_the_clouds_have_what_the_api_reports_and_nothing_else(fleet):
    assert_cloud_is_as_recorded(fleet.server, fleet.cloud)
    assert fleet.cloud.state()["counts"]["servers"] == 1
    assert fleet.cloud.state()["counts"]["apps"] == 1


def test_what_was_done_is_in_the_audit_record(fleet):
    entries = everything(fleet.server.get, "audit")
    signed_up = {e["subject"] for e in entries if e["action"] == "customer.signed_up"}
    assert signed_up == {reply["customer"]["id"] for reply in fleet.replies.values()}


def test_a_taken_slug_is_refused_and_makes_nothing(fleet):
    before = fleet.cloud.state()
    answer = fleet.server.post(
        "/api/signup",
        {"name": "Other", "slug": "small", "email": "o@other.example", "plan_slug": "hobby"},
    )
    assert (answer.status, "small" in answer.body["detail"]) == (409, True)
    assert len(everything(fleet.server.get, "customers")) == 2
    assert fleet.cloud.state() == before
