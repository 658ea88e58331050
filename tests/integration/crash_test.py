"""
kill -9 at exact points of provisioning: nothing doubled, nothing forgotten, the customer active.

A gate before the clouds stops one request to each of them, before it has its effect or between the
effect and the reply. Then the control plane dies, and another starts with the same data.
"""

import pytest

from support.customers import (
    LARGE,
    SMALL,
    assert_small_and_large_exist_once,
    sign_up,
    wait_active,
)

BEFORE, AFTER = False, True

SERVERS = r"/v1/servers$"
ACTIONS = r"/v1/actions$"
SERVER = r"/v1/servers/\d+$"
APPS = r"/v1/apps$"
VOLUMES = r"/volumes$"
MACHINES = r"/machines$"
MACHINE = r"/machines/[^/]+$"

# Where Hetzner's and where Fly's job stand when the process dies: (method, path, when, let by).
POINTS = [
    pytest.param(("GET", SERVERS, AFTER, 0), ("POST", APPS, BEFORE, 0), id="nothing-ordered"),
    pytest.param(("POST", SERVERS, BEFORE, 0), ("POST", APPS, AFTER, 0), id="app-made"),
    pytest.param(("POST", SERVERS, AFTER, 0), ("POST", VOLUMES, AFTER, 0), id="server-made"),
    pytest.param(("GET", ACTIONS, AFTER, 0), ("POST", MACHINES, AFTER, 0), id="database-made"),
    pytest.param(("GET", ACTIONS, AFTER, 1), ("POST", MACHINES, AFTER, 2), id="last-machine-made"),
    pytest.param(("GET", SERVER, AFTER, 0), ("GET", MACHINE, AFTER, 0), id="almost-done"),
]


@pytest.mark.parametrize(("hetzner", "fly"), POINTS)
def test_a_kill_while_both_clouds_are_asked(cloud, hetzner, fly):
    stops = [cloud.gate.stop(*hetzner), cloud.gate.stop(*fly)]
    server = cloud.serve()
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    for stop in stops:
        stop.wait()
    server.kill()
    cloud.gate.open()

    server = cloud.serve()
    wait_active(server, "small", "large")
    assert_small_and_large_exist_once(server, cloud)


def test_a_kill_right_after_the_reply_to_a_signup(cloud):
    server = cloud.serve()
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    server.kill()
    server = cloud.serve()
    wait_active(server, "small", "large")
    assert_small_and_large_exist_once(server, cloud)
