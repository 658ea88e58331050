"""What is recorded about customers, as operators see it."""

import json
import time

from support.customers import SMALL, sign_up, wait_active
from support.engine import execute
from support.webhost import wait_until

HOUR = 3600


def serve(webhost):
    path = webhost.folder / "webhost.yaml"
    settings = {"jobs": {"poll_ms": 50}, "usage": {"collect_minutes": 60, "measure_minutes": 60}}
    path.write_text(json.dumps(settings))  # which is YAML too
    return webhost.serve("--sandbox", "--config", path)


def cli(webhost, server, *arguments, **options):
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token, "LC_ALL": "C"}
    env.update(options.pop("env", {}))
    return webhost.run(*arguments, env=env, **options)


def arrive(server, slug):
    customer_id = sign_up(server, slug, SMALL)["customer"]["id"]
    wait_active(server, slug)
    return customer_id


def record(webhost, customer_id, hours, **numbers):
    """`numbers` in each of the last hours but the current one."""
    now = int(time.time()) // HOUR
    names = ", ".join(numbers)
    marks = ", ".join("?" for _ in numbers)
    sql = (
        f"INSERT INTO usage_hours (customer_id, hour, events, changed_at, {names}) "
        f"VALUES (?, ?, 1, ?, {marks})"
    )
    stamp = int(time.time() * 1e6)
    rows = [
        (sql, (customer_id, now - 1 - i, stamp, *numbers.values())) for i in range(hours)
    ]
    execute(webhost.database(), rows)


def test_a_report_has_series_totals_and_findings(webhost):
    server = serve(webhost)
    customer_id = arrive(server, "acme")
    record(webhost, customer_id, 20, api_calls=10, api_errors=1, api_us=500000, calls_eu=10, l09=10)
    report = server.get("/api/customers/acme/usage?step=hour").body
    assert report["customer_id"] == customer_id
    assert report["totals"]["api_calls"] == 200
    assert report["totals"]["error_rate"] == 0.1
    assert report["totals"]["average_response_time_ms"] == 50
    assert report["totals"]["cpu_utilization"] is None
    assert report["regions"] == [{"region": "EU", "api_calls": 200, "share": 1.0}]
    assert sum(step["api_calls"] for step in report["series"]) == 200
    assert len(report["series"]) in (168, 169)
    assert report["forecast"]["outcome"] == "unknown"
    days = server.get("/api/customers/acme/usage?step=day").body
    assert days["totals"]["api_calls"] == 200
    assert len(days["series"]) == 8


def test_a_span_that_makes_no_sense_is_named(webhost):
    server = serve(webhost)
    arrive(server, "acme")
    for query, field in [
        ("from=yesterday", "from"),
        ("from=2020-01-02T00:00:00Z&to=2020-01-01T00:00:00Z", "from"),
        ("from=2020-01-01T00:00:00Z", "from"),
        ("from=2020-01-01T00:00:00Z&to=2020-03-01T00:00:00Z&step=hour", "step"),
        ("step=week", "step"),
    ]:
        reply = server.get(f"/api/customers/acme/usage?{query}")
        assert reply.status == 422
        assert [error["field"] for error in reply.body["errors"]] == [field]
    assert server.get("/api/customers/nobody/usage").status == 404


def test_metrics_are_recorded_ones_and_live_counts_until_then(webhost):
    server = serve(webhost)
    customer_id = arrive(server, "acme")
    path = "/api/admin/deployment/status/acme"
    metrics = server.get(path).body["usage_metrics"]
    assert metrics["vehicle_count"] == 0 and metrics["api_calls_today"] is None
    record(webhost, customer_id, 3, api_calls=4, collections=1, vehicles=6, gps_points=9)
    metrics = server.get(path).body["usage_metrics"]
    assert metrics["vehicle_count"] == 6
    assert metrics["gps_points_today"] == 27
    assert metrics["api_calls_today"] == 12
    evaluated = server.post("/api/admin/deployment/evaluate", {"customer_id": "acme"}).body
    assert evaluated["usage_metrics"] == server.get(path).body["usage_metrics"]


def run_now(webhost, worker):
    """What the cron enqueues, without waiting for its minute."""
    now = int(time.time() * 1e6)
    sql = (
        "INSERT INTO jobs (queue, worker, state, priority, args, attempt, max_attempts, snoozes, "
        "inserted_at, scheduled_at) VALUES ('maintenance', ?, 'available', 0, '{}', 0, 3, 0, ?, ?)"
    )
    execute(webhost.database(), [(sql, (worker, now, now))])

    def done():
        unfinished = f"SELECT 1 FROM jobs WHERE worker = '{worker}' AND state <> 'completed'"
        return not webhost.rows(unfinished)

    wait_until(done, f"{worker} has run")


def test_what_is_collected_is_measured_into_the_facts(webhost):
    server = serve(webhost)
    customer_id = arrive(server, "acme")
    run_now(webhost, "UsageCollectWorker")
    run_now(webhost, "UsageMeasureWorker")
    sql = f"SELECT vehicles, gps_points FROM customer_facts WHERE customer_id = '{customer_id}'"
    assert [list(map(int, row)) for row in map(list, webhost.rows(sql))] == [[0, 0]]
    run_now(webhost, "UsageRetentionWorker")


def cloud_event(number, kind, **data):
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "/app",
        "type": kind,
        "subject": "acme",
        "data": data,
    }


def a_minute_of_acme():
    calls = [
        cloud_event(n, "api_call", duration_ms=20 * (1 + n % 2), status=500 if n == 0 else 200,
                    region="EU" if n % 4 else "US", user=f"user-{n % 3}", bytes=100)
        for n in range(40)
    ]  # fmt: skip
    return calls + [
        cloud_event(40, "gps_points", vehicle="v1"),
        cloud_event(41, "gps_points", vehicle="v2", count=9),
        cloud_event(42, "storage", bytes=5_000_000),
        cloud_event(43, "resource_sample", cpu=0.5, memory=0.25, disk=0.1, database_connections=7),
        cloud_event(44, "session", duration_ms=60_000, user="user-1"),
        cloud_event(45, "vehicle", vehicle="v1", change="added"),
    ]


def test_what_is_sent_as_events_is_what_is_reported_and_decided_by(webhost):
    server = serve(webhost)
    arrive(server, "acme")
    sent = server.post("/api/usage/events", a_minute_of_acme())
    assert (sent.status, sent.body["accepted"]) == (200, 46), sent.text
    run_now(webhost, "UsageMeasureWorker")
    report = server.get("/api/customers/acme/usage?step=hour").body
    expected = {
        "events": 46, "api_calls": 40, "api_errors": 1, "error_rate": 0.025,
        "average_response_time_ms": 30, "bytes": 4000, "gps_points": 10,
        "real_time_operations": 1, "batch_operations": 1, "sessions": 1, "users": 3,
        "peak_concurrent_users": 3, "vehicles_added": 1, "storage_used_mb": 5,
        "cpu_utilization": 0.5, "memory_utilization": 0.25, "disk_utilization": 0.1,
        "database_connections": 7,
    }  # fmt: skip
    assert {key: report["totals"][key] for key in expected} == expected
    assert [(r["region"], r["share"]) for r in report["regions"]] == [("EU", 0.75), ("US", 0.25)]
    metrics = server.get("/api/admin/deployment/status/acme").body["usage_metrics"]
    assert metrics["api_calls_today"] == 40
    assert metrics["users_today"] == metrics["peak_concurrent_users"] == 3
    facts = "SELECT api_calls, gps_points, peak_users, response_us FROM customer_facts"
    assert [list(map(int, row)) for row in map(list, webhost.rows(facts))] == [[40, 10, 3, 30000]]


def test_the_command_prints_totals_and_charts_in_the_width_it_has(webhost):
    server = serve(webhost)
    customer_id = arrive(server, "acme")
    arrive(server, "quiet")
    record(webhost, customer_id, 30, api_calls=10, gps_points=5, calls_us=10)
    shown = cli(webhost, server, "usage", "acme").stdout
    assert "API calls    300" in shown
    assert "US 100%" in shown
    assert "API calls by hour" in shown and "GPS points by hour" in shown
    assert "#" in shown and shown.isascii()
    assert max(map(len, shown.splitlines())) <= 80
    blocks = cli(webhost, server, "usage", "acme", env={"LC_ALL": "C.UTF-8"}).stdout
    assert "█" in blocks
    assert max(map(len, blocks.splitlines())) <= 80
    recent = cli(webhost, server, "usage", "acme", "--since", "5h").stdout
    assert "API calls    50" in recent
    data = json.loads(cli(webhost, server, "usage", "acme", "--step", "day", "-o", "json").stdout)
    assert data["step"] == "day" and data["totals"]["gps_points"] == 150
    assert "nothing is recorded" in cli(webhost, server, "usage", "quiet").stdout
