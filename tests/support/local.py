"""`serve --postgres` as its tests see it: where its PostgreSQL is, and what is in there."""

import contextlib
import os
import shutil
import subprocess
import tempfile
import threading
from pathlib import Path

from support.webhost import DEADLINE, WebHost

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

    def aliases(self):
        """PgBouncer's file of them."""
        return (self.folder / "data/postgres/routes/databases.ini").read_text()

    def databases(self):
        sql = "SELECT datname FROM pg_database WHERE NOT datistemplate AND datname <> 'postgres'"
        return set(self.server(sql).split())

    def left_of_moves(self):
        """What a move makes in databases and must have taken away again."""
        ours = "JOIN pg_namespace n ON n.oid = pronamespace WHERE nspname LIKE 'webhost%'"
        sql = (
            "SELECT count(*) FROM pg_publication UNION ALL"
            " SELECT count(*) FROM pg_namespace WHERE nspname LIKE 'webhost%' UNION ALL"
            f" SELECT count(*) FROM pg_trigger JOIN pg_proc p ON p.oid = tgfoid {ours}"
        )
        counts = [self.server("SELECT (SELECT count(*) FROM pg_replication_slots)"
                              " + (SELECT count(*) FROM pg_subscription)")]  # fmt: skip
        for name in self.databases():
            counts += self.server(sql, name).split()
        return sum(map(int, counts))

    @contextlib.contextmanager
    def writing(self, slug):
        """A client of the alias that inserts a point every few milliseconds, in order."""
        writer = Writer(self, slug)
        try:
            yield writer
        finally:
            writer.end()

    def close(self):
        try:
            self.programs.close()
        finally:
            shutil.rmtree(self.folder)


class Writer:
    """Its `sent` rows are all there when it has ended without a complaint."""

    SQL = (
        "INSERT INTO gps_points SELECT customer_id, 'live-%d', id, %d, 0, 0, 0 FROM vehicles"
        " ORDER BY id LIMIT 1;\n"
    )

    def __init__(self, local, slug):
        self.sent, self.complaints = 0, ""
        self._stop = threading.Event()
        self._psql = subprocess.Popen(
            ["psql", "-h", "127.0.0.1", "-p", local.ports()[1], "-U", "webhost", "-XAtq",
             "-v", "ON_ERROR_STOP=1", f"tenant_{slug}"],
            env={**os.environ, "PGPASSFILE": str(local.folder / "data/postgres/pgpass")},
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip
        self._thread = threading.Thread(target=self._write)
        self._thread.start()

    def _write(self):
        with contextlib.suppress(BrokenPipeError):
            while not self._stop.wait(0.01):
                self._psql.stdin.write(self.SQL % (self.sent, self.sent))
                self._psql.stdin.flush()
                self.sent += 1

    def end(self):
        if self._stop.is_set():
            return
        self._stop.set()
        self._thread.join()
        _, self.complaints = self._psql.communicate(timeout=DEADLINE)
