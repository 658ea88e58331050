"""Running this project's tools on a tree made in the test."""

import subprocess
import sys
from pathlib import Path

TOOLS = Path(__file__).resolve().parent.parent.parent / "tools"


def write_tree(root, files):
    """files maps a path to its text."""
    for path, text in files.items():
        file = root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)


def run_tool(name, *arguments):
    return subprocess.run(
        [sys.executable, TOOLS / name, *arguments], capture_output=True, text=True, timeout=60
    )


def problems(name, root, files):
    """The tool's lines about the tree, and its exit status; the count at the end left out."""
    write_tree(root, files)
    done = run_tool(name, root)
    assert done.stderr == ""
    return done.stdout.splitlines()[:-1], done.returncode
