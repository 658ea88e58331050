"""What is there for Prometheus and Grafana, judged by promtool: rules, tests, a real scrape."""

import json
import re
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
RULES = ROOT / "deploy" / "prometheus"
DASHBOARDS = sorted((ROOT / "deploy" / "grafana").glob("*.json"))
PROMTOOL = ROOT / "build" / "packages" / "prometheus" / "usr" / "bin" / "promtool"
DEADLINE = 60

OUR_METRIC = re.compile(r"\b(?:webhost|process)_[a-z0-9_]+\b")
OUR_RECORD = re.compile(r"\bwebhost:[a-z0-9_:]+\b")
SUFFIXES = re.compile(r"_(?:bucket|sum|count)$")


def promtool(*arguments, text=None):
    done = subprocess.run(
        [PROMTOOL, *arguments], input=text, capture_output=True, text=True, timeout=DEADLINE,
        cwd=RULES,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout + done.stderr


def expressions():
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text())["panels"]:
            for target in panel["targets"]:
                yield path.name, target["expr"]


def scrape(webhost):
    server = webhost.serve("--sandbox")
    signup = {
        "name": "Acme", "slug": "acme", "email": "ops@acme.example", "plan_slug": "hobby",
    }  # fmt: skip
    assert server.post("/api/signup", signup).status == 201
    return server.get("/metrics").text


def names_of(text):
    """The metrics of a scrape, and those of them that may have no samples in a new installation."""
    return set(re.findall(r"^# TYPE (\S+)", text, re.MULTILINE))


def test_the_rules_are_right_and_alert_when_they_should():
    assert "SUCCESS" in promtool("check", "rules", "webhost.rules.yaml")
    assert "SUCCESS" in promtool("test", "rules", "webhost.test.yaml")


def test_every_alert_has_a_test_of_its_own():
    alerts = re.findall(r"alert: (\w+)", (RULES / "webhost.rules.yaml").read_text())
    tests = (RULES / "webhost.test.yaml").read_text()
    assert [a for a in alerts if not re.search(rf"- alertname: {a}\n", tests)] == []


def test_what_is_scraped_has_the_right_form_and_bounded_labels(webhost):
    text = scrape(webhost)
    assert promtool("check", "metrics", text=text) == ""
    labels = set(re.findall(r'[{,]([a-z_]+)="', text))
    assert not labels & {"customer", "customer_id", "slug", "host", "path", "token"}


def test_rules_and_dashboards_use_metrics_that_exist(webhost):
    there = names_of(scrape(webhost)) | {"webhost_sweep_finished_timestamp_seconds",
                                         "webhost_sweep_duration_seconds",
                                         "webhost_sweep_customers"}  # fmt: skip
    rules = (RULES / "webhost.rules.yaml").read_text()
    records = set(re.findall(r"record: (\S+)", rules))
    for source, text in [("rules", rules), *expressions()]:
        used = {SUFFIXES.sub("", name) for name in OUR_METRIC.findall(text)}
        assert used <= there, source
        assert set(OUR_RECORD.findall(text)) <= records, source


def test_every_metric_is_in_the_documentation_and_nothing_else(webhost):
    page = (ROOT / "docs" / "metrics.md").read_text()
    documented = set(re.findall(r"^\| `(\w+)`", page, re.MULTILINE))
    swept = {name for name in documented if name.startswith("webhost_sweep_")}
    assert documented - swept == names_of(scrape(webhost))
    alerts = re.findall(r"alert: (\w+)", (RULES / "webhost.rules.yaml").read_text())
    assert re.findall(r"^\| (WebHost\w+)", page, re.MULTILINE) == alerts


@pytest.mark.parametrize("path", DASHBOARDS, ids=lambda path: path.stem)
def test_a_dashboard_asks_prometheus_what_it_understands(path, tmp_path):
    board = json.loads(path.read_text())
    assert board["uid"] and board["title"] and board["description"]
    ids = [panel["id"] for panel in board["panels"]]
    assert len(set(ids)) == len(ids)
    rules = [
        {"record": f"panel:{panel['id']}:{target['refId']}", "expr": target["expr"]}
        for panel in board["panels"]
        for target in panel["targets"]
    ]
    file = tmp_path / "panels.yaml"
    file.write_text(json.dumps({"groups": [{"name": path.stem, "rules": rules}]}))
    assert f"{len(rules)} rules found" in promtool("check", "rules", str(file))
