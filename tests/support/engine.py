"""
The database engine of webhost's own records in this run of a test file, and what tests read there.

Meson runs each integration test on SQLite, and with a PostgreSQL server of its own (pgcluster.py),
which WEBHOST_TEST_PG_URL names. A test reads a database by its URL, whichever engine has it.
"""

import itertools
import json
import os
import sqlite3
import subprocess
from urllib.parse import urlsplit

import pytest

from support import pgcluster

DEADLINE = 60

SERVER_URL = os.environ.get("WEBHOST_TEST_PG_URL")
ON_POSTGRES = bool(SERVER_URL)

_numbers = itertools.count(1)


def sqlite_only(reason):
    """Marks a test that is about SQLite alone."""
    return pytest.mark.skipif(ON_POSTGRES, reason=reason)


def _client(program, url, *options):
    command = [os.path.join(pgcluster.find_programs(), program), "-d", url, *options]
    done = subprocess.run(command, capture_output=True, text=True, timeout=DEADLINE)
    assert done.returncode == 0, f"{program} {options}: {done.stderr}"
    return done.stdout


def psql(url, sql):
    return _client("psql", url, "-XAtq", "-c", sql)


def create_database(server_url=SERVER_URL):
    """A new database on a PostgreSQL server; returns its URL."""
    name = f"test_{os.getpid()}_{next(_numbers)}"
    psql(server_url, f"CREATE DATABASE {name}")
    return urlsplit(server_url)._replace(path=f"/{name}").geturl()


def drop_database(url):
    name = urlsplit(url).path.removeprefix("/")
    psql(urlsplit(url)._replace(path="/postgres").geturl(), f"DROP DATABASE {name} WITH (FORCE)")


def rows(url, sql):
    """All rows as tuples, from a database that a program may be using."""
    if not url.startswith("sqlite:"):
        text = psql(url, f"SELECT coalesce(json_agg(q), '[]') FROM ({sql}) q")
        return [tuple(row.values()) for row in json.loads(text)]
    path = url.removeprefix("sqlite:")
    database = sqlite3.connect(f"file:{path}?mode=ro", uri=True, timeout=DEADLINE)
    try:
        return database.execute(sql).fetchall()
    finally:
        database.close()


def execute(url, statements):
    """[(sql with ?, values)] in one transaction."""
    if url.startswith("sqlite:"):
        database = sqlite3.connect(url.removeprefix("sqlite:"), timeout=DEADLINE)
        with database:
            for sql, values in statements:
                database.execute(sql, values)
        database.close()
        return

    def literal(value):
        return str(value) if isinstance(value, int) else "'" + value.replace("'", "''") + "'"

    script = ""
    for sql, values in statements:
        parts = sql.split("?")
        bound = "".join(literal(v) + part for v, part in zip(values, parts[1:]))
        script += f"{parts[0]}{bound};\n"
    command = [os.path.join(pgcluster.find_programs(), "psql"), "-Xq1", "-v", "ON_ERROR_STOP=1",
               "-d", url]  # fmt: skip
    subprocess.run(command, input=script, check=True, capture_output=True, text=True)


def tables(url):
    if url.startswith("sqlite:"):
        sql = "SELECT name FROM sqlite_schema WHERE type = 'table'"
    else:
        sql = "SELECT tablename FROM pg_tables WHERE schemaname = 'public'"
    return {name for (name,) in rows(url, sql)}


def count_rows(url):
    """{table: rows} of every table."""
    counts = " UNION ALL ".join(
        f"""SELECT '{name}', (SELECT COUNT(*) FROM "{name}") AS rows""" for name in tables(url)
    )
    return dict(rows(url, counts))


def dump(url):
    """Everything in a PostgreSQL database as text."""
    return _client("pg_dump", url)
