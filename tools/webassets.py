#!/usr/bin/env python3
"""Writes the dashboard's files into a C source as a table of `struct asset` (src/app/web/assets.h).

    webassets.py OUTPUT.c OUTPUT.d FOLDER [NAME=FILE...]

Every file below FOLDER is taken, and FILEs from elsewhere under their NAMEs. Each is there as it is
and gzipped; the same files give the same bytes everywhere. index.html is the page: in it @ASSETS@
becomes the folder that all other files are served from, which has the hash of all of them in its
name, and @MODULES@ the tags that load every script before it is asked for.
"""

import gzip
import hashlib
import pathlib
import sys

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
PAGE = "index.html"


def collect(folder, others):
    """{name: bytes} in the order of names."""
    found = {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*")
        if path.suffix in TYPES
    }
    for other in others:
        name, _, path = other.partition("=")
        found[name] = module(name, pathlib.Path(path))
    return dict(sorted(found.items()))


def module(name, path):
    """A library made for <script> defines a variable of its file's name: it is what is imported."""
    data = path.read_bytes()
    if path.name.endswith(".iife.min.js"):
        variable = path.name.partition(".")[0]
        data += f"\nexport default {variable};\n".encode()
    return data


def note_inputs(output, depfile, folder, others):
    """For Ninja: every file, and every folder, whose time changes when a file comes or goes."""
    root = pathlib.Path(folder)
    inputs = [root, *root.rglob("*"), *(other.partition("=")[2] for other in others)]
    pathlib.Path(depfile).write_text(f"{output}: {' '.join(map(str, inputs))}\n", encoding="utf-8")


def page(template, version, names):
    scripts = [name for name in names if name.endswith(".js")]
    tags = "\n".join(f'<link rel="modulepreload" href="@ASSETS@/{name}">' for name in scripts)
    text = template.decode().replace("@MODULES@", tags)
    return text.replace("@ASSETS@", f"/assets/{version}").encode()


def literal(data):
    """The bytes as adjacent string literals."""
    lines = []
    for start in range(0, len(data), 64):
        text = "".join(f"\\{b:03o}" for b in data[start : start + 64])
        lines.append(f'     "{text}"')
    return "\n".join(lines) or '     ""'


def entry(name, data):
    kind = TYPES[pathlib.PurePath(name).suffix]
    packed = gzip.compress(data, 9, mtime=0)
    tag = hashlib.sha256(data).hexdigest()[:32]
    return [
        f'    {{"{name}", "{kind}", "\\"{tag}\\"", "\\"{tag}-gzip\\"",',
        f"     {{\n{literal(data)},",
        f"     {len(data)}}},",
        f"     {{\n{literal(packed)},",
        f"     {len(packed)}}}}},",
    ]


def main():
    output, depfile, folder, *others = sys.argv[1:]
    files = collect(pathlib.Path(folder), others)
    note_inputs(output, depfile, folder, others)
    whole = hashlib.sha256()
    for name, data in files.items():
        whole.update(f"{name} {len(data)}\n".encode() + data)
    version = whole.hexdigest()[:16]
    files[PAGE] = page(files[PAGE], version, files)
    out = ['#include "app/web/assets.h"', "", f'const char assets_version[] = "{version}";', ""]
    out += ["const struct asset assets[] = {"]
    for name, data in files.items():
        out += entry(name, data)
    out += ["    {0},", "};", ""]
    pathlib.Path(output).write_text("\n".join(out), encoding="utf-8")


if __name__ == "__main__":
    main()
