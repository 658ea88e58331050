"""The same product on PostgreSQL: one node, two that share the work, and one that dies."""

import os
import subprocess
import tempfile
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from support import pgcluster
from support.cloud import Cloud, everything
from support.customers import (
    LARGE,
    SMALL,
    assert_cloud_is_as_recorded,
    sign_up,
    signup_body,
    status_of,
    wait_active,
)
from support.webhost import WebHost, wait_until

CUSTOMERS = 24


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server of this file's own; create(name) makes a database and tells its URL."""
    programs = pgcluster.find_programs()
    if not programs:
        pytest.skip("no PostgreSQL server is installed")
    with tempfile.TemporaryDirectory(prefix="webhost-pg-") as folder:
        os.chmod(folder, 0o755)
        cluster = pgcluster.Cluster(programs, folder)
        try:
            url = urlsplit(cluster.start())

            def create(name):
                address = ["-h", url.hostname, "-p", str(url.port), "-U", "postgres"]
                cluster.run("createdb", *address, name)
                return url._replace(path=f"/{name}").geturl()

            def query(database, sql):
                command = [os.path.join(programs, "psql"), "-XAtq", "-d", database, "-c", sql]
                return subprocess.run(
                    command, check=True, capture_output=True, text=True
                ).stdout.splitlines()

            yield SimpleNamespace(create=create, query=query)
        finally:
            cluster.stop()


@pytest.fixture
def fleet(postgres, tmp_path, request):
    """Clouds, a database for webhost and one for all tenants, and nodes that use them."""
    programs = WebHost(tmp_path)
    cloud = Cloud(programs)
    name = request.node.name
    database, tenants = postgres.create(name), postgres.create(f"{name}_fleet")
    token = None

    def serve(data, **settings):
        nonlocal token
        server = cloud.serve(
            "--database", database, data=data, database_url=tenants, lease_ms=1500, **settings
        )
        token = server.token = server.token or token
        return server

    yield SimpleNamespace(
        cloud=cloud,
        serve=serve,
        jobs=lambda: postgres.query(database, "SELECT state FROM jobs"),
        tenants=lambda: sorted(postgres.query(tenants, "SELECT slug FROM tenants")),
        nodes=lambda: set(postgres.query(database, "SELECT DISTINCT node FROM jobs")),
    )
    programs.close()


def test_one_node(fleet):
    server = fleet.serve("one")
    sign_up(server, "small", SMALL)
    sign_up(server, "large", LARGE)
    wait_active(server, "small", "large")
    assert status_of(server, "small")["deployment"]["infrastructure"] == "hetzner"
    assert status_of(server, "large")["deployment"]["regions"] == ["iad", "fra"]
    assert fleet.tenants() == ["large", "small"]
    assert server.post("/api/signup", signup_body("small")).status == 409
    assert_cloud_is_as_recorded(server, fleet.cloud)
    server.stop()
    again = fleet.serve("one")
    assert "admin token" not in again.out
    assert len(everything(again.get, "customers")) == 2


def test_two_nodes_share_the_work(fleet):
    first, second = fleet.serve("first"), fleet.serve("second")
    assert "admin token" not in second.out
    slugs = [f"customer-{i:02}" for i in range(CUSTOMERS)]
    for i, slug in enumerate(slugs):
        sign_up((first, second)[i % 2], slug)
    wait_active(first, *slugs)
    wait_until(lambda: set(fleet.jobs()) == {"completed"}, "a job has not ended")
    assert len(fleet.nodes()) == 2
    assert fleet.tenants() == slugs
    assert len(fleet.jobs()) == CUSTOMERS
    assert fleet.cloud.state()["counts"]["servers"] == 1
    shown = [everything(node.get, "customers") for node in (first, second)]
    assert shown[0] == shown[1]
    assert_cloud_is_as_recorded(second, fleet.cloud)


def test_two_nodes_and_one_dies_the_other_takes_over(fleet):
    stop = fleet.cloud.gate.stop("POST", r"/v1/servers$", after=True)
    first = fleet.serve("first")
    sign_up(first, "small", SMALL)
    stop.wait()
    second = fleet.serve("second")
    sign_up(second, "meanwhile", LARGE)
    first.kill()
    fleet.cloud.gate.open()
    wait_active(second, "small", "meanwhile")
    assert_cloud_is_as_recorded(second, fleet.cloud)
    assert fleet.tenants() == ["meanwhile", "small"]
