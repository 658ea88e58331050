#!/usr/bin/env python3
"""Runs a command with a PostgreSQL server of its own.

    pgcluster.py COMMAND [ARGUMENT...]

Makes a cluster in a new directory, starts it on a free port of 127.0.0.1 (and a socket in that
directory), sets WEBHOST_TEST_PG_URL, runs the command, stops the server and removes everything. The
exit status is the command's. Without PostgreSQL's programs it prints the TAP of a skipped test.

A command that another pgcluster.py runs by this one has two servers: the outer one's is
WEBHOST_TEST_PG_OTHER_URL.

PostgreSQL refuses to run as root: then its programs run as the user postgres.
"""

import contextlib
import glob
import os
import pwd
import random
import shutil
import signal
import socket
import subprocess
import sys
import tempfile

ATTEMPTS = 5
PORT_FIRST, PORT_END = 10000, 32000


def find_programs():
    folders = sorted(glob.glob("/usr/lib/postgresql/*/bin"), key=lambda p: int(p.split("/")[4]))
    if folders:
        return folders[-1]
    initdb = shutil.which("initdb")
    return os.path.dirname(initdb) if initdb else None


def free_port():
    """A port for a server that cannot choose one itself, outside of those that the system gives
    to clients: nobody gets it by chance between here and the server's start."""
    while True:
        port = random.randrange(PORT_FIRST, PORT_END)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


class Cluster:
    def __init__(self, programs, folder):
        self.programs, self.folder = programs, folder
        self.data = os.path.join(folder, "data")
        self.user = {}
        if os.geteuid() == 0:
            account = pwd.getpwnam("postgres")
            os.chown(folder, account.pw_uid, account.pw_gid)
            self.user = {"user": account.pw_uid, "group": account.pw_gid, "extra_groups": []}
        self.running = False

    def run(self, program, *arguments):
        with open(os.path.join(self.folder, "log"), "a", encoding="utf-8") as log:
            subprocess.run(
                [os.path.join(self.programs, program), *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                cwd=self.folder,
                # libpq, which a server uses too, looks there for certificates and passwords.
                env=dict(os.environ, HOME=self.folder),
                check=True,
                **self.user,
            )

    def start(self, settings=()):
        """Returns the server's URL; `settings` are NAME=VALUE on top of ours."""
        self.run(
            "initdb", "-D", self.data, "-U", "postgres", "-A", "trust", "-E", "UTF8",
            "--locale=C", "--no-sync",
        )  # fmt: skip
        for attempt in range(ATTEMPTS):
            # Somebody else may take the port before the server does: then another one.
            port = free_port()
            options = (
                f"-c port={port} -c listen_addresses=127.0.0.1"
                f" -c unix_socket_directories={self.folder} -c max_connections=100"
                " -c shared_buffers=32MB -c log_min_messages=fatal"
                # For what moves tenants by logical replication.
                " -c wal_level=logical -c max_replication_slots=40 -c max_wal_senders=40"
                " -c max_logical_replication_workers=30 -c max_worker_processes=40"
                # Before 16 a server starts one of them in that time.
                " -c wal_retrieve_retry_interval=100ms"
                " -c max_prepared_transactions=4"
                # No test crashes the server, and databases come and go with every test.
                " -c fsync=off"
            ) + "".join(f" -c {setting}" for setting in settings)
            try:
                self.run("pg_ctl", "-D", self.data, "-w", "-t", "60", "-o", options, "start")
            except subprocess.CalledProcessError:
                if attempt + 1 == ATTEMPTS:
                    raise
                continue
            self.running = True
            return f"postgres://postgres@127.0.0.1:{port}/postgres"

    def stop(self):
        if self.running:
            self.run("pg_ctl", "-D", self.data, "-w", "-m", "immediate", "stop")
            self.running = False

    def log(self):
        with open(os.path.join(self.folder, "log"), encoding="utf-8", errors="replace") as log:
            return log.read()


def main():
    if len(sys.argv) < 2:
        sys.exit(__doc__)
    programs = find_programs()
    if not programs:
        print("1..0 # SKIP no PostgreSQL server is installed")
        return 0
    # Turns a signal into an exception, so that the server does not outlive us.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    with tempfile.TemporaryDirectory(prefix="webhost-pg-") as folder:
        os.chmod(folder, 0o755)
        cluster = Cluster(programs, folder)
        try:
            url = cluster.start()
            environment = dict(os.environ, WEBHOST_TEST_PG_URL=url)
            if "WEBHOST_TEST_PG_URL" in os.environ:
                environment["WEBHOST_TEST_PG_OTHER_URL"] = os.environ["WEBHOST_TEST_PG_URL"]
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        except subprocess.CalledProcessError as failure:
            print(f"{failure}\n{cluster.log()}", file=sys.stderr)
            return 1
        finally:
            cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
