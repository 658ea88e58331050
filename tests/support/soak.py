"""
Customers who come and go while the clouds fail in every way they know.

Everybody signs up, everybody leaves, and the hosts that nobody needs any more are given up. All
that time a share of the clouds' answers are faults: each kind once for certain, then at random
among all kinds that the sandbox has, so that a kind it learns is met without being named here.
"""

from support.cloud import everything
from support.customers import LARGE, SMALL, sign_up, things_in
from support.leaving import offboard
from support.webhost import wait_until

PAUSE_S = 0.2
SETTINGS = {"gate": False, "call_timeout_ms": 5000, "slots_per_host": 10, "empty_grace_ms": 0}


class Soak:
    def __init__(self, cloud, customers, rate, seed, hurry=True):
        """
        A customer's setting up that was given up is retried, as a person would with `webhost jobs
        retry`. With `hurry` whatever waits for its next attempt is retried at once too.
        """
        self.cloud, self.customers, self.rate, self.seed = cloud, customers, rate, seed
        self.hurry = hurry
        self.deadline = 120 + 6 * customers
        self.server = cloud.serve(**SETTINGS)
        self.retried_by_hand = 0

    def begin(self):
        self.cloud.one_fault_of_each_kind()
        self.cloud.random_faults(self.rate, self.seed)

    def arrive(self):
        for n in range(self.customers):
            sign_up(self.server, f"customer-{n}", LARGE if n % 2 else SMALL)
        self._wait_for_none("deployments WHERE status <> 'active'", "customers are not set up")
        self._give_up_hosts()

    def leave(self):
        for n in range(self.customers):
            offboard(self.server, f"customer-{n}", retention_days=0, reason="closed")
        self._wait_for_none("customers WHERE status <> 'cancelled'", "customers have not left")
        self._give_up_hosts()

    def end(self):
        """Ends the faults; returns how many of each kind there were."""
        given = self.cloud.faults_given()
        self.cloud.clear_faults()
        return given

    def things_left(self):
        """What is in the clouds and costs money."""
        return things_in(self.cloud.state())

    def rows(self, sql):
        return self.cloud.webhost.rows(sql)

    def _give_up_hosts(self):
        """Those whose order failed, and empty ones."""

        def all_are_used():
            self.server.post("/api/hosts/reap")
            self._retry_what_waits()
            return all(host["slots_used"] for host in everything(self.server.get, "hosts"))

        wait_until(all_are_used, "there are hosts that nobody needs", self.deadline, PAUSE_S)

    def _wait_for_none(self, those, what):
        def none_left():
            ((count,),) = self.rows(f"SELECT count(*) FROM {those}")
            if count > 0:
                self._retry_what_waits()
            return count == 0

        try:
            wait_until(none_left, what, self.deadline, PAUSE_S)
        except AssertionError as failure:
            raise AssertionError("\n".join([str(failure), *self._what_goes_on()])) from None

    def _what_goes_on(self):
        for job in everything(self.server.get, "jobs"):
            if job["state"] != "completed" and job["worker"] != "InstanceHealthWorker":
                keys = ("worker", "state", "attempt", "snoozes", "scheduled_at", "last_error")
                yield f"job {job['id']}: {', '.join(str(job[key]) for key in keys)}"
        for host in everything(self.server.get, "hosts"):
            keys = ("name", "status", "slots_used", "created_at", "failed_at", "error")
            yield f"host {', '.join(str(host[key]) for key in keys)}"

    def _retry(self, state, **filters):
        return self.server.post("/api/jobs/retry", {"state": state, **filters}).body["retried"]

    def _retry_what_waits(self):
        for worker in ("HetznerProvisioningWorker", "FlyioProvisioningWorker"):
            self.retried_by_hand += self._retry("discarded", worker=worker)
        if not self.hurry:
            return
        self._retry("retryable")
        # The one waits a minute where a region is sold out, the other after it was given up.
        for worker in ("HetznerHostWorker", "OffboardingWorker"):
            for job in everything(self.server.get, "jobs", state="scheduled", worker=worker):
                self.server.post(f"/api/jobs/{job['id']}/retry")
