#!/usr/bin/env python3
"""Runs a command with a PostgreSQL server and a PgBouncer in front of it.

    pooled.py COMMAND [ARGUMENT...]

WEBHOST_TEST_PG_URL is the server, with the databases "one" and "two"; WEBHOST_TEST_POOLER is
HOST:PORT of the PgBouncer, and WEBHOST_TEST_ALIASES the file of databases that it includes.
"""

import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time

from pgcluster import Cluster, find_programs, free_port

PROGRAM = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")

SETTINGS = """
[databases]
%include {aliases}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {port}
unix_socket_dir =
auth_type = any
admin_users = postgres
pool_mode = transaction
ignore_startup_parameters = extra_float_digits,options
logfile = {folder}/pgbouncer.log
"""


def write(path, text, cluster):
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    os.chmod(path, 0o640)
    if cluster.user:
        os.chown(path, -1, cluster.user["group"])


def wait_until_it_listens(process, port):
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline and process.poll() is None:
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.02)
    sys.exit("PgBouncer does not answer")


def run(cluster, url):
    port, aliases = free_port(), os.path.join(cluster.folder, "aliases", "databases.ini")
    os.mkdir(os.path.dirname(aliases))
    os.chmod(os.path.dirname(aliases), 0o755)
    settings = os.path.join(cluster.folder, "pgbouncer.ini")
    write(aliases, "", cluster)
    write(settings, SETTINGS.format(aliases=aliases, port=port, folder=cluster.folder), cluster)
    for name in ("one", "two"):
        cluster.run("createdb", "--maintenance-db", url, name)
    with subprocess.Popen(
        [PROGRAM, settings], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **cluster.user
    ) as process:
        try:
            wait_until_it_listens(process, port)
            environment = dict(
                os.environ, WEBHOST_TEST_PG_URL=url, WEBHOST_TEST_ALIASES=aliases,
                WEBHOST_TEST_POOLER=f"127.0.0.1:{port}",
            )  # fmt: skip
            return subprocess.run(sys.argv[1:], env=environment, check=False).returncode
        finally:
            process.terminate()


def main():
    programs = find_programs()
    if not programs or not PROGRAM:
        print("1..0 # SKIP no PostgreSQL server, or no PgBouncer, is installed")
        return 0
    with tempfile.TemporaryDirectory(prefix="webhost-pool-") as folder:
        os.chmod(folder, 0o755)
        cluster = Cluster(programs, folder)
        try:
            return run(cluster, cluster.start())
        finally:
            cluster.stop()


if __name__ == "__main__":
    sys.exit(main())
