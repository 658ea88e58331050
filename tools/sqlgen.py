#!/usr/bin/env python3
"""Turns SQL files into C headers for infra/db.

    sqlgen.py NAME.sql -o NAME.sql.h                  named queries
    sqlgen.py --migrations ARRAY FILE... -o schema.h  numbered schema files (0001-name.sql)

A query is a line `-- name: customer_by_slug`, then SQL up to `;`. Parameters are $1, $2, ...

One text serves both engines. What only one of them understands stands in a marked comment:
`/*pg FOR UPDATE SKIP LOCKED */` is text for PostgreSQL and nothing for SQLite, `/*sqlite ... */`
is the reverse. All other comments stay out of the generated text. In a schema file TEXT, in capital
letters, becomes TEXT COLLATE "C" for PostgreSQL, so that both engines sort alike.

A mistake is reported as `file:line: message`, and the exit status is 1.
"""

import argparse
import os
import re
import sys

ENGINES = {"sqlite": "DB_SQLITE", "pg": "DB_POSTGRES"}

TOKEN = re.compile(
    r"""
    (?P<quoted> '(?:[^']|'')*' | "(?:[^"]|"")*" | \$(?P<tag>[A-Za-z_]*)\$.*?\$(?P=tag)\$ )
  | (?P<line_comment> --[^\n]* )
  | (?P<block_comment> /\*.*?\*/ )
  | (?P<param> \$[0-9]+ )
  | (?P<end> ; )
  | (?P<open> ' | " | /\* )
  | (?P<text> [^'"$/;\n-]+ | . )
    """,
    re.VERBOSE | re.DOTALL,
)
MARKED = re.compile(r"/\*(pg|sqlite)\b(.*)\*/", re.DOTALL)
NAME_LINE = re.compile(r"--\s*name:\s*(.*?)\s*$")
IDENTIFIER = re.compile(r"[a-z][a-z0-9_]*")
MIGRATION_FILE = re.compile(r"([0-9]{4})-[a-z0-9-]+\.sql")


class Mistake(Exception):
    def __init__(self, path, line, message):
        super().__init__(f"{path}:{line}: {message}")


class Token:
    def __init__(self, kind, text, line):
        self.kind, self.text, self.line = kind, text, line


def tokenize(path, source, line=1):
    """Yields tokens; one of plain text never spans lines."""
    for match in TOKEN.finditer(source):
        kind, text = match.lastgroup, match.group()
        if kind == "tag":
            kind = "quoted"
        if kind == "open":
            raise Mistake(path, line, f"{text} is opened here and never closed")
        yield Token(kind, text, line)
        line += text.count("\n")


class Statement:
    """Tokens of one SQL text, rendered for each engine."""

    def __init__(self, path, is_schema=False):
        self.path, self.is_schema = path, is_schema
        self.parts = {engine: [] for engine in ENGINES}
        self.params = {engine: set() for engine in ENGINES}
        self.verbatim = False  # a quoted text spans lines: blank lines in it are data

    def add(self, token, engines=tuple(ENGINES)):
        if token.kind == "line_comment":
            return
        if token.kind == "block_comment":
            self._add_comment(token, engines)
            return
        if token.kind == "quoted" and "\n" in token.text:
            self.verbatim = True
        for engine in engines:
            self.parts[engine].append(self._render(token, engine))

    def _add_comment(self, token, engines):
        marked = MARKED.fullmatch(token.text)
        if not marked:
            for engine in engines:
                self.parts[engine].append(" ")
            return
        for inner in tokenize(self.path, marked.group(2), token.line):
            if inner.kind == "end":
                inner.kind = "text"
            self.add(inner, (marked.group(1),))

    def _render(self, token, engine):
        # SQLite compares texts byte by byte; PostgreSQL by the rules of a language, unless told.
        if self.is_schema and engine == "pg" and token.kind == "text":
            return re.sub(r"\bTEXT\b", 'TEXT COLLATE "C"', token.text)
        if token.kind != "param":
            return token.text
        number = int(token.text[1:])
        self.params[engine].add(number)
        # SQLite numbers "$1" by where it first appears, "?1" by its digits.
        return f"?{number}" if engine == "sqlite" else token.text

    def text(self, engine):
        text = "".join(self.parts[engine])
        if self.verbatim:
            return text.strip()
        lines = (line.rstrip() for line in text.split("\n"))
        return "\n".join(line for line in lines if line).strip()

    def is_empty(self):
        return not any(self.text(engine) for engine in ENGINES)


def checked_params(path, line, name, statement):
    """The number of parameters; both engines must use $1..$n, all of them."""
    for engine, used in statement.params.items():
        for number in range(1, max(used, default=0) + 1):
            if number not in used:
                raise Mistake(path, line, f"{name} uses ${max(used)} but not ${number} ({engine})")
        if 0 in used:
            raise Mistake(path, line, f"{name} uses $0; parameters start at $1")
    counts = {len(used) for used in statement.params.values()}
    if len(counts) > 1:
        raise Mistake(path, line, f"{name} must use the same parameters on both engines")
    return counts.pop()


class Query:
    def __init__(self, name, line, statement, params):
        self.name, self.line, self.statement, self.params = name, line, statement, params


class QueryParser:
    def __init__(self, path):
        self.path = path
        self.queries = {}
        self.name, self.name_line = None, 0
        self.statement = Statement(path)

    def parse(self, source):
        line = 1
        for token in tokenize(self.path, source):
            line = token.line
            named = token.kind == "line_comment" and NAME_LINE.fullmatch(token.text)
            if named:
                self._open(named.group(1), line)
            elif token.kind == "end":
                self._close(line)
            else:
                self.statement.add(token)
                if not self.name and not self.statement.is_empty():
                    raise Mistake(self.path, line, "SQL without a `-- name: ...` line before it")
        self._check_closed()
        return list(self.queries.values())

    def _check_closed(self):
        if self.name:
            raise Mistake(self.path, self.name_line, f"{self.name} does not end with ;")

    def _open(self, name, line):
        self._check_closed()
        if not IDENTIFIER.fullmatch(name):
            raise Mistake(self.path, line, f"'{name}' is not a name (a-z, 0-9, _)")
        if name in self.queries:
            first = self.queries[name].line
            raise Mistake(self.path, line, f"{name} is defined twice (first on line {first})")
        self.name, self.name_line = name, line
        self.statement = Statement(self.path)

    def _close(self, line):
        if not self.name:
            raise Mistake(self.path, line, "; without a `-- name: ...` line before it")
        for engine in ENGINES:
            if not self.statement.text(engine):
                raise Mistake(self.path, line, f"{self.name} has no text for {engine}")
        params = checked_params(self.path, self.name_line, self.name, self.statement)
        self.queries[self.name] = Query(self.name, self.name_line, self.statement, params)
        self.name = None
        self.statement = Statement(self.path)


def c_string(text, indent):
    """C literals, one per line of the text."""
    lines = text.split("\n")
    out = []
    for i, line in enumerate(lines):
        escaped = line.replace("\\", "\\\\").replace('"', '\\"').replace("\t", "\\t")
        end = "\\n" if i + 1 < len(lines) else ""
        out.append(f'{indent}"{escaped}{end}"')
    return "\n".join(out)


def c_texts(statement, indent):
    texts = []
    for engine, constant in ENGINES.items():
        texts.append(f"{indent}[{constant}] =\n{c_string(statement.text(engine), indent + '    ')}")
    return ",\n".join(texts)


def header(sources, guard_name, body):
    guard = "WEBHOST_GENERATED_" + re.sub(r"[^A-Za-z0-9]", "_", guard_name).upper()
    names = " ".join(os.path.basename(source) for source in sources)
    return (
        f"/* generated from {names} */\n"
        f"#ifndef {guard}\n#define {guard}\n\n"
        f'#include "infra/db/db.h"\n\n{body}\n#endif\n'
    )


def queries_header(path):
    with open(path, encoding="utf-8") as file:
        queries = QueryParser(path).parse(file.read())
    if not queries:
        raise Mistake(path, 1, "no queries")
    base = os.path.basename(path).removesuffix(".sql").replace("-", "_")
    body = ""
    for query in queries:
        body += (
            f"static const struct db_query {query.name} __attribute__((unused)) = {{\n"
            f'    "{query.name}",\n    {{\n{c_texts(query.statement, "        ")},\n    }},\n'
            f"    {query.params},\n}};\n\n"
        )
    body += (
        f"static const struct db_query *const {base}_queries[] __attribute__((unused)) = {{\n"
        + "".join(f"    &{query.name},\n" for query in queries)
        + "    NULL,\n};\n"
    )
    return header([path], base + "_queries", body)


def migrations_header(array, paths):
    if not IDENTIFIER.fullmatch(array):
        raise Mistake(paths[0], 1, f"'{array}' is not a name for the array (a-z, 0-9, _)")
    body = f"static const struct db_migration {array}[] __attribute__((unused)) = {{\n"
    last = 0
    for path in paths:
        name = os.path.basename(path)
        match = MIGRATION_FILE.fullmatch(name)
        if not match:
            raise Mistake(path, 1, "a schema file is named 0001-what-it-does.sql")
        if int(match.group(1)) <= last:
            raise Mistake(path, 1, f"expected a schema file after {last:04} in this place")
        last = int(match.group(1))
        statement = Statement(path, is_schema=True)
        with open(path, encoding="utf-8") as file:
            for token in tokenize(path, file.read()):
                if token.kind == "param":
                    raise Mistake(path, token.line, "a schema file has no parameters")
                statement.add(token)
        if statement.is_empty():
            raise Mistake(path, 1, "nothing in it")
        body += (
            f'    {{\n        "{name.removesuffix(".sql")}",\n        {{\n'
            f'{c_texts(statement, "            ")},\n        }},\n    }},\n'
        )
    body += f"}};\n\nenum {{ {array}_count = {len(paths)} }};\n"
    return header(paths, array, body)


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--migrations", metavar="ARRAY")
    parser.add_argument("-o", "--output", required=True)
    parser.add_argument("files", nargs="+")
    options = parser.parse_args()
    if not options.migrations and len(options.files) > 1:
        parser.error("one file of queries makes one header")
    try:
        if options.migrations:
            text = migrations_header(options.migrations, options.files)
        else:
            text = queries_header(options.files[0])
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    with open(options.output, "w", encoding="utf-8") as file:
        file.write(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
