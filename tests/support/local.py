"""`serve --postgres` as its tests see it: where its PostgreSQL is, and what is in there."""

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.webhost import DEADLINE, WebHost

FLEET = {"vehicles", "gps_points", "tenants"}


class Local:
    """Programs whose data folder the user postgres can reach, as pytest's own cannot be."""

    def __init__(self):
        self.folder = Path(tempfile.mkdtemp(prefix="webhost-local-"))
        os.chmod(self.folder, 0o755)
        self.programs = WebHost(self.folder)

    def serve(self, *options, env=None):
        return self.programs.serve("--postgres", *options, env=env)

    def ports(self):
        return (self.folder / "data/postgres/ports").read_text().split()

    def ask(self, sql, database, port):
        done = subprocess.run(
            ["psql", "-h", "127.0.0.1", "-p", port, "-U", "webhost", "-XAtq", "-c", sql, database],
            env={**os.environ, "PGPASSFILE": str(self.folder / "data/postgres/pgpass")},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout.strip()

    def server(self, sql, database="postgres"):
        return self.ask(sql, database, self.ports()[0])

    def through(self, slug, sql):
        """As a client of the customer's alias at PgBouncer."""
        return self.ask(sql, f"tenant_{slug}", self.ports()[1])

    def databases(self):
        sql = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
        return set(self.server(sql).split())

    def close(self):
        try:
            self.programs.close()
        finally:
            shutil.rmtree(self.folder)
