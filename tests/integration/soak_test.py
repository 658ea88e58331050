"""
Many customers come and go while a fifth of all the clouds' answers are faults of every kind; in the
end the clouds and the records agree, both ways, and nothing is left that nobody knows.

WEBHOST_SOAK_CUSTOMERS sets how many (20), WEBHOST_SOAK_RATE the share of faults (0.2) and
WEBHOST_SOAK_SEED which (7). `./dev bench soak` does the same with more of them.
"""

import os

from support.cloud import everything
from support.customers import assert_cloud_is_as_recorded, assert_slots_are_right
from support.soak import Soak

CUSTOMERS = int(os.environ.get("WEBHOST_SOAK_CUSTOMERS", 20))
RATE = float(os.environ.get("WEBHOST_SOAK_RATE", 0.2))
SEED = int(os.environ.get("WEBHOST_SOAK_SEED", 7))


def test_after_many_came_and_left_amid_faults_clouds_and_records_are_equal(cloud):
    soak = Soak(cloud, CUSTOMERS, RATE, SEED)
    server = soak.server
    soak.begin()
    soak.arrive()
    assert_cloud_is_as_recorded(server, cloud)
    assert_slots_are_right(server, cloud)

    soak.leave()
    given = soak.end()
    assert [kind for kind, times in given.items() if times == 0] == []
    assert sum(given.values()) > CUSTOMERS * RATE
    assert_cloud_is_as_recorded(server, cloud)
    assert soak.things_left() == []
    assert everything(server.get, "hosts") == []
    for customer in everything(server.get, "customers"):
        deployment = server.get(f"/api/customers/{customer['id']}").body["deployment"]
        assert deployment["status"] == "retired"
        assert all(r["status"] == "deleted" for r in deployment["resources"])
