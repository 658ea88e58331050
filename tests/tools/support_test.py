"""The helpers of the other tests: TAP from pytest, and processes that are started and ended."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from support.webhost import WebHost, wait_until

TAP = Path(__file__).resolve().parent.parent / "support/tap.py"

# What the helpers expect of the real program, and no more.
PROGRAM = """#!/usr/bin/python3
import http.server, json, os, signal, sys, time

class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        body = json.dumps({"path": self.path, "token": self.headers.get("Authorization")}).encode()
        self.send_response(404 if self.path == "/missing" else 200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    def log_message(self, *arguments):
        pass

if "--broken" in sys.argv:
    sys.exit("no such option")
signal.signal(signal.SIGTERM, lambda *_: os._exit(3 if "--dirty" in sys.argv else 0))
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
data = sys.argv[sys.argv.index("--data") + 1]
if not os.path.exists(data):
    os.mkdir(data)
    print("admin token: wh_1", flush=True)
print(f"listening on http://127.0.0.1:{server.server_port}", flush=True)
server.serve_forever()
"""


@pytest.fixture
def programs(tmp_path, monkeypatch):
    program = tmp_path / "program"
    program.write_text(PROGRAM)
    program.chmod(0o755)
    monkeypatch.setenv("WEBHOST_BIN", str(program))
    return WebHost(tmp_path)


def alive(pid):
    """A process that only waits for its parent to look is not alive."""
    try:
        return ") Z" not in Path(f"/proc/{pid}/stat").read_text()
    except OSError:
        return False


def test_a_server_is_started_asked_and_ended(programs):
    server = programs.serve()
    answer = server.get("/x")
    assert (answer.status, answer.body) == (200, {"path": "/x", "token": "Bearer wh_1"})
    assert server.get("/x", token=None).body["token"] is None
    assert server.get("/missing").status == 404
    programs.close()
    assert not alive(server.pid)


def test_a_killed_server_starts_again_with_its_token(programs):
    first = programs.serve()
    first.kill()
    assert not alive(first.pid)
    second = programs.serve()
    assert (second.token, second.get("/").status) == ("wh_1", 200)
    programs.close()


def test_a_program_that_does_not_start_fails_with_what_it_said(programs):
    with pytest.raises(AssertionError, match="no such option"):
        programs.serve("--broken")
    programs.close()


def test_one_bad_end_fails_but_all_are_ended(programs):
    servers = [programs.serve(data="a"), programs.serve("--dirty", data="b"), programs.serve()]
    with pytest.raises(AssertionError, match="ended with 3"):
        programs.close()
    assert not any(alive(server.pid) for server in servers)


def test_a_crash_nobody_asked_for_fails(programs):
    os.kill(programs.serve().pid, 11)
    with pytest.raises(AssertionError, match="ended with -11"):
        programs.close()


def tap(folder, text):
    file = folder / "a_test.py"
    file.write_text(text)
    return subprocess.run(
        [sys.executable, TAP, file],
        # A run that dies half way leaves its folder in this test's.
        env={**os.environ, "TMPDIR": str(folder)},
        capture_output=True,
        text=True,
        timeout=60,
    )


def test_every_outcome_has_its_tap_line(tmp_path):
    done = tap(
        tmp_path,
        "import os, pytest\n"
        "@pytest.fixture\ndef leaves_badly():\n    yield\n    assert False, 'in the end'\n"
        "def test_a(): os.system('echo ok 9 - noise')\n"
        "def test_b(): assert 1 == 2, 'why'\n"
        "def test_c(): pytest.skip('no')\n"
        "def test_d(leaves_badly): pass\n",
    )
    lines = done.stdout.splitlines()
    assert [line for line in lines if not line.startswith("#")] == [
        "1..4",
        "ok 1 - test_a",
        "not ok 2 - test_b",
        "ok 3 - test_c # SKIP no",
        "not ok 4 - test_d",
    ]
    assert "why" in done.stdout and "in the end" in done.stdout
    assert done.returncode == 1


def test_a_file_that_cannot_be_read_bails_out(tmp_path):
    done = tap(tmp_path, "import nothing_of_this_name\n")
    assert "Bail out!" in done.stdout
    assert done.returncode != 0


def test_a_death_half_way_leaves_a_plan_unmet(tmp_path):
    done = tap(tmp_path, "import os\ndef test_a(): pass\ndef test_b(): os._exit(0)\n")
    assert done.stdout.splitlines() == ["1..2", "ok 1 - test_a"]


def test_the_run_leaves_no_folder_behind(tmp_path):
    told = tmp_path / "told"
    done = tap(tmp_path, f"def test_a(tmp_path): open({str(told)!r}, 'w').write(str(tmp_path))\n")
    assert done.returncode == 0
    assert not os.path.exists(told.read_text())


@pytest.mark.parametrize("signal_number", [signal.SIGTERM, signal.SIGKILL])
def test_a_run_that_is_cut_off_takes_its_programs_along(tmp_path, signal_number):
    told = tmp_path / "told"
    file = tmp_path / "a_test.py"
    file.write_text(
        "from support.webhost import Process\n"
        "def test_a(tmp_path):\n"
        "    process = Process(['sleep', '1000'])\n"
        f"    with open({str(told)!r}, 'w') as file: print(process.pid, tmp_path, file=file)\n"
        "    process.popen.wait()\n"
    )
    with subprocess.Popen(
        [sys.executable, TAP, file],
        env={**os.environ, "TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    ) as run:
        text = wait_until(lambda: told.exists() and told.read_text(), "the case has not begun")
        pid, folder = text.split()
        run.send_signal(signal_number)
        assert run.wait(60) != 0
    wait_until(lambda: not alive(pid), "the program is still there")
    if signal_number == signal.SIGTERM:
        assert not os.path.exists(folder)
