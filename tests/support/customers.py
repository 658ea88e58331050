"""Customers as the integration tests sign them up, and what must be true of them afterwards."""

from collections import Counter

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


def things_in(state):
    """What costs money, as (kind, id or app's name, what tells it from its like)."""
    found = [("server", str(s["id"]), s["name"]) for s in state["servers"]]
    found += [("app", a["name"], a["name"]) for a in state["apps"]]
    found += [("machine", m["app"], m["id"]) for m in state["machines"]]
    found += [("volume", v["app"], v["id"]) for v in state["volumes"]]
    return sorted(found)


def things_recorded(server):
    """The same by our records. Rows stay of what was replaced."""
    kinds = {"database_machine": "machine", "database_volume": "volume"}
    found = [
        ("server", str(h["provider_id"]), h["name"])
        for h in everything(server.get, "hosts")
        if h["provider_id"]
    ]
    for instance in everything(server.get, "instances"):
        for r in instance["resources"]:
            kind = kinds.get(r["kind"], r["kind"])
            if kind in ("app", "machine", "volume") and r["status"] != "deleted":
                identity = r["provider_id"] if r["status"] == "created" else r["status"]
                found.append((kind, instance["app"], identity))
    return sorted(found)


def differences(server, cloud):
    """Sentences: what exists and is not recorded, what is recorded and does not exist."""
    recorded, existing = Counter(things_recorded(server)), Counter(things_in(cloud.state()))
    return [f"not recorded: {thing}" for thing in existing - recorded] + [
        f"does not exist: {thing}" for thing in recorded - existing
    ]


def assert_cloud_is_as_recorded(server, cloud):
    """Every server, app, machine and volume is in our records, and nothing in them is missing."""
    assert differences(server, cloud) == []


def assert_slots_are_right(server, cloud):
    """Each host holds as many tenants as it counts, and never more than it has room for."""
    for host in everything(server.get, "hosts"):
        assert 0 <= host["slots_used"] <= host["capacity"]
        # One that never ran has no database.
        tenants = cloud.tenants("hetzner", host["name"]) if host["active_at"] else []
        assert len(tenants) == host["slots_used"]


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
