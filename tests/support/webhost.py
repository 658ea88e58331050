"""
The webhost program as the integration tests see it: real processes, real HTTP on loopback.

A test takes the `webhost` fixture (integration/conftest.py), which ends every process it started:

    def test_a_restart_keeps_the_customers(webhost):
        first = webhost.serve("--sandbox")
        assert first.post("/api/signup", {...}).status == 201
        first.kill()
        second = webhost.serve("--sandbox")     # the same data folder

WEBHOST_BIN names the program; Meson sets it. Where the records of a data folder are, in a SQLite
file there or in a PostgreSQL database that belongs to it, is the run's affair (support/engine.py):
`webhost.rows("SELECT ...")` reads them on both.
"""

import json
import os
import re
import signal
import subprocess
import threading
import time
import urllib.error
import urllib.request
from dataclasses import dataclass, field

from support import engine

# Sanitizers and a busy machine are slow; a deadline is there to end a hang, not to measure.
DEADLINE = 60

_SANITIZER = re.compile(r"ERROR: \w+Sanitizer|runtime error:")


def wait_until(condition, what, deadline=DEADLINE, pause=0.02):
    """Polls until condition() is true and returns its value; fails the test after the deadline."""
    end = time.monotonic() + deadline
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"after {deadline} s: {what}"
        time.sleep(pause)


@dataclass
class Response:
    """body is what the JSON says, or text when it is not JSON."""

    status: int
    headers: dict
    text: str
    body: object = field(init=False)

    def __post_init__(self):
        is_json = "json" in self.headers.get("Content-Type", "")
        self.body = json.loads(self.text) if is_json and self.text else self.text


# Nothing but loopback is asked, whatever proxy the environment names.
_opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))


def request(method, url, body=None, token=None, headers=None):
    """Any status is a Response; only a connection that fails raises. bytes are sent as they are."""
    headers = dict(headers or {})
    if token:
        headers.setdefault("Authorization", f"Bearer {token}")
    if body is not None and not isinstance(body, bytes):
        body = json.dumps(body).encode()
        headers.setdefault("Content-Type", "application/json")
    message = urllib.request.Request(url, data=body, headers=headers, method=method)
    try:
        with _opener.open(message, timeout=DEADLINE) as answer:
            return Response(answer.status, answer.headers, answer.read().decode())
    except urllib.error.HTTPError as error:
        with error:
            return Response(error.code, error.headers, error.read().decode())


def _collect(pipe, lines):
    for line in pipe:
        lines.append(line)


class Process:
    """One running program; its output is read all the time, so it never blocks on a full pipe."""

    def __init__(self, arguments, env=None):
        # The kernel ends the child should this process die without its fixtures.
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", *arguments],
            env={**os.environ, **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            errors="replace",
        )
        self.name = " ".join(map(str, arguments))
        self._ended = False
        self._out, self._err = [], []
        self._readers = [
            threading.Thread(target=_collect, args=(pipe, lines), daemon=True)
            for pipe, lines in ((self.popen.stdout, self._out), (self.popen.stderr, self._err))
        ]
        for reader in self._readers:
            reader.start()

    @property
    def pid(self):
        return self.popen.pid

    @property
    def out(self):
        return "".join(self._out)

    @property
    def err(self):
        return "".join(self._err)

    def line(self, pattern, deadline=DEADLINE):
        """Waits for a line on standard output that matches; returns the match."""

        def found():
            ended = self.popen.poll() is not None
            if ended:
                self._drain()
            match = re.search(pattern, self.out, re.MULTILINE)
            assert match or not ended, f"{self.name} ended without /{pattern}/{self._said()}"
            return match

        return wait_until(found, f"{self.name} has not printed /{pattern}/", deadline)

    def kill(self):
        """As a power cut would: SIGKILL, nothing flushed, nothing said."""
        self.popen.kill()
        self._reap()

    def stop(self, expected_status=0):
        """SIGTERM; the program must end by itself, as expected, and with clean sanitizers."""
        if self._ended:
            return
        self.popen.send_signal(signal.SIGTERM)
        try:
            self._reap(DEADLINE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} ignored SIGTERM{self._said()}") from None
        self._check(expected_status)

    def wait_for_end(self, expected_status=0):
        """It must end by itself, as expected, and with clean sanitizers."""
        self._reap(DEADLINE)
        self._check(expected_status)

    def _check(self, expected_status):
        status = self.popen.returncode
        assert status == expected_status, f"{self.name} ended with {status}{self._said()}"
        assert not _SANITIZER.search(self.err), f"{self.name}:{self._said()}"

    def _reap(self, deadline=None):
        self.popen.wait(deadline)
        self._ended = True
        self._drain()

    def _drain(self):
        for reader in self._readers:
            reader.join(DEADLINE)
        if self._ended:
            self.popen.stdout.close()
            self.popen.stderr.close()

    def _said(self):
        return f"\nstdout:\n{self.out}\nstderr:\n{self.err}"


class Server(Process):
    """A process that answers HTTP; url is where, token the administrator's if it printed one."""

    def __init__(self, arguments, token=None, env=None):
        super().__init__(arguments, env)
        try:
            self.url = self.line(r"listening on (http://127\.0\.0\.1:\d+)$").group(1)
        except BaseException:
            self.kill()
            raise
        printed = re.search(r"admin token: (wh_\S+)", self.out)
        self.token = printed.group(1) if printed else token

    def request(self, method, path, body=None, **options):
        """token=None in the options asks without one."""
        options.setdefault("token", self.token)
        return request(method, self.url + path, body, **options)

    def get(self, path, **options):
        return self.request("GET", path, **options)

    def post(self, path, body=None, **options):
        return self.request("POST", path, {} if body is None else body, **options)

    def wait_ready(self, path="/healthz"):
        def answers():
            assert self.popen.poll() is None, f"{self.name} ended{self._said()}"
            try:
                return request("GET", self.url + path).status == 200
            except OSError:
                return False

        wait_until(answers, f"{self.name} does not answer {path}")
        return self


class WebHost:
    """Starts programs in one test's folder and ends them all with it."""

    def __init__(self, folder):
        self.program = os.environ["WEBHOST_BIN"]
        self.folder = folder
        self.processes = []
        self._closers = []
        self._tokens = {}
        self._databases = {}
        self._drops = []

    def serve(self, *options, data="data", env=None):
        """`webhost serve` on a free port. The token, printed at the first start only, is kept."""
        arguments = ["serve", "--listen", "127.0.0.1:0", *self.storage(options, data), *options]
        server = self._started([self.program, *arguments], self._tokens.get(data), env)
        self._tokens[data] = server.token
        return server.wait_ready()

    def sandbox(self, *options, data="sandbox", env=None):
        """`webhost sandbox` on a free port: the providers, for a `serve` that is told its url."""
        arguments = ["sandbox", "--listen", "127.0.0.1:0", "--data", self.folder / data, *options]
        return self._started([self.program, *arguments], None, env)

    def run(self, *arguments, stdin="", status=0, env=None):
        """A command that ends by itself; returns it with stdout and stderr as text."""
        done = subprocess.run(
            [self.program, *arguments],
            input=stdin,
            env={**os.environ, **(env or {})},
            capture_output=True,
            text=True,
            timeout=DEADLINE,
        )
        assert done.returncode == status, f"{arguments}: {done.returncode}\n{done.stderr}"
        return done

    def start(self, *arguments, env=None):
        """A command that takes its time; read its out and err, and call wait_for_end()."""
        process = Process([self.program, *arguments], env)
        self.processes.append(process)
        return process

    def storage(self, options=(), data="data"):
        """The options that tell a `serve` its data folder and, unless `options` do, its records."""
        arguments = ["--data", self.folder / data]
        if engine.ON_POSTGRES and "--database" not in options:
            arguments += ["--database", self.database(data)]
        return arguments

    def database(self, data="data"):
        """The URL of the records that belong to a data folder."""
        if not engine.ON_POSTGRES:
            return f"sqlite:{self.folder / data}/webhost.db"
        if data not in self._databases:
            self._databases[data] = self.new_postgres()
        return self._databases[data]

    def new_postgres(self):
        """A new database on the run's PostgreSQL server, gone when the test ends; its URL."""
        url = engine.create_database()
        self._drops.append(url)
        return url

    def rows(self, sql, data="data"):
        return engine.rows(self.database(data), sql)

    def stored(self, data="data"):
        """(name, bytes) of everything that a program has written: its files and its records."""
        for path in (self.folder / data).rglob("*"):
            if path.is_file():
                yield path, path.read_bytes()
        if engine.ON_POSTGRES:
            yield "the database", engine.dump(self.database(data)).encode()

    def at_close(self, closer):
        """Calls closer() when the test ends, before the programs are ended."""
        self._closers.append(closer)

    def close(self):
        """Ends everything even when one of them misbehaves, then fails for the first that did."""
        problems = []
        for closer in self._closers:
            closer()
        for process in reversed(self.processes):
            try:
                process.stop()
            except AssertionError as problem:
                problems.append(problem)
        for url in self._drops:
            engine.drop_database(url)
        if problems:
            raise problems[0]

    def _started(self, arguments, token, env):
        server = Server(arguments, token, env)
        self.processes.append(server)
        return server
