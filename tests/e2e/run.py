#!/usr/bin/env python3
"""
Starts what the browser tests look at and runs them. usage: /usr/bin/python3 run.py [WORDS...]

WEBHOST_BIN names the program, E2E_BUILD the folder that the packages are installed into. What
dashboard.mjs prints is TAP and goes to standard output.
"""

import fcntl
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

sys.dont_write_bytecode = True
HERE = pathlib.Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from support.customers import sign_up, wait_active  # noqa: E402
from support.growth import grow  # noqa: E402
from support.webhost import WebHost, wait_until  # noqa: E402

CUSTOMERS = 9  # of the demonstration
SETTINGS = """\
jobs:
  poll_ms: 50
tracker:
  repeats: 1
  moves_at_once: 10
"""


def install():
    """The packages, installed once in the versions that are locked; returns where."""
    folder = pathlib.Path(os.environ["E2E_BUILD"])
    folder.mkdir(parents=True, exist_ok=True)
    lock = (HERE / "package-lock.json").read_text()
    installed = folder / "installed.json"
    with open(folder / "lock", "w", encoding="utf-8") as guard:
        fcntl.flock(guard, fcntl.LOCK_EX)
        if installed.exists() and installed.read_text() == lock:
            return folder
        assert shutil.which("npm"), "npm is missing; ./dev test installs it"
        for name in ("package.json", "package-lock.json"):
            shutil.copy(HERE / name, folder / name)
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts"],
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout + done.stderr
        installed.write_text(lock)
    return folder


def pending(server):
    return server.get("/api/proposals?state=pending").body["proposals"]


def make_proposals(webhost, server, *slugs):
    """These have grown, as if it had been measured; a sweep proposes to move them."""
    grow(webhost, *(server.get(f"/api/customers/{slug}").body["id"] for slug in slugs))
    server.post("/api/admin/sweep")

    def all_proposed():
        return {p["customer_slug"] for p in pending(server)} >= set(slugs)

    wait_until(all_proposed, "the proposals do not come")


def have_one_leave(server, slug):
    """A customer that comes, and cancels for its price."""
    sign_up(server, slug)
    wait_active(server, slug)
    reply = server.post(f"/api/customers/{slug}/offboard", {"reason": "price"})
    assert reply.status == 202, reply.text


def prepare(webhost):
    config = webhost.folder / "webhost.yaml"
    config.write_text(SETTINGS)
    server = webhost.serve("--demo", "--config", config)

    def all_there():
        customers = server.get("/api/overview").body["places"]
        return sum(p["count"] for p in customers if p["status"] == "active") == CUSTOMERS

    wait_until(all_there, "the demonstration's customers are not all there")
    wait_until(lambda: pending(server), "the demonstration's proposal does not come")
    make_proposals(webhost, server, "corner-bakery", "pine-plumbing", "merlion-tours")
    have_one_leave(server, "passing-trade")
    viewer = server.post("/api/tokens", {"name": "looker", "role": "viewer"}).body["token"]
    return server, viewer


def main():
    folder = install()
    with tempfile.TemporaryDirectory(prefix="webhost-test-") as scratch:
        webhost = WebHost(pathlib.Path(scratch))
        try:
            server, viewer = prepare(webhost)
            env = {
                **os.environ,
                "E2E_PACKAGES": str(folder / "node_modules"),
                "E2E_SCRATCH": scratch,
                "WEBHOST_URL": server.url,
                "WEBHOST_TOKEN": server.token,
                "WEBHOST_VIEWER_TOKEN": viewer,
            }
            program = ["node", str(HERE / "dashboard.mjs"), *sys.argv[1:]]
            command = ["setpriv", "--pdeathsig", "KILL", *program]
            return subprocess.run(command, env=env, check=False).returncode
        finally:
            webhost.close()


if __name__ == "__main__":
    sys.exit(main())
