"""Many sign up at once and the control plane dies under them: no acknowledged signup is lost."""

import math
from concurrent.futures import ThreadPoolExecutor
from threading import Event, Lock

from support.cloud import everything
from support.customers import (
    assert_cloud_is_as_recorded,
    assert_slots_are_right,
    job_states,
    signup_body,
)
from support.webhost import wait_until

CUSTOMERS = 50
SLOTS = 7
ENOUGH = 12

EUROPE = {"budget": 40, "vehicle_count": 3, "geographic_distribution": ["EU"]}


class Crowd:
    """Everybody signs up in a thread of their own, with a key that makes it safe to repeat."""

    def __init__(self):
        self.bodies = {
            f"customer-{i:02}": signup_body(f"customer-{i:02}", EUROPE if i % 3 == 0 else None)
            for i in range(CUSTOMERS)
        }
        self.acknowledged = {}
        self.enough = Event()
        self._lock = Lock()

    def _ask(self, server, slug):
        try:
            answer = server.post(
                "/api/signup", self.bodies[slug], headers={"Idempotency-Key": f"key-{slug}"}
            )
        except (OSError, ValueError):
            return None  # it died; the client cannot know what became of it
        assert answer.status == 201, answer.text
        with self._lock:
            self.acknowledged[slug] = answer.body
            if len(self.acknowledged) >= ENOUGH:
                self.enough.set()
        return answer

    def sign_up(self, server, slugs):
        """Starts all of them; the result, when it is asked for, waits for the last."""
        pool = ThreadPoolExecutor(max_workers=len(slugs) or 1)
        futures = [pool.submit(self._ask, server, slug) for slug in slugs]
        pool.shutdown(wait=False)
        return lambda: [future.result() for future in futures]


def completed(server):
    return job_states(server).count("completed")


def test_signups_in_parallel_survive_a_kill_and_all_become_active(cloud):
    server = cloud.serve(slots_per_host=SLOTS)
    crowd = Crowd()
    answers = crowd.sign_up(server, list(crowd.bodies))
    assert crowd.enough.wait(60)
    server.kill()
    answers()
    acknowledged = dict(crowd.acknowledged)

    server = cloud.serve(slots_per_host=SLOTS)
    for slug, reply in acknowledged.items():
        customer = server.get(f"/api/customers/{slug}")
        assert customer.status == 200, f"{slug} was acknowledged and is lost"
        assert customer.body["id"] == reply["customer"]["id"]
        assert server.get(f"/api/jobs/{reply['job']['id']}").status == 200

    # Who got no answer asks again; some of them were signed up the first time.
    again = crowd.sign_up(server, [slug for slug in crowd.bodies if slug not in acknowledged])
    assert all(again())

    # And once more in the middle of the provisioning.
    wait_until(lambda: completed(server) >= ENOUGH, "too few are done")
    server.kill()
    server = cloud.serve(slots_per_host=SLOTS)
    wait_until(lambda: completed(server) == CUSTOMERS, "not all have been provisioned")

    customers = everything(server.get, "customers")
    assert sorted(customer["slug"] for customer in customers) == sorted(crowd.bodies)
    assert {c["slug"]: c["id"] for c in customers} == {
        slug: reply["customer"]["id"] for slug, reply in crowd.acknowledged.items()
    }
    for customer in customers:
        deployment = server.get(f"/api/customers/{customer['slug']}").body["deployment"]
        assert (deployment["status"], deployment["error"]) == ("active", None)

    hosts = everything(server.get, "hosts")
    europeans = math.ceil(CUSTOMERS / 3)
    fewest = math.ceil(europeans / SLOTS) + math.ceil((CUSTOMERS - europeans) / SLOTS)
    assert sum(host["slots_used"] for host in hosts) == CUSTOMERS
    assert len(hosts) == fewest
    assert_slots_are_right(server, cloud)
    assert_cloud_is_as_recorded(server, cloud)
