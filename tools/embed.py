#!/usr/bin/env python3
"""Writes files into a C source as a table of `struct embedded_file` (src/base/embedded.h).

    embed.py OUTPUT.c TABLE NAME=FILE...
"""

import pathlib
import sys


def literal(data: bytes) -> str:
    """The bytes as adjacent string literals, one for each line of the file."""
    lines = []
    for line in data.splitlines(keepends=True):
        text = "".join(
            chr(b) if 0x20 <= b < 0x7F and chr(b) not in '"\\?' else f"\\{b:03o}" for b in line
        )
        lines.append(f'     "{text}"')
    return "\n".join(lines) or '     ""'


def main() -> None:
    output, table, *pairs = sys.argv[1:]
    out = ['#include "base/embedded.h"', "", f"const struct embedded_file {table}[] = {{"]
    for pair in pairs:
        name, _, path = pair.partition("=")
        data = pathlib.Path(path).read_bytes()
        out += [f'    {{"{name}",', literal(data) + ",", f"     {len(data)}}},"]
    out += ["    {0},", "};", ""]
    pathlib.Path(output).write_text("\n".join(out))


if __name__ == "__main__":
    main()
