"""A tenant's database is changed while its clients write, by a mover that is killed at any point:
nothing is lost or doubled, no client sees an error, nobody waits for ever, and nothing is left."""

import contextlib
import os
import random
import subprocess

import pytest

from support.moving import moving, servers
from support.pgcluster import find_programs
from support.webhost import wait_until

# Where the source owns the tenant afterwards, and where the target does.
BEFORE_THE_COMMIT_POINT = ("cut_over:target", "pause", "paused", "point")
BEHIND_IT = ("resume", "resumed", "cut_over:target+")
PATIENT = ("--budget-ms", "10000", "--lag-ms", "10000")


@pytest.fixture(scope="module")
def both():
    with servers(find_programs()) as found:
        yield found


@pytest.fixture
def m(both):
    programs = {
        "mover": os.environ["WEBHOST_MOVE_BIN"],
        "writers": os.environ["WEBHOST_WRITERS_BIN"],
    }
    with moving(programs, both) as m:
        yield m


def stop_and_check(m, writers, side, tenant="a"):
    """What the clients were told is written is there, once, and nobody got an error."""
    said = writers.stop()
    assert said["errors"] == 0, said
    assert said["written"] > 0
    assert m.counts(side, tenant) == (said["written"], said["written"])


def wait_settled(m, owner):
    """By the watchdog alone."""
    here, there = (0, 1) if owner == "source" else (1, 0)
    wait_until(lambda: m.fences()[here] == "open", f"the {owner}'s fence is not open")
    assert m.fences()[there] != "open"
    wait_until(lambda: not m.is_paused(), "the tenant's clients are left waiting")


def test_a_mover_that_dies_before_the_commit_point_leaves_nobody_waiting(m):
    writers, others = m.write("a"), m.write("b")
    m.prepare()
    for point in BEFORE_THE_COMMIT_POINT:
        m.dies(*PATIENT, "--kill", point, "cut_over:target")
        wait_settled(m, "source")
        m.must(*PATIENT, "settle")
    said = m.must(*PATIENT, "cut_over:target", "settle", "prove", "watch", "finish")
    assert said[2]["proof"]["tables"]["trips"]["rows"] >= 300
    stop_and_check(m, writers, "target")
    stop_and_check(m, others, "source", "b")
    assert m.counts("source") == (0, 0)
    assert m.traces() == []


def test_a_mover_that_dies_behind_the_commit_point_leaves_nobody_waiting(m):
    writers, others = m.write("a"), m.write("b")
    m.prepare()
    for point in BEHIND_IT:
        m.dies(*PATIENT, "--kill", point, "cut_over:target")
        wait_settled(m, "target")
        said = m.must(*PATIENT, "settle", "prove")
        assert "way back" in said[1]["proof"]["compared"]
        m.must(*PATIENT, "cut_over:source", "settle")
    m.must(*PATIENT, "cut_over:target", "settle", "finish")
    stop_and_check(m, writers, "target")
    stop_and_check(m, others, "source", "b")
    assert m.traces() == []


def test_a_mover_killed_at_any_instant_leaves_one_owner_and_all_rows(m):
    writers, seed = m.write("a"), random.randrange(10**9)
    print(f"seed {seed}")
    instants = random.Random(seed)
    m.prepare()
    for _ in range(4):
        to = "target" if m.owner() == "source" else "source"
        mover = m.start_mover(*PATIENT, f"cut_over:{to}", "settle", "prove")
        with contextlib.suppress(subprocess.TimeoutExpired):
            mover.wait(timeout=instants.uniform(0.05, 2.0))
        mover.kill()
        mover.communicate()
        wait_until(lambda: "open" in m.fences(), "no fence was opened")
        assert m.fences() != ["open", "open"]
        wait_until(lambda: not m.is_paused(), "the tenant's clients are left waiting")
        m.must(*PATIENT, "settle", "prove")
    if m.owner() == "target":
        m.must(*PATIENT, "cut_over:source", "settle")
    m.must("verify", "undo")
    stop_and_check(m, writers, "source")
    assert m.traces() == []


def test_an_undone_move_leaves_both_databases_as_they_were(m):
    before = [m.schema(side) for side in ("source", "target")]
    writers = m.write("a")
    steps = ("prepare", "copy", "index", "catch_up")
    for count in (2, len(steps)):  # indexes and keys are away, or back
        m.must(*steps[:count])
        m.must("undo")
        assert m.traces() == []
        assert [m.schema(side) for side in ("source", "target")] == before, steps[:count]
    m.must("undo")
    stop_and_check(m, writers, "source")
    assert m.counts("target") == (0, 0)


def test_a_tenant_goes_and_comes_back_without_an_error_or_a_lost_row(m):
    writers, others = m.write("a"), m.write("b")
    m.prepare()
    m.must(*PATIENT, "cut_over:target", "settle", "prove")
    m.must(*PATIENT, "cut_over:source", "settle", "prove", "verify", "undo")
    stop_and_check(m, writers, "source")
    stop_and_check(m, others, "source", "b")
    assert m.traces() == []
