"""What is measured against what, and how each is started."""

import dataclasses
import filecmp
import os
import shutil
import subprocess

from stores import ROOT

PROGRAMS = os.path.join(ROOT, "build", "release", "bench")
PEERS = os.path.join(ROOT, "bench", "peers")
INSTALLED = os.path.join(ROOT, "build", "bench-peers")
NODE = os.path.join(INSTALLED, "node_modules", ".bin", "node")
INSTALL_S = 300

OURS, CEILING, PEER = "ours", "ceiling", "peer"


@dataclasses.dataclass(frozen=True)
class Product:
    name: str
    kind: str  # OURS, CEILING or PEER
    arguments: tuple  # {url} stands for the database
    unfinished: str  # a query that counts the jobs that did not end well
    finished: str = ""  # one that counts those that did; none when they are deleted
    one_by_one: bool = True  # takes part in the measures of one job at a time
    batched: bool = True
    latency: bool = True
    folder: str = None

    def command(self, url):
        return [argument.format(url=url) for argument in self.arguments]


def program(name, *arguments):
    return (os.path.join(PROGRAMS, name), *arguments)


def peer(script, way):
    return (NODE, os.path.join(INSTALLED, script), "{url}", way)


OUR_UNFINISHED = "SELECT count(*) FROM jobs WHERE state <> 'completed'"
OUR_FINISHED = "SELECT count(*) FROM jobs WHERE state = 'completed'"
CEILING_UNFINISHED = "SELECT count(*) FROM jobs WHERE state <> 2"
CEILING_FINISHED = "SELECT count(*) FROM jobs WHERE state = 2"
GRAPHILE_UNFINISHED = "SELECT count(*) FROM graphile_worker._private_jobs"
PGBOSS_UNFINISHED = (
    "SELECT count(*) FROM pgboss.job"
    " WHERE name IN ('bench', 'notified') AND state <> 'completed'"
)
PGBOSS_FINISHED = PGBOSS_UNFINISHED.replace("<>", "=")

POSTGRES = [
    Product("ours", OURS, program("jobs_ours", "{url}"), OUR_UNFINISHED, OUR_FINISHED),
    Product(
        "graphile-worker, batched",
        PEER,
        peer("graphile.mjs", "batched"),
        GRAPHILE_UNFINISHED,
        one_by_one=False,
        folder=INSTALLED,
    ),
    Product(
        "ceiling, 1 connection",
        CEILING,
        program("ceiling_pg", "{url}", "1"),
        CEILING_UNFINISHED,
        CEILING_FINISHED,
        latency=False,
    ),
    Product(
        "pg-boss, work",
        PEER,
        peer("pgboss.mjs", "work"),
        PGBOSS_UNFINISHED,
        PGBOSS_FINISHED,
        one_by_one=False,
        folder=INSTALLED,
    ),
    Product(
        "ceiling, 2 connections",
        CEILING,
        program("ceiling_pg", "{url}", "2"),
        CEILING_UNFINISHED,
        CEILING_FINISHED,
    ),
    Product(
        "graphile-worker, default",
        PEER,
        peer("graphile.mjs", "plain"),
        GRAPHILE_UNFINISHED,
        batched=False,
        folder=INSTALLED,
    ),
    Product(
        "pg-boss, fetch",
        PEER,
        peer("pgboss.mjs", "fetch"),
        PGBOSS_UNFINISHED,
        PGBOSS_FINISHED,
        latency=False,
        folder=INSTALLED,
    ),
]

SQLITE = [
    Product("ours", OURS, program("jobs_ours", "sqlite:{url}"), OUR_UNFINISHED, OUR_FINISHED),
    Product(
        "ceiling",
        CEILING,
        program("ceiling_sqlite", "{url}"),
        CEILING_UNFINISHED,
        CEILING_FINISHED,
    ),
]


def install_peers():
    """Installs the pinned versions under build/; returns why not, or None."""
    os.makedirs(INSTALLED, exist_ok=True)
    # The scripts go where the modules are: that is where they are looked for.
    shutil.copytree(PEERS, INSTALLED, dirs_exist_ok=True)
    lock = os.path.join(PEERS, "package-lock.json")
    stamp = os.path.join(INSTALLED, "installed.json")  # the lock file that was installed last
    if os.path.exists(stamp) and filecmp.cmp(lock, stamp, shallow=False):
        return None
    if not shutil.which("npm"):
        return "npm is not installed: apt-get install npm"
    done = subprocess.run(
        ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"],
        cwd=INSTALLED,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=INSTALL_S,
        check=False,
    )
    if done.returncode != 0:
        return f"npm could not install them: {done.stderr.strip()[-500:]}"
    shutil.copyfile(lock, stamp)
    return None
