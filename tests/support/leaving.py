"""Customers who leave, and the exports that they take along, as the integration tests see them."""

import contextlib
import hashlib
import io
import json
import sqlite3
import tarfile
import urllib.request

from support.webhost import DEADLINE, wait_until

# (name, columns in the export's order, key), as src/domain/provisioning/schema has them.
TABLES = {
    "tenants": ["customer_id", "slug", "name", "created_at"],
    "vehicles": ["customer_id", "id", "name", "created_at"],
    "gps_points": ["customer_id", "id", "vehicle_id", "at", "latitude", "longitude", "speed"],
}

# Names that a careless writer of JSON or of a query would stumble over.
ODD = ['a "quoted" name', "back\\slash", "tab\tand\nnewline", "Ünïcödé 車", "'; DROP TABLE x;"]


def fill_statements(customer_id, vehicles, points):
    """[(sql with ?, values)] that give the tenant rows, also odd ones."""
    out = []
    for v in range(vehicles):
        values = (customer_id, f"v{v:05}", ODD[v % len(ODD)], v * 1000)
        out.append(("INSERT INTO vehicles VALUES (?, ?, ?, ?)", values))
        for p in range(points):
            values = (customer_id, f"v{v:05}-{p:05}", f"v{v:05}", p, -900000000 + p, 2**53 + p, -p)
            out.append(("INSERT INTO gps_points VALUES (?, ?, ?, ?, ?, ?, ?)", values))
    return out


@contextlib.contextmanager
def opened(path):
    database = sqlite3.connect(path, timeout=DEADLINE)
    try:
        yield database
    finally:
        database.close()


def fill(path, customer_id, vehicles=3, points=50):
    with opened(path) as database, database:
        for sql, values in fill_statements(customer_id, vehicles, points):
            database.execute(sql, values)


def rows_of(path, customer_id):
    """{table: [row as a dict]} of one tenant, from a SQLite file."""
    with opened(path) as database:
        return {
            table: [
                dict(zip(columns, row))
                for row in database.execute(
                    f"SELECT {', '.join(columns)} FROM {table} WHERE customer_id = ?"
                    f" ORDER BY {'customer_id' if table == 'tenants' else 'id'}",
                    (customer_id,),
                )
            ]
            for table, columns in TABLES.items()
        }


def place_of(cloud, customer):
    """The file with the customer's rows."""
    deployment = customer["deployment"]
    if deployment["app"]:
        return cloud.webhost.folder / "fly" / f"{deployment['app']}.db"
    return cloud.webhost.folder / "hetzner" / f"{deployment['host']['name']}.db"


def fetch(server, customer):
    """The bytes of the export; the server must have one."""
    message = urllib.request.Request(
        f"{server.url}/api/customers/{customer}/export",
        headers={"Authorization": f"Bearer {server.token}"},
    )
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(message, timeout=DEADLINE) as answer:
        assert answer.headers["Content-Type"] == "application/gzip"
        return answer.read()


def read_export(content):
    """{table: [row]} of an export, after its manifest was checked against the files."""
    with tarfile.open(fileobj=io.BytesIO(content), mode="r:gz") as archive:
        files = {m.name: archive.extractfile(m).read() for m in archive.getmembers()}
        assert all(m.mode == 0o600 and m.isreg() for m in archive.getmembers())
    manifest = json.loads(files.pop("manifest.json"))
    assert sorted(files) == sorted(t["file"] for t in manifest["tables"])
    tables = {}
    for table in manifest["tables"]:
        text = files[table["file"]]
        rows = [json.loads(line) for line in text.decode().splitlines()]
        assert len(text) == table["bytes"] and len(rows) == table["rows"]
        assert hashlib.sha256(text).hexdigest() == table["sha256"]
        assert all(list(row) == table["columns"] for row in rows)
        tables[table["name"]] = rows
    return manifest, tables


def offboarding_of(server, customer):
    answer = server.get(f"/api/customers/{customer}")
    assert answer.status == 200, answer.text
    return answer.body["offboarding"]


def offboard(server, customer, **wish):
    answer = server.post(f"/api/customers/{customer}/offboard", wish)
    assert answer.status == 202, answer.text
    return answer.body


def wait_offboarding(server, customer_id, state):
    def reached():
        found = offboarding_of(server, customer_id)
        return found if found["state"] == state else None

    return wait_until(reached, f"{customer_id} is not {state}")
