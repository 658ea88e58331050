"""
Stoplight's Prism as a proxy that knows the published shapes of an API: what does not fit, in a
request or in its reply, is answered with an error of Prism's own and written to its output.
"""

import fcntl
import os
import pathlib
import re
import shutil
import subprocess

from support.webhost import Process, request

HERE = pathlib.Path(__file__).parent
SPECS = HERE / "specs"
START = 120  # seconds that a busy machine may need to start Node.js with both descriptions


def install():
    """The folder of the judges, installed into it once with the versions that are locked."""
    folder = pathlib.Path(os.environ["CONTRACT_BUILD"])
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


class Prism:
    def __init__(self, webhost, spec, upstream):
        self.marks = 0
        self.url = None  # the system chooses the port; wait() reads it
        program = install() / "node_modules/.bin/prism"
        arguments = ["proxy", "--errors", "--port", "0", "--host", "127.0.0.1"]
        self.process = Process(
            [program, *arguments, spec, upstream], {"NODE_OPTIONS": "--no-warnings"}
        )
        webhost.at_close(self.process.kill)

    def wait(self):
        found = self.process.line(r"Prism is listening on (http://127\.0\.0\.1:\d+)", START)
        self.url = found.group(1)

    def violations(self):
        """
        What it has found so far, one line each. Its output comes later than its replies: a path
        that it does not know, asked for last, ends what there is to read.
        """
        self.marks += 1
        mark = f"/v1/end-{self.marks}"
        request("GET", self.url + mark)
        self.process.line(re.escape(mark) + r"\b.*NO_PATH_MATCHED", START)
        said = re.sub(r"\x1b\[[0-9;]*m", "", self.process.out)
        return [
            line
            for line in said.split("\n")
            if re.search("violation|prism/errors", line, re.I) and "/v1/end-" not in line
        ]
