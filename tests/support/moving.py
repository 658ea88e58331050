"""A tenant on the move between two PostgreSQL databases, with clients behind a PgBouncer.

The database "shared" has the rows of three tenants in the same tables; "own" is empty. Tenant a's
clients reach theirs by the alias tenant_alpha.
"""

import contextlib
import itertools
import json
import os
import shutil
import signal
import subprocess
import tempfile
import uuid
from urllib.parse import urlsplit

from support.pgcluster import Cluster, free_port
from support.pooler import listens
from support.webhost import wait_until

TABLES = """
CREATE TABLE public.countries (code text PRIMARY KEY, name text NOT NULL);
CREATE TABLE public.trips (
    id bigserial PRIMARY KEY, customer_id text NOT NULL, note text NOT NULL,
    country text REFERENCES public.countries (code), changes bigint NOT NULL DEFAULT 0);
CREATE INDEX trips_by_customer ON public.trips (customer_id, id);
CREATE TABLE public.points (
    customer_id text NOT NULL, id text NOT NULL, trip bigint NOT NULL REFERENCES public.trips (id),
    PRIMARY KEY (customer_id, id));
GRANT SELECT, UPDATE ON public.trips TO application;
"""

ROWS = """
INSERT INTO public.countries VALUES ('de', 'Germany'), ('fr', 'France');
INSERT INTO public.trips (customer_id, note, country)
    SELECT (ARRAY['a', 'b', 'c'])[1 + i % 3], 'old', 'de' FROM generate_series(1, {rows}) i;
INSERT INTO public.points SELECT customer_id, 'p' || id, id FROM public.trips;
ANALYZE;
"""

POOLER = """
[databases]
%include {aliases}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = transaction
default_pool_size = 20
logfile = {folder}/pgbouncer-{port}.log
"""

SIDES = ("source", "target")
NUMBERS = itertools.count(1)
COUNTS = (
    "SELECT count(*) FILTER (WHERE note = 'new') || ' ' || coalesce(sum(changes), 0)"
    " FROM public.trips WHERE customer_id = '{tenant}'"
)
TRACES = """
SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname LIKE 'webhost%'
UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE '%webhost%'
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin
UNION ALL SELECT 'role ' || rolname FROM pg_roles WHERE rolname LIKE 'webhost%'
"""
# All that a move could leave on a server; slots and the like are a server's, the rest a database's.
INVENTORY = """
SELECT 'role ' || rolname FROM pg_roles
UNION ALL SELECT 'database ' || datname FROM pg_database
UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots
UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin
UNION ALL SELECT 'subscription ' || subname FROM pg_subscription
UNION ALL SELECT 'publication ' || pubname FROM pg_publication
UNION ALL SELECT 'event trigger ' || evtname FROM pg_event_trigger
UNION ALL SELECT 'schema ' || nspname FROM pg_namespace WHERE nspname !~ '^pg_(toast_)?temp_'
UNION ALL SELECT 'trigger ' || tgname || ' on ' || tgrelid::regclass FROM pg_trigger
    WHERE NOT tgisinternal
ORDER BY 1
"""
# The application's role tries to change a row of the tenant, and takes it back.
TRY_TO_WRITE = """
BEGIN; SET LOCAL ROLE application;
WITH one AS (SELECT id FROM public.trips WHERE customer_id = 'a' AND note = 'old' ORDER BY id DESC
    LIMIT 1),
changed AS (UPDATE public.trips SET note = note FROM one WHERE trips.id = one.id RETURNING 1)
SELECT count(*) FROM changed; ROLLBACK
"""


class Writers:
    """Clients of a tenant. said() is what came of it so far, stop() in the end."""

    def __init__(self, program, url, tenant, clients, rate):
        self.clients = clients
        self.process = subprocess.Popen(
            [program, url, tenant, str(clients), str(rate)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )

    def said(self):
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        return json.loads(self.process.stdout.readline())

    def stop(self):
        return json.loads(self.process.communicate()[0])

    def wait_written(self):
        """Until a transaction has been answered that began after this was called."""
        enough = self.said()["written"] + self.clients
        wait_until(lambda: self.said()["written"] > enough, "the tenant's clients do not get on")

    def kill(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


class Moving:
    def __init__(self, programs, folder, urls, cluster):
        self.programs, self.folder, self.urls, self.cluster = programs, folder, urls, cluster
        self.aliases = os.path.join(folder, "databases.ini")
        self.all_writers = []
        self.begin_anew()

    def begin_anew(self):
        """Another move."""
        self.move, self.run = str(uuid.uuid4()), 0

    def url(self, side):
        return self.urls[SIDES.index(side)]

    def sql(self, side, text):
        """What psql prints."""
        return subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", text, self.url(side)],
            check=True,
            capture_output=True,
            text=True,
        ).stdout.strip()

    def point(self, side):
        place = urlsplit(self.url(side))
        with open(self.aliases, "w", encoding="utf-8") as file:
            file.write(
                f"tenant_alpha = host='{place.hostname}' port='{place.port}'"
                f" dbname='{place.path[1:]}' user='{place.username}'\n"
            )
        # Its group, which PgBouncer is in, is kept when the file is replaced.
        os.chown(self.aliases, -1, self.cluster.user.get("group", -1))

    @contextlib.contextmanager
    def pooler(self):
        port = free_port()
        path = os.path.join(self.folder, "pgbouncer.ini")
        self.point("source")
        with open(path, "w", encoding="utf-8") as file:
            file.write(POOLER.format(aliases=self.aliases, port=port, folder=self.folder))
        self.admin = f"postgres://postgres@127.0.0.1:{port}/pgbouncer"
        self.through = f"postgres://postgres@127.0.0.1:{port}/tenant_alpha"
        self.pooler_path = path
        self.start_pooler(port)
        try:
            yield
        finally:
            self.pooler_process.terminate()
            self.pooler_process.wait()

    def start_pooler(self, port):
        self.pooler_process = subprocess.Popen(
            [shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"), self.pooler_path],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            **self.cluster.user,
        )
        wait_until(lambda: listens(port), "PgBouncer does not answer")

    def restart_pooler(self):
        """Killed, so that it forgets who was paused."""
        self.pooler_process.kill()
        self.pooler_process.wait()
        self.start_pooler(urlsplit(self.admin).port)

    def write(self, tenant="a", clients=4, rate=100, url=None):
        url = url or (self.through if tenant == "a" else self.url("source"))
        writers = Writers(self.programs["writers"], url, tenant, clients, rate)
        self.all_writers.append(writers)
        return writers

    def start_mover(self, *words):
        """The steps, with options before them, as a process; a new run of the move, whose number
        is put for {run}."""
        self.run += 1
        words = [word.replace("{run}", str(self.run)) for word in words]
        return subprocess.Popen(
            [
                self.programs["mover"],
                *("--source", self.url("source"), "--target", self.url("target")),
                *("--customer", "a", "--slug", "alpha", "--move", self.move),
                *("--run", str(self.run), "--databases-file", self.aliases),
                *("--admin", self.admin),
                *words,
            ],
            stdout=subprocess.PIPE,
            text=True,
        )

    def mover(self, *words):
        """Runs the steps; what each of them said. A step that failed has an "error"."""
        process = self.start_mover(*words)
        output = process.communicate(timeout=300)[0]
        return [json.loads(line) for line in output.splitlines()], process.returncode

    def must(self, *words):
        said, status = self.mover(*words)
        assert status == 0, f"{words}: {said[-1:]}, status {status}"
        return said

    def dies(self, *words):
        said, status = self.mover(*words)
        assert status == -signal.SIGKILL, f"{words}: {said[-1:]}, status {status}"

    def prepare(self, *options):
        self.must(*options, "prepare", "copy", "index", "catch_up", "verify")

    def owner(self):
        return self.must("owner")[0]["owner"]

    def counts(self, side, tenant="a"):
        """(new trips, changes) of a tenant at a side."""
        return tuple(map(int, self.sql(side, COUNTS.format(tenant=tenant)).split()))

    def traces(self):
        """What a move left on either side."""
        return sorted(filter(None, (self.sql(side, TRACES) for side in SIDES)))

    def inventory(self):
        """What there is on both servers and in both databases, so that what is left is seen."""
        return [self.sql(side, INVENTORY).splitlines() for side in SIDES]

    def writable(self):
        """The sides on which the application can change the tenant's rows."""
        return [side for side in SIDES if self.is_writable(side)]

    def is_writable(self, side):
        tried = subprocess.run(
            ["psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-c", TRY_TO_WRITE, self.url(side)],
            capture_output=True,
            text=True,
        )
        if tried.returncode == 0:
            return tried.stdout.strip() == "1"
        assert "is being moved and cannot be written here now" in tried.stderr, tried.stderr
        return False

    def schema(self, side):
        dump = subprocess.run(
            ["pg_dump", "--schema-only", self.url(side)], check=True, capture_output=True, text=True
        ).stdout
        return [line for line in dump.splitlines() if not line.startswith(("\\", "--"))]

    def fences(self):
        """What each fence says: open, leaving, closed; None without one."""
        name = f"webhost_move_{self.move.replace('-', '')}"
        found = []
        for side in SIDES:
            there = self.sql(side, f"SELECT to_regclass('{name}.fence')")
            value = self.sql(side, f"SELECT last_value FROM {name}.fence") if there else None
            found.append({"1": "open", "2": "leaving", "3": "closed"}.get(value))
        return found

    def alias(self):
        """PgBouncer's row of the tenant's alias, by column."""
        shown = subprocess.run(
            ["psql", "-XAq", "-P", "footer=off", "-c", "SHOW DATABASES", self.admin],
            check=True, capture_output=True, text=True,
        ).stdout  # fmt: skip
        names, *rows = (line.split("|") for line in shown.splitlines())
        return next(dict(zip(names, row)) for row in rows if row[0] == "tenant_alpha")

    def is_paused(self):
        return self.alias()["paused"] == "1"

    def leads_to(self):
        """The side that PgBouncer sends clients to, and will when it is started again."""
        row = self.alias()
        with open(self.aliases, encoding="utf-8") as file:
            line = next(line for line in file if line.startswith("tenant_alpha ="))
        for side in SIDES:
            place = urlsplit(self.url(side))
            if (row["port"], row["database"]) == (str(place.port), place.path[1:]):
                assert f"port='{place.port}' dbname='{place.path[1:]}'" in line, line
                return side
        raise AssertionError(row)


@contextlib.contextmanager
def database(server, name):
    """Its url. What a failed test left in it goes with the server."""
    subprocess.run(["psql", "-Xq", "-c", f"CREATE DATABASE {name}", server], check=True)
    yield urlsplit(server)._replace(path=f"/{name}").geturl()
    subprocess.run(
        ["psql", "-Xq", "-c", f"DROP DATABASE {name} WITH (FORCE)", server], capture_output=True
    )


@contextlib.contextmanager
def servers(programs, settings=(), count=1):
    """Servers for databases to move between: a list of (cluster, url)."""
    with contextlib.ExitStack() as stack:
        found = []
        for _ in range(count):
            folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="webhost-move-"))
            os.chmod(folder, 0o777)  # PostgreSQL's user and PgBouncer's work in there
            cluster = Cluster(programs, folder)
            stack.callback(cluster.stop)
            found.append((cluster, cluster.start(settings)))
            subprocess.run(
                ["psql", "-Xq", "-c", "CREATE ROLE application", found[-1][1]], check=True
            )
        yield found


@contextlib.contextmanager
def moving(programs, servers, rows=900):
    """A tenant in a database of the first server, and an empty one on the last."""
    with contextlib.ExitStack() as stack:
        number = next(NUMBERS)
        urls = [
            stack.enter_context(database(url, f"{name}{number}"))
            for name, (_, url) in zip(("shared", "own"), (servers[0], servers[-1]))
        ]
        m = Moving(programs, servers[0][0].folder, urls, servers[0][0])
        for side in SIDES:
            m.sql(side, TABLES)
        m.sql("source", ROWS.format(rows=rows))
        stack.enter_context(m.pooler())
        try:
            yield m
        finally:
            for writers in m.all_writers:
                writers.kill()
