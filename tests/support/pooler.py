"""PgBouncer in transaction mode in front of a PostgreSQL server of a test."""

import contextlib
import os
import shutil
import socket
import subprocess
from urllib.parse import urlsplit

from support.pgcluster import free_port
from support.webhost import wait_until

SETTINGS = """
[databases]
* = host={host} port={port} user={user}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {own_port}
unix_socket_dir =
auth_type = any
pool_mode = transaction
ignore_startup_parameters = extra_float_digits,options
logfile = {folder}/pgbouncer-{own_port}.log
"""


@contextlib.contextmanager
def pooler(cluster, url):
    """Gives the url of a database of the cluster (pgcluster.py) through the pooler."""
    server, own_port, folder = urlsplit(url), free_port(), cluster.folder
    path = os.path.join(folder, f"pgbouncer-{own_port}.ini")
    with open(path, "w", encoding="utf-8") as file:
        file.write(SETTINGS.format(
            host=server.hostname, port=server.port, user=server.username, own_port=own_port,
            folder=folder,
        ))  # fmt: skip
    program = shutil.which("pgbouncer", path="/usr/sbin:/usr/bin")
    process = subprocess.Popen(
        [program, path], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **cluster.user
    )
    through = f"postgres://{server.username}@127.0.0.1:{own_port}{server.path}"
    try:
        wait_until(lambda: listens(own_port), "PgBouncer does not answer")
        yield through
    finally:
        process.terminate()
        process.wait()


def listens(port):
    with socket.socket() as probe:
        return probe.connect_ex(("127.0.0.1", port)) == 0
