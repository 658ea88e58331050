"""Customers as the integration tests sign them up, and what must be true of them afterwards."""

from support.cloud import everything
from support.webhost import wait_until

# By the plan's scoring these two are beyond doubt.
SMALL = {"budget": 30, "vehicle_count": 2}
LARGE = {"budget": 200, "vehicle_count": 50, "compliance_requirements": ["soc2"]}


def signup_body(slug, profile=None, plan="hobby"):
    return {
        "name": slug.title(),
        "slug": slug,
        "email": f"ops@{slug}.example",
        "plan_slug": plan,
        "profile_overrides": SMALL if profile is None else profile,
    }


def sign_up(server, slug, profile=None, **options):
    answer = server.post("/api/signup", signup_body(slug, profile), **options)
    assert answer.status == 201, answer.text
    return answer.body


def status_of(server, slug):
    answer = server.get(f"/api/admin/deployment/status/{slug}")
    assert answer.status == 200, answer.text
    return answer.body


def wait_for(server, slug, *wanted):
    """Waits until the customer's deployment is in one of the states; returns its status."""

    def reached():
        status = status_of(server, slug)
        state = status["deployment"]["status"]
        ended = state in ("active", "failed") and state not in wanted
        assert not ended, f"{slug} is {state}: {status['deployment']['error']}"
        return status if state in wanted else None

    return wait_until(reached, f"{slug} is not {' or '.join(wanted)}")


def wait_active(server, *slugs):
    return [wait_for(server, slug, "active") for slug in slugs]


def assert_cloud_is_as_recorded(server, cloud):
    """Every server, app, machine and volume is in our records, and nothing in them is missing."""
    state = cloud.state()
    hosts = everything(server.get, "hosts")
    instances = everything(server.get, "instances")
    # Rows stay of what was replaced.
    resources = [
        (i["app"], r) for i in instances for r in i["resources"] if r["status"] != "deleted"
    ]

    def recorded(*kinds):
        return sorted((app, r["provider_id"]) for app, r in resources if r["kind"] in kinds)

    # An order that failed for good may have no server.
    ordered = [h for h in hosts if h["provider_id"] is not None or h["status"] != "failed"]
    assert sorted((h["provider_id"], h["name"]) for h in ordered) == sorted(
        (s["id"], s["name"]) for s in state["servers"]
    )
    assert sorted(a["name"] for a in state["apps"]) == sorted(i["app"] for i in instances)
    assert recorded("app") == sorted((a["name"], a["name"]) for a in state["apps"])
    assert recorded("machine", "database_machine") == sorted(
        (m["app"], m["id"]) for m in state["machines"]
    )
    assert recorded("volume", "database_volume") == sorted(
        (v["app"], v["id"]) for v in state["volumes"]
    )
    assert all(r["status"] == "created" for _, r in resources)


def assert_slots_are_right(server, cloud):
    """Each host holds as many tenants as it counts, and never more than it has room for."""
    for host in everything(server.get, "hosts"):
        assert 0 <= host["slots_used"] <= host["capacity"]
        if host["status"] == "failed":
            assert host["slots_used"] == 0
            continue  # it may never have had a database
        assert len(cloud.tenants("hetzner", host["name"])) == host["slots_used"]


def customers_jobs(server):
    """Not those of hosts and of the house."""
    return [job for job in everything(server.get, "jobs") if job["customer_id"]]


def job_states(server):
    return [job["state"] for job in customers_jobs(server)]


def assert_small_and_large_exist_once(server, cloud):
    """One customer in each cloud, each by one completed job, and nothing else anywhere."""
    assert_cloud_is_as_recorded(server, cloud)
    assert_slots_are_right(server, cloud)
    counts = cloud.state()["counts"]
    # professional: a database, and an application machine in each of two regions
    assert (counts["servers"], counts["apps"]) == (1, 1)
    assert (counts["machines"], counts["volumes"]) == (3, 3)
    # A job ends in a transaction of its own, after the one that makes the customer active.
    wait_until(lambda: job_states(server) == ["completed", "completed"], "the jobs have not ended")
