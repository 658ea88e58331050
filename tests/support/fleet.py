"""
Several `webhost serve` on one PostgreSQL, with both clouds as a process of their own.

A test file makes the fixtures its own with `from support.fleet import fleet, postgres`.
"""

import os
import tempfile
from types import SimpleNamespace

import pytest

from support import engine, pgcluster
from support.cloud import Cloud
from support.webhost import WebHost

LEASE_MS = 1500


class Postgres:
    """A server that a test may restart, and whose connections it may cut."""

    def __init__(self, cluster):
        self.cluster = cluster
        self.url = cluster.start(["max_connections=200"])

    def restart(self, mode):
        """`fast` ends the connections in order, `immediate` as a crash would."""
        self.cluster.run(
            "pg_ctl", "-D", self.cluster.data, "-w", "-t", "60", "-m", mode, "restart"
        )  # fmt: skip

    def cut_connections(self):
        engine.psql(
            self.url,
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE application_name = 'webhost'",
        )


@pytest.fixture(scope="module")
def postgres():
    """A PostgreSQL server of this file's own."""
    programs = pgcluster.find_programs()
    if not programs:
        pytest.skip("no PostgreSQL server is installed")
    with tempfile.TemporaryDirectory(prefix="webhost-pg-") as folder:
        os.chmod(folder, 0o755)
        cluster = pgcluster.Cluster(programs, folder)
        try:
            yield Postgres(cluster)
        finally:
            cluster.stop()


@pytest.fixture
def fleet(postgres, tmp_path):
    """Clouds, a database for webhost and one for all tenants, and nodes that use them."""
    programs = WebHost(tmp_path)
    cloud = Cloud(programs)
    database, tenants = (engine.create_database(postgres.url) for _ in range(2))
    cloud.tenants_in(hetzner=tenants, fly=tenants)
    token = None

    def query(sql, url=database):
        return engine.psql(url, sql).splitlines()

    def serve(data, lease_ms=LEASE_MS, **settings):
        nonlocal token
        server = cloud.serve(
            "--database", database, data=data, lease_ms=lease_ms, **settings
        )
        token = server.token = server.token or token
        return server

    yield SimpleNamespace(
        cloud=cloud,
        database=database,
        serve=serve,
        query=query,
        jobs=lambda: query("SELECT state FROM jobs WHERE customer_id IS NOT NULL"),
        tenants=lambda: sorted(query("SELECT slug FROM tenants", tenants)),
        nodes=lambda: set(query("SELECT DISTINCT node FROM jobs")),
        tenants_run=lambda statements: engine.execute(tenants, statements),
    )
    programs.close()
