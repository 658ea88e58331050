"""A tenant's database is changed while its clients write, by a mover that is killed at any point:
nothing is lost or doubled, no client sees an error, nobody waits for ever, and nothing is left."""

import os
import random
import signal

import pytest

from support.moving import moving
from support.pgcluster import find_programs
from support.webhost import wait_until

# Before the commit point the source owns the tenant afterwards, behind it the target.
POINTS = {
    "cut_over:target": "source",
    "pause": "source",
    "paused": "source",
    "point": "source",
    "resume": "target",
    "resumed": "target",
    "cut_over:target+": "target",
}
PATIENT = ("--budget-ms", "10000", "--lag-ms", "10000")


@pytest.fixture
def m():
    programs = {
        "mover": os.environ["WEBHOST_MOVE_BIN"],
        "writers": os.environ["WEBHOST_WRITERS_BIN"],
    }
    with moving(programs, find_programs()) as m:
        yield m


def stop_and_check(m, writers, side, tenant="a"):
    """What the clients were told is written is there, once, and nobody got an error."""
    said = writers.stop()
    assert said["errors"] == 0, said
    assert said["written"] > 0
    assert m.counts(side, tenant) == (said["written"], said["written"])


def wait_settled(m, owner):
    """By the watchdog alone."""
    wanted = ["open", "leaving"] if owner == "source" else ["leaving", "open"]
    wait_until(lambda: "open" in m.fences(), "no fence was opened")
    assert m.fences() != ["open", "open"]
    assert m.fences()[("source", "target").index(owner)] == wanted[("source", "target").index(owner)]
    wait_until(lambda: not m.is_paused(), "the tenant's clients are left waiting")


def go_on_to_the_target(m):
    m.must(*PATIENT, "settle")
    if m.owner() == "source":
        m.must(*PATIENT, "cut_over:target")
    said = m.must(*PATIENT, "settle", "prove", "watch", "finish")
    assert said[1]["proof"]["tables"]["trips"]["rows"] >= 300


@pytest.mark.parametrize("point", POINTS)
def test_a_mover_that_dies_in_a_cutover_leaves_nobody_waiting_and_the_next_goes_on(m, point):
    writers, others = m.write("a"), m.write("b")
    m.prepare()
    m.dies(*PATIENT, "--kill", point, "cut_over:target")
    wait_settled(m, POINTS[point])
    go_on_to_the_target(m)
    stop_and_check(m, writers, "target")
    stop_and_check(m, others, "source", "b")
    assert m.counts("source") == (0, 0)
    assert m.traces() == []


def test_a_mover_killed_at_any_instant_leaves_one_owner_and_all_rows(m):
    writers, seed = m.write("a"), random.randrange(10**9)
    print(f"seed {seed}")
    instants = random.Random(seed)
    m.prepare()
    for turn in range(4):
        to = "target" if m.owner() == "source" else "source"
        mover = m.start_mover(*PATIENT, f"cut_over:{to}", "settle", "prove")
        try:
            mover.wait(timeout=instants.uniform(0.05, 2.0))
        except Exception:
            mover.send_signal(signal.SIGKILL)
        mover.communicate()
        wait_until(lambda: "open" in m.fences(), "no fence was opened")
        wait_until(lambda: not m.is_paused(), "the tenant's clients are left waiting")
        assert m.fences() != ["open", "open"]
        m.must(*PATIENT, "settle", "prove")
    if m.owner() == "target":
        m.must(*PATIENT, "cut_over:source", "settle")
    m.must("verify", "undo")
    stop_and_check(m, writers, "source")
    assert m.traces() == []


def test_an_undone_move_leaves_both_databases_as_they_were(m):
    before = [m.schema(side) for side in ("source", "target")]
    writers = m.write("a")
    m.prepare()
    m.must("undo")
    m.must("undo")
    stop_and_check(m, writers, "source")
    assert m.counts("target") == (0, 0)
    assert m.traces() == []
    assert [m.schema(side) for side in ("source", "target")] == before


def test_a_tenant_goes_and_comes_back_without_an_error_or_a_lost_row(m):
    writers, others = m.write("a"), m.write("b")
    m.prepare()
    m.must(*PATIENT, "cut_over:target", "settle", "prove")
    m.must(*PATIENT, "cut_over:source", "settle", "prove", "verify", "undo")
    stop_and_check(m, writers, "source")
    stop_and_check(m, others, "source", "b")
    assert m.traces() == []
