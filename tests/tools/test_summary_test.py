import json
import subprocess
import textwrap

import pytest

from support.tools import run_tool


def summary(folder, *entries, options=()):
    """Runs the tool on a log made of (result, returncode, stdout) entries."""
    log = folder / "testlog.json"
    lines = [
        json.dumps({"name": f"t{i}", "result": result, "returncode": status, "stdout": out})
        for i, (result, status, out) in enumerate(entries)
    ]
    log.write_text("".join(line + "\n" for line in lines))
    done = run_tool("test-summary.py", *options, log)
    assert done.stderr == ""
    return done.stdout, done.stdout.splitlines()[-1], done.returncode


def test_cases_are_counted_not_executables(tmp_path):
    _, last, status = summary(
        tmp_path, ("OK", 0, "1..2\nok 1 - a\nok 2 - b\n"), ("OK", 0, "1..1\nok 1 - c\n")
    )
    assert (last, status) == ("3 passed, 0 failed", 0)


def test_a_failed_case_is_counted_and_named(tmp_path):
    out, last, status = summary(
        tmp_path, ("ERROR", 1, "1..2\nok 1 - a\nnot ok 2 - b\n# 1 != 2\n")
    )
    assert (last, status) == ("1 passed, 1 failed", 1)
    assert "FAILED t0: b" in out
    assert "1 != 2" in out


@pytest.mark.parametrize(
    "result, status, out, last",
    [
        ("ERROR", -6, "", "0 passed, 1 failed"),
        ("ERROR", -6, "1..2\nok 1 - a\n", "1 passed, 1 failed"),
        ("ERROR", -6, "1..2\nok 1 - a\nok 2 - b\n", "2 passed, 1 failed"),
        ("ERROR", -11, "1..2\nnot ok 1 - a\n", "0 passed, 2 failed"),
        ("ERROR", 1, "1..2\nok 1 - a\nok 2 - b\n", "2 passed, 1 failed"),
        ("ERROR", 0, "1..2\nok 1 - a\n", "1 passed, 1 failed"),
        ("TIMEOUT", -15, "1..2\nok 1 - a\n", "1 passed, 1 failed"),
        ("SKIP", 0, "", "0 passed, 1 failed"),
        ("ERROR", 0, "1..1\nok 1 - a\nBail out! no more\n", "1 passed, 1 failed"),
        ("ERROR", 1, "1..1\nnot ok 0 - g [  FAILED  ] GROUP SETUP\n", "0 passed, 1 failed"),
    ],
    ids=[
        "crash before the plan",
        "crash half way",
        "crash or leak at the end",
        "crash after a failed case",
        "status alone",
        "cases missing",
        "timeout",
        "nothing printed",
        "bail out",
        "group setup",
    ],
)
def test_a_broken_executable_is_a_failure(tmp_path, result, status, out, last):
    assert summary(tmp_path, (result, status, out))[1:] == (last, 1)


def test_skipped_cases_neither_pass_nor_fail(tmp_path):
    out, last, status = summary(
        tmp_path, ("FAIL", 0, "1..2\nok 1 - a\nnot ok 2 # SKIP b\n"), options=["--meson-status=1"]
    )
    assert (last, status) == ("1 passed, 0 failed", 0)
    assert "1 cases skipped" in out


@pytest.mark.parametrize("entries", [[], [("SKIP", 0, "1..1\nok 1 - a # SKIP no server\n")]])
def test_no_test_run_is_no_success(tmp_path, entries):
    out, last, status = summary(tmp_path, *entries)
    assert "no test ran" in out
    assert (last, status) == ("0 passed, 0 failed", 1)


def test_a_log_that_is_not_there_is_no_success(tmp_path):
    done = run_tool("test-summary.py", tmp_path / "none")
    assert (done.stdout.splitlines()[-1], done.returncode) == ("0 passed, 0 failed", 1)


def test_a_failed_phase_is_a_failure_beside_passed_cases(tmp_path):
    out, last, status = summary(
        tmp_path, ("OK", 0, "1..1\nok 1 - a\n"), options=["--failed", "check"]
    )
    assert (last, status) == ("1 passed, 1 failed", 1)
    assert "FAILED ./dev check" in out


def test_meson_failing_by_itself_is_a_failure(tmp_path):
    _, last, status = summary(
        tmp_path, ("OK", 0, "1..1\nok 1 - a\n"), options=["--meson-status", "2"]
    )
    assert (last, status) == ("1 passed, 1 failed", 1)


def summary_again(folder, first, second):
    """As summary(), with entries of a second run of those that failed, by their number."""
    again = folder / "again.json"
    lines = [
        json.dumps({"name": f"t{i}", "result": result, "returncode": status, "stdout": out})
        for i, (result, status, out) in second.items()
    ]
    again.write_text("\n".join(lines))
    return summary(folder, *first, options=["--meson-status", "1", "--again", again])


GOOD, BAD = ("OK", 0, "1..1\nok 1 - a\n"), ("ERROR", 1, "1..1\nnot ok 1 - a\n# why\n")


def test_what_passes_alone_counts_as_passed_and_is_shown(tmp_path):
    out, last, status = summary_again(tmp_path, [GOOD, BAD], {1: GOOD})
    assert (last, status) == ("2 passed, 0 failed", 0)
    assert "UNSTEADY t1: a" in out and "# why" in out
    assert "UNSTEADY, passed when run again alone: t1" in out


def test_what_fails_twice_has_failed(tmp_path):
    out, last, status = summary_again(tmp_path, [GOOD, BAD], {1: BAD})
    assert (last, status) == ("1 passed, 1 failed", 1)
    assert "UNSTEADY" not in out


@pytest.mark.parametrize(
    "entry",
    [
        ("ERROR", -6, "1..1\n"),
        ("ERROR", 1, "1..1\nnot ok 1 - a\n# ERROR: AddressSanitizer: heap-use-after-free\n"),
        ("ERROR", 1, "1..1\nnot ok 1 - a\n# x.c:1: runtime error: signed overflow\n"),
    ],
    ids=["crash", "asan", "ubsan"],
)
def test_a_crash_and_a_sanitizers_finding_are_not_forgiven(tmp_path, entry):
    assert summary_again(tmp_path, [GOOD, entry], {1: GOOD})[1:] == ("1 passed, 1 failed", 1)
    assert run_tool("test-summary.py", "--list-again", tmp_path / "testlog.json").stdout == "\n"


def test_many_failures_are_no_accident(tmp_path):
    again = {i: GOOD for i in range(4)}
    assert summary_again(tmp_path, [BAD] * 4, again)[1:] == ("0 passed, 4 failed", 1)
    assert summary_again(tmp_path, [BAD] * 3, again)[1:] == ("3 passed, 0 failed", 0)
    listed = run_tool("test-summary.py", "--list-again", tmp_path / "testlog.json").stdout
    assert listed.split() == ["t0", "t1", "t2"]


CMOCKA = """
    #include <setjmp.h>
    #include <stdarg.h>
    #include <stddef.h>
    #include <stdint.h>
    #include <cmocka.h>
    #include <stdlib.h>
    static void good(void **s) { (void)s; }
    static void bad(void **s) { (void)s; assert_int_equal(1, 2); }
    static void dies(void **s) { (void)s; abort(); }
    int main(int argc, char **argv)
    {
        const struct CMUnitTest tests[] = {
            cmocka_unit_test(good), cmocka_unit_test(bad), cmocka_unit_test(dies)};
        size_t n = (size_t)atoi(argv[argc - 1]);
        return _cmocka_run_group_tests("g", tests, n, NULL, NULL);
    }
"""


def test_what_meson_and_cmocka_really_write_is_understood(tmp_path):
    (tmp_path / "a.c").write_text(textwrap.dedent(CMOCKA))
    (tmp_path / "meson.build").write_text(
        textwrap.dedent("""
            project('x', 'c')
            e = executable('a', 'a.c', dependencies: dependency('cmocka'))
            foreach n : ['1', '2', '3']
              test('first ' + n, e, args: n, protocol: 'tap', env: 'CMOCKA_MESSAGE_OUTPUT=TAP')
            endforeach
        """)
    )
    build = tmp_path / "build"
    quiet = {"cwd": tmp_path, "capture_output": True}
    subprocess.run(["meson", "setup", build], check=True, **quiet)
    subprocess.run(["ninja", "-C", build], check=True, **quiet)
    status = subprocess.run(["meson", "test", "-C", build, "--no-rebuild"], **quiet).returncode
    log = build / "meson-logs/testlog.json"
    done = run_tool("test-summary.py", "--meson-status", str(status), log)
    # 1: good. 2: good, bad. 3: good, bad, and the crash.
    assert done.stdout.splitlines()[-1] == "3 passed, 3 failed"
    assert "FAILED first 3: killed by signal 6 after 2 cases" in done.stdout
    assert done.returncode == 1


