"""
The audit record of a real server: killed while it seals, verified by the program, by an export, and
by a dozen lines that are not the program's.
"""

import hashlib
import json

from support import engine
from support.customers import SMALL, sign_up
from support.webhost import wait_until

ENTRIES = 20000
ID = "01900000-0000-7000-8000-"


def env_of(server):
    return {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token}


def add_unsealed(url, first, count):
    """Entries as many deeds would have left them, committed and without a place in the chain."""
    engine.execute(
        url,
        [
            (
                "INSERT INTO audit (id, at, actor, action, subject) VALUES (?, ?, ?, ?, ?)",
                (f"{ID}{i:012}", 1790000000000000 + i, "system", "test.done", "s"),
            )
            for i in range(first, first + count)
        ],
    )


def sealed(url):
    return engine.rows(url, "SELECT count(*) AS n FROM audit WHERE seq IS NOT NULL")[0][0]


def check_by_hand(lines):
    """docs/audit.md, "The chain"."""
    before = None
    for line in lines:
        entry = json.loads(line)
        sha256, previous = entry.pop("hash"), entry.pop("previous")
        text = json.dumps(entry, sort_keys=True, separators=(",", ":"), ensure_ascii=False)
        assert before in (None, previous), entry["seq"]
        assert hashlib.sha256((previous + "\n" + text).encode()).hexdigest() == sha256, entry["seq"]
        before = sha256
    return before


def test_a_kill_while_entries_are_sealed_leaves_one_whole_chain(webhost):
    server = webhost.serve("--sandbox")
    token, url = server.token, webhost.database()
    for round_ in range(3):
        before = sealed(url)
        add_unsealed(url, round_ * ENTRIES, ENTRIES)
        wait_until(lambda: sealed(url) > before, "nothing is sealed")
        server.kill()
        server = webhost.serve("--sandbox")
    env = {"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": token}

    def whole():
        report = json.loads(webhost.run("audit", "verify", "-o", "json", env=env).stdout)
        assert report["ok"]
        return report if report["unsealed"] == 0 else None

    report = wait_until(whole, "what was left is not sealed")
    assert report["checked"] == sealed(url) >= 3 * ENTRIES


def test_an_export_is_checked_by_the_program_and_without_it(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme", SMALL)
    env = env_of(server)
    whole = webhost.run("audit", "verify", env=env).stdout
    head = whole.split()[-1]
    lines = webhost.run("audit", "export", env=env).stdout.splitlines()
    through = [line for line in lines if json.loads(line)["seq"] <= int(head.split(":")[0])]
    assert check_by_hand(through) == head.split(":")[1]
    actions = {json.loads(line)["action"] for line in lines}
    assert {"customer.signed_up", "decision.made", "policy.activated", "api.called"} <= actions

    text = "\n".join(lines) + "\n"
    assert "whole" in webhost.run("audit", "verify", "-", stdin=text).stdout
    assert "whole" in webhost.run("audit", "verify", "-", "--expect", head, stdin=text).stdout
    without = "\n".join(lines[:2] + lines[3:]) + "\n"
    found = webhost.run("audit", "verify", "-", stdin=without, status=1).stdout
    assert "entry 3 is missing" in found
    forged = text.replace("customer.signed_up", "customer.signed_off")
    number = next(json.loads(x)["seq"] for x in lines if "customer.signed_up" in x)
    found = webhost.run("audit", "verify", "-", stdin=forged, status=1).stdout
    assert f"entry {number} " in found


def test_who_tampers_with_the_database_is_found_out(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme", SMALL)
    env, url = env_of(server), webhost.database()
    webhost.run("audit", "verify", env=env)
    engine.execute(url, [("UPDATE audit SET actor = ? WHERE seq = ?", ("token:other", 2))])
    found = webhost.run("audit", "verify", env=env, status=1).stdout
    assert "entry 2 " in found and "entry 3 " not in found


def test_feedback_outcomes_and_costs_are_shown_on_the_command_line(webhost):
    server = webhost.serve("--sandbox")
    sign_up(server, "acme", SMALL)
    env = env_of(server)
    webhost.run("feedback", "add", "acme", "--score", "4", "--comment", "fine", env=env)
    assert "fine" in webhost.run("feedback", env=env).stdout
    outcomes = json.loads(webhost.run("outcomes", "-o", "json", env=env).stdout)
    assert outcomes["satisfaction"]["all"]["responses"] == 1
    table = webhost.run("outcomes", env=env).stdout
    assert "Accuracy" in table and "90 % moved within minutes" in table
    webhost.run("feedback", "add", "acme", "--score", "6", env=env, status=2)
    costs = json.loads(webhost.run("costs", "-o", "json", env=env).stdout)
    assert costs["totals"]["all"]["customers"] == len(costs["customers"])
