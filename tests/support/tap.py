#!/usr/bin/env python3
"""
Runs one Python test file with pytest and prints TAP, so that Meson and tools/test-summary.py count
its cases as they count cmocka's. usage: /usr/bin/python3 tap.py FILE

The plan comes first: a run that dies half way is seen to be short. What a failed case printed
follows it as comments. tmp_path lives in a folder of this run's own, gone at the end.
"""

import os
import signal
import sys
import tempfile

sys.dont_write_bytecode = True
import pytest  # noqa: E402


class Tap:
    """A pytest plugin that takes the terminal reporter's place."""

    def __init__(self, out):
        self.out = out
        self.number = 0
        self.reports = []

    def pytest_addoption(self, parser):
        """The terminal reporter's, which explains how two values differ with it."""
        parser.addoption("--verbose", dest="verbose", type=int, default=0)

    def print(self, line):
        self.out.write(line + "\n")
        self.out.flush()

    def explain(self, report):
        for title, text in [("", report.longreprtext), *report.sections]:
            for line in [title, *text.rstrip().split("\n")]:
                self.print(f"#   {line}".rstrip())

    @staticmethod
    def reason(report):
        """Why it was skipped: pytest keeps (file, line, "Skipped: why")."""
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else ""
        return why.removeprefix("Skipped: ").replace("\n", " ")

    def pytest_collection_finish(self, session):
        self.print(f"1..{len(session.items)}")

    def pytest_collectreport(self, report):
        if report.failed:
            self.print(f"Bail out! cannot collect {report.nodeid}")
            self.explain(report)

    def pytest_internalerror(self, excrepr):
        self.print("Bail out! pytest failed")
        for line in str(excrepr).split("\n"):
            self.print(f"#   {line}")

    def pytest_runtest_logreport(self, report):
        self.reports.append(report)

    def pytest_runtest_logfinish(self, nodeid):
        """A case passes when its fixtures' ends do too."""
        reports, self.reports = self.reports, []
        self.number += 1
        name = nodeid.partition("::")[2].replace("#", "No.").replace("\n", " ")
        failed = [report for report in reports if report.failed]
        skipped = [report for report in reports if report.skipped]
        ok = "not ok" if failed else "ok"
        directive = f" # SKIP {self.reason(skipped[0])}" if skipped and not failed else ""
        self.print(f"{ok} {self.number} - {name}{directive}")
        for measured, value in reports[-1].user_properties if reports else []:
            self.print(f"#   {measured}: {value}")
        for report in failed:
            self.explain(report)


def main(file):
    # A timeout ends this process by SIGTERM; as an interrupt, the fixtures still clean up.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
    # The tests' own output, and their children's, is captured; TAP has standard output for itself.
    out = os.fdopen(os.dup(1), "w")
    with tempfile.TemporaryDirectory(prefix="webhost-test-") as scratch:
        options = ["-p", "no:terminal", "-p", "no:cacheprovider", f"--basetemp={scratch}/t"]
        return pytest.main([*options, file], plugins=[Tap(out)])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
