"""
Several `webhost serve` on one PostgreSQL, with both clouds as a process of their own.

A test file makes the fixtures its own with `from support.fleet import fleet, postgres`.
"""

import os
import subprocess
import tempfile
from types import SimpleNamespace
from urllib.parse import urlsplit

import pytest

from support import pgcluster
from support.cloud import Cloud
from support.webhost import WebHost

LEASE_MS = 1500


class Postgres:
    """A server: create(prefix) makes a new database and tells its URL."""

    def __init__(self, programs, cluster):
        self.programs, self.cluster = programs, cluster
        self.created = 0
        self.url = urlsplit(cluster.start(["max_connections=200"]))

    def create(self, prefix):
        self.created += 1
        name = f"{prefix}{self.created}"
        address = ["-h", self.url.hostname, "-p", str(self.url.port), "-U", "postgres"]
        self.cluster.run("createdb", *address, name)
        return self.url._replace(path=f"/{name}").geturl()

    def query(self, database, sql):
        command = [os.path.join(self.programs, "psql"), "-XAtq", "-d", database, "-c", sql]
        done = subprocess.run(command, check=True, capture_output=True, text=True)
        return done.stdout.splitlines()

    def run(self, database, statements):
        """[(sql with ?, values)] in one transaction."""

        def literal(value):
            return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"

        def bound(sql, values):
            for value in values:
                sql = sql.replace("?", literal(value), 1)
            return sql

        script = "".join(bound(*statement) + ";\n" for statement in statements)
        command = [os.path.join(self.programs, "psql"), "-Xq1", "-v", "ON_ERROR_STOP=1", "-d",
                   database]  # fmt: skip
        subprocess.run(command, input=script, check=True, capture_output=True, text=True)

    def restart(self, mode):
        """`fast` ends the connections in order, `immediate` as a crash would."""
        self.cluster.run(
            "pg_ctl", "-D", self.cluster.data, "-w", "-t", "60", "-m", mode, "restart"
        )  # fmt: skip

    def cut_connections(self):
        self.query(
            self.url.geturl(),
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
            yield Postgres(programs, cluster)
        finally:
            cluster.stop()


@pytest.fixture
def fleet(postgres, tmp_path):
    """Clouds, a database for webhost and one for all tenants, and nodes that use them."""
    programs = WebHost(tmp_path)
    cloud = Cloud(programs)
    database, tenants = postgres.create("webhost"), postgres.create("tenants")
    token = None

    def serve(data, lease_ms=LEASE_MS, **settings):
        nonlocal token
        server = cloud.serve(
            "--database", database, data=data, database_url=tenants, lease_ms=lease_ms, **settings
        )
        token = server.token = server.token or token
        return server

    yield SimpleNamespace(
        cloud=cloud,
        database=database,
        serve=serve,
        query=lambda sql: postgres.query(database, sql),
        jobs=lambda: postgres.query(database, "SELECT state FROM jobs"),
        tenants=lambda: sorted(postgres.query(tenants, "SELECT slug FROM tenants")),
        tenants_run=lambda statements: postgres.run(tenants, statements),
        nodes=lambda: set(postgres.query(database, "SELECT DISTINCT node FROM jobs")),
    )
    programs.close()
