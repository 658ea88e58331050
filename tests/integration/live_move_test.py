"""A tenant's database is changed while its clients write: nothing is lost or doubled, no client
sees an error and nothing is left. Kills are in live_kills_test.py."""

import os

import pytest

from support.moving import moving, servers
from support.pgcluster import find_programs

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
