"""A mover between two PostgreSQL servers is killed at every boundary of a move and at random
instants, and made to hang, while the tenant's clients write through PgBouncer: they get on at once,
never on both sides, and the move is gone on with or taken back, with nothing left of it.

WEBHOST_TEST_SEED repeats a run: which boundaries are gone on from, and the instants.
"""

import contextlib
import json
import os
import random
import signal
import subprocess
import time

import pytest

from support.moving import SIDES, moving, servers
from support.pgcluster import find_programs
from support.webhost import wait_until

HASTY = ("--budget-ms", "400", "--lag-ms", "10000")
PATIENT = ("--budget-ms", "10000", "--lag-ms", "10000")
COMMIT_POINT = "fence_set({run}, 1)"

# Where it is killed in each step, in the order in which it gets there: before a statement is sent
# (sql:), with the answer on its way (sent:), at the router's calls, behind the step (+).
THERE = {
    "prepare": (
        "sql:CREATE SCHEMA", "sent:CREATE SCHEMA", "sql:CREATE OR REPLACE TRIGGER",
        "sql:CREATE PUBLICATION", "sent:.builds (place", "prepare+",
    ),
    "copy": ("sent:CREATE_REPLICATION_SLOT", "sent:COPY ", "sql:COMMIT", "copy+"),
    "index": ("sent:CREATE INDEX", "index+"),
    "catch_up": (
        "sql:INSERT INTO", "sql:CREATE PUBLICATION", "sent:CREATE SUBSCRIPTION", "sql: ENABLE",
        "catch_up+",
    ),
    "verify": ("sent:bit_xor", "verify+"),
}  # fmt: skip
BEFORE_THE_COMMIT_POINT = (
    "sent:pg_create_logical_replication_slot", "pause", "sent:PAUSE", "paused",
    "sent:fence_set({run}, 2)", "point", "rename", "sent:RELOAD", "pointed", "sql:" + COMMIT_POINT,
)  # fmt: skip
AT_AND_BEHIND_IT = (
    "sent:" + COMMIT_POINT, "resume", "sent:RESUME", "cut+", "sent: DISABLE", "sql: ENABLE",
    "settle+", "sent:bit_xor", "prove+",
)  # fmt: skip
HANGS = (
    "pause", "sent:PAUSE", "sent:fence_set({run}, 2)", "point", "rename", "pointed",
    "sql:" + COMMIT_POINT, "sent:" + COMMIT_POINT, "resume",
)  # fmt: skip
ENDING = (
    "sql: DISABLE", "sent: DISABLE", "sql:pg_drop_replication_slot", "sql:DROP PUBLICATION",
    "sent:DELETE FROM", "sql:DROP TRIGGER", "sent:DROP TRIGGER", "sql:DROP SCHEMA",
    "sent:DROP SCHEMA", "sent:DROP SCHEMA#2",
)  # fmt: skip
WAY = (
    *THERE, "cut_over:target", "settle", "prove", "cut_over:source", "settle", "prove", "undo",
)  # fmt: skip
SESSIONS = "SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'webhost {} %'"
WATCHDOGS, MOVERS = SESSIONS.format("watchdog"), SESSIONS.format("move")
RESCUES = WATCHDOGS + " AND state = 'idle' AND query LIKE '%pg_advisory_unlock%'"
# Schemas take as long to make as `hold` is 1.
SLOW_SCHEMAS = """
CREATE SEQUENCE hold;
SELECT setval('hold', 1);
CREATE FUNCTION slow() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN
    WHILE (SELECT last_value = 1 FROM public.hold) LOOP PERFORM pg_sleep(0.01); END LOOP; END $$;
CREATE EVENT TRIGGER slow ON ddl_command_start WHEN TAG IN ('CREATE SCHEMA')
    EXECUTE FUNCTION slow();
"""
INSTANTS = 10
SEED = int(os.environ.get("WEBHOST_TEST_SEED") or random.randrange(10**9))


@pytest.fixture(scope="module")
def both():
    with servers(find_programs(), count=2) as found:
        yield found


@pytest.fixture
def rng():
    print(f"WEBHOST_TEST_SEED={SEED}")
    return random.Random(SEED)


def is_stopped(process):
    with open(f"/proc/{process.pid}/stat", encoding="ascii") as stat:
        return stat.read().rpartition(")")[2].split()[0] == "T"


class Course:
    """A tenant's moves, one after the other, with what its clients and its neighbour's say."""

    def __init__(self, m):
        self.m = m
        self.before, self.schemas = m.inventory(), [m.schema(side) for side in SIDES]
        self.writers, self.others = m.write("a"), m.write("b")

    def is_killed(self, point, *steps):
        point, _, nth = point.partition("#")
        self.m.dies(*PATIENT, "--kill", point, "--nth", nth or "1", *steps)
        self.check_clients()

    def cut(self, to):
        self.m.must(*PATIENT, "settle", f"cut_over:{to}", "settle", "prove")

    def goes_on_or_is_undone(self, goes_on, *steps):
        """What takes it as far as it was; a move that is undone is begun anew."""
        if not goes_on:
            self.m.must("undo")
            self.check_gone("source")
            self.m.begin_anew()
            self.m.must(*steps)

    def check_clients(self):
        """At once, with nobody to help but the watchdog."""
        assert len(self.m.writable()) <= 1
        self.writers.wait_written()
        said = self.writers.said()
        assert said["errors"] == 0, said

    def settles(self):
        """The watchdog alone leaves one owner, to whom clients are led."""
        wait_until(lambda: not self.m.is_paused(), "the tenant's clients are left waiting")
        wait_until(self.m.writable, "the tenant cannot be written")
        (owner,) = self.m.writable()
        wait_until(lambda: self.m.leads_to() == owner, "clients are not led to the owner")
        return owner

    def is_stopped(self, point, *steps):
        """A mover that hangs there. One that was late is another's turn."""
        while True:
            mover = self.m.start_mover(*HASTY, "--stop", point, *steps)
            wait_until(lambda: mover.poll() is not None or is_stopped(mover), "it does not stop")
            if mover.poll() is None:
                return mover
            said = json.loads(mover.communicate()[0])
            assert said["class"] in ("busy", "timeout"), said

    def check_gone(self, owner):
        """Nothing is left of the move, on either server."""
        assert self.m.inventory() == self.before
        assert not self.m.is_paused()
        assert self.m.leads_to() == owner
        self.check_clients()

    def end(self, owner):
        """What clients were told is written is there, once, and nobody got an error."""
        for writers, tenant, side in ((self.writers, "a", owner), (self.others, "b", "source")):
            said = writers.stop()
            assert said["errors"] == 0, said
            assert self.m.counts(side, tenant) == (said["written"], said["written"])
        assert [self.m.schema(side) for side in SIDES] == self.schemas
        if owner == "source":
            assert self.m.counts("target") == (0, 0)


@contextlib.contextmanager
def course(both):
    programs = {
        "mover": os.environ["WEBHOST_MOVE_BIN"],
        "writers": os.environ["WEBHOST_WRITERS_BIN"],
    }
    with moving(programs, both) as m:
        yield Course(m)


@pytest.fixture
def c(both):
    with course(both) as c:
        yield c


def test_a_move_killed_on_its_way_to_the_cutover_is_gone_on_with_or_undone(c, rng):
    """By turns; which is which is another matter in another run."""
    goes_on, done = rng.random() < 0.5, []
    for step, points in THERE.items():
        for point in points:
            c.is_killed(point, step)
            assert c.m.writable() == ["source"]
            c.goes_on_or_is_undone(goes_on, *done)
            goes_on = not goes_on
        c.m.must(step)
        done.append(step)
    for point in ENDING:
        c.is_killed(point, "undo")
    c.m.must("undo")
    c.check_gone("source")
    c.end("source")


def test_a_move_killed_before_the_commit_point_is_gone_on_with_or_undone(c, rng):
    goes_on = rng.random() < 0.5
    c.m.must(*THERE)
    for point in BEFORE_THE_COMMIT_POINT:
        c.is_killed(point, "cut_over:target")
        assert c.settles() == "source"
        c.goes_on_or_is_undone(goes_on, *THERE)
        goes_on = not goes_on
    c.cut("target")
    for point in ENDING:
        c.is_killed(point, "finish")
    c.m.must("finish")
    c.check_gone("target")
    c.end("target")


def test_a_move_killed_at_the_commit_point_and_in_its_soak_goes_on_and_comes_back(c):
    c.m.must(*THERE)
    for point in AT_AND_BEHIND_IT:
        for to in ("target", "source"):
            c.is_killed(point.replace("cut", f"cut_over:{to}"), f"cut_over:{to}", "settle", "prove")
            owner = c.settles()
            assert owner == to or COMMIT_POINT in point
            c.cut(to)
    c.m.must("undo")
    c.check_gone("source")
    c.end("source")


def test_a_move_killed_on_its_way_back_comes_back(c):
    c.m.must(*THERE)
    c.cut("target")
    for point in BEFORE_THE_COMMIT_POINT:
        c.is_killed(point, "cut_over:source")
        assert c.settles() == "target"
        c.m.must("settle")
    c.cut("source")
    for point in ENDING[::3]:
        c.is_killed(point, "undo")
    c.m.must("undo")
    c.check_gone("source")
    c.end("source")


def test_a_mover_that_hangs_in_its_cutover_is_overtaken_and_does_not_commit(c):
    c.m.must(*THERE)
    for point in HANGS:
        to = "target" if c.m.leads_to() == "source" else "source"
        mover = c.is_stopped(point, f"cut_over:{to}")
        c.check_clients()
        wait_until(lambda: c.m.sql("source", RESCUES) == "1", "the watchdog does nothing")
        owner = c.settles()
        assert (owner == to) == (point in AT_AND_BEHIND_IT)
        mover.send_signal(signal.SIGCONT)
        mover.communicate()
        assert (mover.returncode == 0) == (owner == to), point
        c.check_clients()
        assert c.settles() == owner
        c.m.must("settle")
    if c.m.leads_to() == "target":
        c.cut("source")
    c.m.must("undo")
    c.check_gone("source")
    c.end("source")


def test_a_move_killed_at_ten_random_instants_is_gone_on_with_or_taken_back(c, rng):
    began = time.monotonic()
    c.m.must(*PATIENT, *WAY)
    whole = time.monotonic() - began
    for _ in range(INSTANTS):
        c.m.begin_anew()
        instant, goes_on = rng.uniform(0, whole), rng.random() < 0.5
        mover = c.m.start_mover(*PATIENT, *WAY)
        with contextlib.suppress(subprocess.TimeoutExpired):
            mover.wait(timeout=instant)
        mover.kill()
        done = len(mover.communicate()[0].splitlines())
        c.check_clients()
        owner = c.settles()
        print(f"after {instant:.3f} s and {WAY[:done][-1:]}: the {owner} owns; {goes_on=}")
        if goes_on and done < len(WAY):
            settle = ("settle",) if len(THERE) <= done < len(WAY) - 1 else ()
            c.m.must(*PATIENT, *settle, *WAY[done:])
        elif owner == "target":
            c.cut("source")
        c.m.must("undo")
        c.check_gone("source")
    c.end("source")


def test_a_mover_that_hung_and_dies_of_going_on_is_put_right_once_more(c):
    """It hangs while it writes PgBouncer's file, and has written it when it dies."""
    c.m.must(*THERE)
    mover = c.is_stopped("rename", "--kill", "renamed", "cut_over:target")
    c.check_clients()
    wait_until(lambda: c.m.sql("source", RESCUES) == "1", "the watchdog does nothing")
    mover.send_signal(signal.SIGCONT)
    mover.communicate()
    assert mover.returncode == -signal.SIGKILL
    wait_until(lambda: c.m.sql("source", WATCHDOGS) == "0", "the watchdog does not end")
    assert c.settles() == "source"
    c.m.must("undo")
    c.check_gone("source")
    c.end("source")


def test_a_watchdog_that_is_late_leaves_alone_what_is_over(c):
    """Its mover hangs behind the commit point, others end the move, and then it dies."""
    c.m.must(*THERE)
    mover = c.is_stopped("resume", "cut_over:target")
    c.check_clients()
    c.m.must("settle", "prove", "finish")
    mover.kill()
    mover.communicate()
    wait_until(lambda: c.m.sql("source", WATCHDOGS) == "0", "the watchdog does not end")
    c.check_gone("target")
    c.end("target")


def test_a_statement_that_outlives_its_mover_leaves_nothing(c):
    """The schema of the move is being made when its mover is killed, and is not there yet."""
    c.m.sql("source", SLOW_SCHEMAS)
    c.m.dies("--kill", "sent:CREATE SCHEMA", "prepare")
    c.m.must("undo")
    c.m.sql("source", "SELECT setval('hold', 2)")
    wait_until(lambda: c.m.sql("source", MOVERS) == "0", "the mover's sessions do not end")
    c.m.sql("source", "DROP EVENT TRIGGER slow; DROP FUNCTION slow; DROP SEQUENCE hold")
    c.check_gone("source")


def test_a_pooler_that_starts_again_in_a_cutover_leads_to_the_owner(c):
    c.m.must(*THERE)
    for point in ("paused", "pointed", "resume"):
        to = "target" if c.m.leads_to() == "source" else "source"
        mover = c.m.start_mover(*PATIENT, "--stop", point, f"cut_over:{to}")
        wait_until(lambda: is_stopped(mover), "it does not stop")
        c.m.restart_pooler()
        mover.send_signal(signal.SIGCONT)
        mover.communicate()
        c.writers.wait_written()
        owner = c.settles()
        assert (mover.returncode == 0) == (owner == to), point
        c.m.must(*PATIENT, "settle", "prove")
    if c.m.leads_to() == "target":
        c.cut("source")
    c.m.must("undo")
    assert c.m.inventory() == c.before
    said = c.writers.stop()
    new, changes = c.m.counts("source")
    assert new == changes
    assert said["written"] <= new <= said["written"] + said["errors"], said
