"""What the benchmarks make of the programs they measure, and of the figures."""

import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).resolve().parent.parent.parent / "bench/harness"))
import report  # noqa: E402
from child import Child, Failure  # noqa: E402
from products import CEILING, OURS, PEER, Product  # noqa: E402

ECHO = """
import json, sys, time
print('{"op":"ready"}', flush=True)
for line in sys.stdin:
    if line == "hang\\n":
        time.sleep(60)
    if line == "fail\\n":
        sys.exit("the disk is full")
    print("nonsense" if line == "babble\\n" else json.dumps({"said": line.strip()}), flush=True)
"""


def child():
    return Child("echo", [sys.executable, "-c", ECHO])


def test_a_program_answers_each_command_and_ends_with_its_input():
    with child() as echo:
        assert echo.ask(20, "insert", 10, 1) == {"said": "insert 10 1"}
        assert echo.ask(20, "run", 10) == {"said": "run 10"}
    assert echo.process.returncode == 0


def test_a_program_that_does_not_answer_in_time_is_killed():
    with pytest.raises(Failure, match="echo did not answer within 0.1 s"), child() as echo:
        echo.ask(0.1, "hang")
    assert echo.process.returncode < 0


def test_a_program_that_ends_early_is_reported_with_what_it_said():
    with pytest.raises(Failure, match="echo ended too early: the disk is full"), child() as echo:
        echo.ask(20, "fail")


def test_an_answer_that_is_not_json_is_reported():
    with pytest.raises(Failure, match="echo answered b'nonsense'"), child() as echo:
        echo.ask(20, "babble")


def product(name, kind):
    return Product(name, kind, (), "")


PRODUCTS = [product("ours", OURS), product("slow", PEER), product("fast", PEER)]
PRODUCTS.append(product("top", CEILING))


def results(measure, **values):
    return [
        {"measure": measure, "product": name, "value": value, "cut": False}
        for name, all_values in values.items()
        for value in all_values
    ]


def line_of(table, measure):
    [line] = [line for line in table.splitlines() if line.startswith("| " + measure)]
    return [cell.strip() for cell in line.strip("|").split("|")]


def table_of(found):
    return report.table(report.JOBS, report.summarise(report.JOBS, found, PRODUCTS), PRODUCTS)


def test_a_line_shows_medians_ranges_and_ours_by_the_best_peer_and_by_the_ceiling():
    found = results("run_many", ours=[90, 100, 400], slow=[10], fast=[50], top=[200])
    assert line_of(table_of(found), "run, in batches")[1:] == [
        "100 (90-400)", "10", "50", "200", "2.00", "0.50",
    ]  # fmt: skip


def test_the_best_latency_is_the_least():
    found = results("p50_ms", ours=[1.0], slow=[8.0], fast=[2.0], top=[0.5])
    assert line_of(table_of(found), "enqueue to start, median")[-2:] == ["0.50", "2.00"]


def test_rates_relative_to_the_products_own_are_not_compared():
    found = results("stale", ours=[1.0], fast=[0.1], top=[1.0])
    assert line_of(table_of(found), "run with stale")[1:] == [
        "1.00", "-", "0.10", "1.00", "-", "-",
    ]  # fmt: skip


def test_a_figure_that_a_time_limit_ended_says_so():
    found = results("run_many", ours=[5])
    found[0]["cut"] = True
    assert line_of(table_of(found), "run, in batches")[1] == "5 cut"


def test_every_line_of_the_table_is_as_long_as_the_others():
    found = results("run_many", ours=[1000000], fast=[1]) + results("p50_ms", ours=[1])
    assert len({len(line) for line in table_of(found).splitlines()}) == 1
