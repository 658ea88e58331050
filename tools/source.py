"""What the checks share: finding the project's files and reading C without its comments."""

import os
import re

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))

# Made by others or by the build; their style is their own.
SKIPPED = {"build", "node_modules", "vendor", "third_party", "fixtures", "__pycache__"}

_TOKEN = re.compile(
    r"""//(?:\\\n|[^\n])*|/\*.*?(?:\*/|\Z)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n])*'""", re.DOTALL
)


def files(root, *folders):
    """Paths relative to root, sorted; hidden folders and those of SKIPPED left out."""
    found = []
    for folder in folders:
        for path, folders_below, names in os.walk(os.path.join(root, folder)):
            folders_below[:] = [
                name for name in folders_below if name not in SKIPPED and not name.startswith(".")
            ]
            found += [os.path.relpath(os.path.join(path, name), root) for name in names]
    return sorted(found)


def read(root, path):
    with open(os.path.join(root, path), encoding="utf-8", errors="replace") as file:
        return file.read()


def without_comments(text, keep_strings=True):
    """The same text, lines kept, with comments (and strings, when asked) blanked out."""

    def blank(match):
        token = match.group(0)
        if keep_strings and token[0] in "\"'":
            return token
        return re.sub(r"[^\n]", " ", token)

    return _TOKEN.sub(blank, text)


def report(name, checked, problems):
    """Prints the problems and the count; returns the exit status."""
    for path, line, message in problems:
        print(f"{path}:{line}: {message}")
    print(f"{name}: {checked} files, {len(problems)} problems")
    return 1 if problems else 0
