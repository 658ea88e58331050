#!/usr/bin/env python3
"""
Counts the test cases of a `meson test` run and says which failed.

Meson counts executables, and its junit file loses a crash that comes after a passed case; so this
reads testlog.json and the TAP in it. An executable that crashed, timed out, printed no plan, or ran
fewer cases than planned counts as one failure more. The last line is `N passed, N failed`.

A few executables that failed beside others may be run again by themselves: --list-again names them,
and the log of that run is given with --again. What passes then counts as passed, is shown in full
all the same, and stands on a line UNSTEADY. A crash and what a sanitizer found are never forgiven.

usage: test-summary.py [--failed WHAT]... [--meson-status N] [--again LOG] [LOG]
       test-summary.py --list-again LOG
"""

import argparse
import json
import re
import sys

PLAN = re.compile(r"1\.\.(\d+)")
CASE = re.compile(r"(not )?ok\b\s*(\d+)?\s*-?\s*([^#]*)(?:#\s*(skip|todo)\b)?", re.IGNORECASE)
SANITIZER = re.compile(r"AddressSanitizer|LeakSanitizer|UndefinedBehavior|runtime error:")
TAIL = 60
AGAIN_MAX = 3  # more than these are no accident


class Executable:
    """One line of testlog.json."""

    def __init__(self, entry):
        self.name = entry["name"]
        self.result = entry["result"]
        self.status = entry["returncode"]
        self.out = entry["stdout"] or ""
        self.err = entry.get("stderr") or ""
        self.plan = None
        self.passed = self.skipped = 0
        self.failures = []
        self.read_tap()
        broken = self.broken()
        if broken:
            self.failures.append(broken)

    def read_tap(self):
        for line in self.out.split("\n"):
            plan = PLAN.match(line)
            case = CASE.match(line)
            if plan:
                self.plan = (self.plan or 0) + int(plan.group(1))
            elif case and case.group(4):
                self.skipped += 1
            elif case and case.group(1):
                self.failures.append(case.group(3).strip() or f"case {case.group(2)}")
            elif case:
                self.passed += 1

    def broken(self):
        """What went wrong outside of the cases, or None."""
        ran = self.passed + self.skipped + len(self.failures)
        if self.result == "TIMEOUT":
            return f"timed out after {ran} cases"
        if self.status < 0:
            return f"killed by signal {-self.status} after {ran} cases"
        if self.plan is None:
            return f"printed no plan, exit status {self.status}"
        if ran < self.plan and not self.failures:
            return f"ran {ran} cases of {self.plan}, exit status {self.status}"
        if self.status != 0 and not self.failures:
            return f"exit status {self.status} though no case failed"
        if "Bail out!" in self.out:
            return "bailed out"
        return None

    def may_run_again(self):
        return self.status >= 0 and not SANITIZER.search(self.out + self.err)

    def print_failures(self, word):
        for failure in self.failures:
            print(f"{word} {self.name}: {failure}")
        for stream, text in (("stdout", self.out), ("stderr", self.err)):
            lines = [line for line in text.rstrip().split("\n") if not line.startswith("ok ")]
            if len(lines) > TAIL:
                print(f"  {stream}, the last {TAIL} of {len(lines)} lines:")
            elif lines != [""]:
                print(f"  {stream}:")
            for line in lines[-TAIL:]:
                print(f"    {line}".rstrip())
        print()


def executables(log):
    try:
        with open(log, encoding="utf-8") as file:
            return [Executable(json.loads(line)) for line in file if line.strip()]
    except FileNotFoundError:
        return []


def worth_again(ran):
    """Those that failed, if they are few and each may have been disturbed by the others."""
    failed = [each for each in ran if each.failures]
    if len(failed) > AGAIN_MAX or not all(each.may_run_again() for each in failed):
        return []
    return failed


def steadied(ran, again):
    """(what counts, what of `ran` failed and passed the second time)."""
    passed = {each.name: each for each in again if not each.failures and each.passed}
    unsteady = [each for each in worth_again(ran) if each.name in passed]
    return [passed[each.name] if each in unsteady else each for each in ran], unsteady


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--failed", action="append", default=[], metavar="WHAT")
    parser.add_argument("--meson-status", type=int, default=0, metavar="N")
    parser.add_argument("--again", metavar="LOG")
    parser.add_argument("--list-again", action="store_true")
    parser.add_argument("log", nargs="?")
    arguments = parser.parse_args()

    ran = executables(arguments.log) if arguments.log else []
    if arguments.list_again:
        print("\n".join(each.name for each in worth_again(ran)))
        return 0
    again = executables(arguments.again) if arguments.again else []
    ran, unsteady = steadied(ran, again)
    failed = [f"./dev {what}" for what in arguments.failed]
    # Meson's status is 1 and up when an executable failed; alone, it is meson that did.
    well = all(each.result in ("OK", "SKIP") for each in ran)
    if arguments.meson_status != 0 and well and not unsteady:
        failed.append(f"meson test, exit status {arguments.meson_status}")

    print()
    for each in unsteady:
        each.print_failures("UNSTEADY")
    for each in ran:
        if each.failures:
            each.print_failures("FAILED")
    for what in failed:
        print(f"FAILED {what}")
    passes = sum(each.passed for each in ran)
    failures = sum(len(each.failures) for each in ran) + len(failed)
    if passes + failures == 0:
        print("no test ran")
    if unsteady:
        names = ", ".join(each.name for each in unsteady)
        print(f"UNSTEADY, passed when run again alone: {names}")
    print(f"{len(ran)} executables, {sum(each.skipped for each in ran)} cases skipped")
    print(f"{passes} passed, {failures} failed")
    return 1 if failures or not passes else 0


if __name__ == "__main__":
    sys.exit(main())
