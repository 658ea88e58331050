"""Where the jobs are kept: a fresh database for every turn, on either engine."""

import contextlib
import os
import sqlite3
import subprocess
import sys
import tempfile

ROOT = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
sys.path.insert(0, os.path.join(ROOT, "tests", "support"))
import pgcluster  # noqa: E402

# The same for everybody. What is not here is PostgreSQL's default: synchronous_commit and
# full_page_writes are on. The tests' clusters do without fsync, a benchmark must not.
POSTGRES_SETTINGS = ("fsync=on", "shared_buffers=256MB", "max_wal_size=4GB", "jit=off")
COMMAND_S = 120


class Postgres:
    """A server of our own; `with Postgres() as store:` starts and removes it."""

    name = "PostgreSQL"

    def __init__(self, settings=POSTGRES_SETTINGS):
        self.settings = settings
        self.programs = pgcluster.find_programs()
        if not self.programs:
            raise RuntimeError("PostgreSQL is not installed: apt-get install postgresql")
        self.made = 0

    def __enter__(self):
        self.folder = tempfile.TemporaryDirectory(prefix="webhost-bench-pg-")
        os.chmod(self.folder.name, 0o755)
        self.cluster = pgcluster.Cluster(self.programs, self.folder.name)
        try:
            self.server = self.cluster.start(self.settings)
            self.version = self.sql(self.server, "SHOW server_version").split()[0]
        except BaseException:
            self.__exit__()
            raise
        return self

    def __exit__(self, *_):
        try:
            self.cluster.stop()
        finally:
            self.folder.cleanup()

    def psql(self, url):
        return [os.path.join(self.programs, "psql"), "-XqAt", "-v", "ON_ERROR_STOP=1", "-d", url]

    def sql(self, url, text):
        done = subprocess.run(
            [*self.psql(url), "-c", text],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=COMMAND_S,
            check=False,
        )
        if done.returncode != 0:
            raise RuntimeError(f"{text}: {done.stderr.strip()}")
        return done.stdout.strip()

    @contextlib.contextmanager
    def fresh(self):
        """The URL of a new database. What earlier turns left to be written is written first."""
        self.made += 1
        name = f"turn_{self.made}"
        self.sql(self.server, f"CREATE DATABASE {name}")
        self.sql(self.server, "CHECKPOINT")
        try:
            yield self.server.rpartition("/")[0] + "/" + name
        finally:
            self.sql(self.server, f"DROP DATABASE {name} WITH (FORCE)")

    @contextlib.contextmanager
    def nobody_cleans(self):
        """Without autovacuum, which would come at a different moment in every turn."""
        self.set_autovacuum("off")
        try:
            yield
        finally:
            self.set_autovacuum("on")

    def set_autovacuum(self, value):
        self.sql(self.server, f"ALTER SYSTEM SET autovacuum = {value}")
        self.sql(self.server, "SELECT pg_reload_conf()")

    def analyze(self, url):
        self.sql(url, "ANALYZE")

    def count(self, url, query):
        return int(self.sql(url, query))

    @contextlib.contextmanager
    def snapshot(self, url):
        """Another session holds a snapshot that was taken now."""
        session = subprocess.Popen(
            self.psql(url), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        try:
            session.stdin.write(
                "BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM pg_class;\n"
            )
            session.stdin.flush()
            if not session.stdout.readline().strip().isdigit():
                raise RuntimeError("no snapshot could be taken")
            yield
        finally:
            session.kill()
            session.communicate()


class Sqlite:
    """A file in a new directory."""

    name = "SQLite"
    version = sqlite3.sqlite_version

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    @contextlib.contextmanager
    def fresh(self):
        with tempfile.TemporaryDirectory(prefix="webhost-bench-sqlite-") as folder:
            os.sync()
            yield os.path.join(folder, "jobs.db")

    @contextlib.contextmanager
    def nobody_cleans(self):
        yield

    @contextlib.contextmanager
    def open(self, path):
        connection = sqlite3.connect(path, timeout=COMMAND_S, isolation_level=None)
        try:
            yield connection
        finally:
            connection.close()

    def analyze(self, path):
        with self.open(path) as connection:
            connection.execute("ANALYZE")

    def count(self, path, query):
        with self.open(path) as connection:
            return connection.execute(query).fetchone()[0]

    @contextlib.contextmanager
    def snapshot(self, path):
        with self.open(path) as connection:
            connection.execute("BEGIN")
            connection.execute("SELECT count(*) FROM sqlite_master").fetchone()
            yield
