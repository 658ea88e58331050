"""The command line as a person and as a script use it, against a demonstration server."""

import json
import os
import pty
import re
import signal
import socket
import subprocess
from pathlib import Path
from types import SimpleNamespace

import pytest

from support.cloud import everything
from support.customers import wait_active
from support.webhost import DEADLINE, WebHost, wait_until

LINES = 10_000

# What `webhost help` must list, and arguments with which each command succeeds.
READS = {
    "decide": ["--budget", "30", "--vehicles", "2"],
    "policy list": [],
    "policy show": ["plan-v1"],
    "status": ["acme-logistics"],
    "evaluate": ["acme-logistics", "--vehicles", "3"],
    "customers list": [],
    "customers show": ["acme-logistics"],
    "decisions list": ["acme-logistics"],
    "decisions show": ["{decision}"],
    "jobs list": [],
    "jobs show": ["{job}"],
    "hosts list": [],
    "hosts show": ["{host}"],
    "instances list": [],
    "instances show": ["{instance}"],
    "calls": ["--all"],
    "plans": [],
    "prices": [],
    "token list": [],
    "audit list": [],
    "feedback list": [],
    "outcomes": [],
    "costs": [],
}
# Commands with tests of their own here; serve and sandbox are what all other files run.
OTHERS = {
    "policy check", "signup", "migrate", "jobs retry", "jobs cancel", "token create",
    "token revoke", "serve", "sandbox", "hosts add", "hosts drain", "hosts undrain", "hosts reap",
    "instances scale", "customers offboard", "customers export", "customers plan",
    "doctor", "drift", "reconcile", "openapi", "context list", "context add", "context use",
    "context remove", "completion", "man",
}  # fmt: skip


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    programs = WebHost(tmp_path_factory.mktemp("webhost"))
    server = programs.serve("--demo")
    wait_active(server, "acme-logistics", "corner-bakery")
    (decision,) = server.get("/api/customers/acme-logistics/decisions").body["decisions"]
    job = everything(server.get, "jobs", customer="acme-logistics")[0]
    host = everything(server.get, "hosts", status="active")[0]
    instance = everything(server.get, "instances")[0]
    yield SimpleNamespace(
        server=server,
        program=programs.program,
        folder=programs.folder,
        environment={"WEBHOST_SERVER": server.url, "WEBHOST_TOKEN": server.token},
        ids={
            "decision": decision["id"],
            "job": str(job["id"]),
            "host": host["name"],
            "instance": instance["app"],
        },
        run=lambda *arguments, **options: programs.run(
            *arguments,
            env={
                "WEBHOST_SERVER": server.url,
                "WEBHOST_TOKEN": server.token,
                **options.pop("env", {}),
            },
            **options,
        ),
    )
    programs.close()


def arguments_of(demo, command):
    return [*command.split(), *(text.format(**demo.ids) for text in READS[command])]


def listed(demo):
    text = demo.run("help").stdout
    return set(re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +[A-Z]", text, re.MULTILINE))


def test_help_lists_the_commands_that_are_tested_here(demo):
    assert listed(demo) >= set(READS) | OTHERS


def test_every_listed_command_explains_itself(demo):
    for command in sorted(listed(demo)):
        words = command.split()
        explained = demo.run("help", *words)
        usage = explained.stdout.partition("Usage: webhost ")[2].partition("\n")[0]
        assert usage.replace("[list]", "list").startswith(command)
        assert demo.run(*words, "--help").stdout == explained.stdout
        assert explained.stderr == ""
    for word in ("policy", "customers", "decisions", "jobs", "token", "options"):
        assert demo.run("help", word).stdout
    assert re.fullmatch(r"webhost \d+\.\d+\.\d+\S*\n", demo.run("--version").stdout)


@pytest.mark.parametrize("command", READS)
def test_a_command_prints_a_table_for_people_and_json_for_programs(demo, command):
    table = demo.run(*arguments_of(demo, command))
    assert table.stdout.strip() and table.stderr == ""
    assert "\033" not in table.stdout
    document = demo.run(*arguments_of(demo, command), "-o", "json")
    assert isinstance(json.loads(document.stdout), dict)
    assert document.stderr == ""


@pytest.mark.parametrize("name", ["customers", "jobs", "hosts", "instances", "audit"])
def test_all_follows_the_pages(demo, name):
    # Maintenance jobs come every minute, also between two lists.
    filters = {"queue": "provisioning"} if name == "jobs" else {}
    listing = [name, *(word for key, value in filters.items() for word in (f"--{key}", value))]
    whole = json.loads(demo.run(*listing, "--all", "-o", "json").stdout)[name]
    paged = json.loads(demo.run(*listing, "--all", "--limit", "2", "-o", "json").stdout)[name]
    assert [item["id"] for item in paged] == [item["id"] for item in whole]
    assert [i["id"] for i in everything(demo.server.get, name, **filters)] == [
        item["id"] for item in whole
    ]


# -- writing ---------------------------------------------------------------------------------------


def sign_up(demo, slug, *options, **keywords):
    return demo.run(
        "signup", "--name", slug, "--slug", slug, "--email", f"o@{slug}.example",
        "--plan", "hobby", "--budget", "30", "--vehicles", "2", *options, **keywords,
    )  # fmt: skip


def test_signup_waits_until_the_customer_is_active(demo):
    said = sign_up(demo, "waited-for", "--wait")
    assert "waited-for" in said.stdout
    assert said.stderr.splitlines()[-1] == "waited-for: multi_tenant active"
    status = json.loads(demo.run("status", "waited-for", "-o", "json").stdout)
    assert status["deployment"]["status"] == "active"


def test_signup_as_json_and_again_with_the_same_key(demo):
    options = ["--idempotency-key", "cli-key", "-o", "json"]
    first, second = sign_up(demo, "keyed", *options), sign_up(demo, "keyed", *options)
    assert json.loads(first.stdout) == json.loads(second.stdout)
    assert json.loads(first.stdout)["customer"]["slug"] == "keyed"


def test_signup_names_a_wrong_value_by_its_option(demo):
    said = demo.run(
        "signup", "--name", "X", "--slug", "No Good", "--email", "nobody", "--plan", "gold",
        status=2,
    )  # fmt: skip
    assert "--slug" in said.stderr and "--email" in said.stderr
    assert said.stdout == ""


def test_signup_takes_the_profile_from_a_file(demo):
    path = demo.folder / "profile.json"
    path.write_text('{"budget": 200, "vehicle_count": 50, "compliance_requirements": ["soc2"]}')
    said = demo.run(
        "signup", "--name", "F", "--slug", "from-file", "--email", "f@f.example",
        "--plan", "hobby", "--profile", f"@{path}", "-o", "json",
    )  # fmt: skip
    assert json.loads(said.stdout)["deployment"]["mode"] == "single_tenant"


def test_a_token_is_made_used_and_revoked(demo):
    made = demo.run("token", "create", "--name", "ci", "--role", "viewer")
    text = made.stdout.strip()
    path = demo.folder / "ci.token"
    path.write_text(made.stdout)
    path.chmod(0o600)
    assert demo.run("customers", "--token-file", path, env={"WEBHOST_TOKEN": ""}).stdout
    assert "viewer" in sign_up(demo, "not-allowed", status=4, env={"WEBHOST_TOKEN": text}).stderr
    tokens = json.loads(demo.run("token", "list", "-o", "json").stdout)["tokens"]
    (token,) = [token for token in tokens if token["name"] == "ci"]
    assert demo.run("token", "revoke", token["id"]).stdout
    demo.run("customers", status=4, env={"WEBHOST_TOKEN": text})
    path.chmod(0o644)
    assert "chmod 600" in demo.run("customers", "--token-file", path, status=4).stderr


def test_jobs_are_retried_and_cancelled_only_when_that_makes_sense(demo):
    done = demo.ids["job"]
    wait_until(
        lambda: demo.server.get(f"/api/jobs/{done}").body["state"] == "completed", "not completed"
    )
    for action in ("retry", "cancel"):
        said = demo.run("jobs", action, done, status=6)
        assert "completed" in said.stderr and said.stdout == ""
        demo.run("jobs", action, "nothing", status=3)


def test_a_move_to_where_the_customer_is_already_is_refused(demo):
    said = demo.run("migrate", "acme-logistics", "--to", "single_tenant", status=6)
    assert "single_tenant" in said.stderr and said.stdout == ""


# -- deciding --------------------------------------------------------------------------------------


def test_decide_says_the_same_from_options_a_file_and_standard_input(demo):
    profile = '{"budget": 200, "vehicle_count": 50, "compliance_requirements": ["soc2"]}'
    path = demo.folder / "decide.json"
    path.write_text(profile)
    flags = ["--budget", "200", "--vehicles", "50", "--compliance", "soc2"]
    answers = [
        demo.run("decide", *flags, "-o", "json"),
        demo.run("decide", path, "-o", "json"),
        demo.run("decide", "-", "-o", "json", stdin=profile),
        demo.run("decide", "-o", "json", stdin=profile),
    ]
    decisions = [json.loads(answer.stdout) for answer in answers]
    assert decisions[0]["mode"] == "single_tenant"
    assert all(decision == decisions[0] for decision in decisions)
    flags = ["--compliance", "", "--vehicles", "2", "--budget", "30"]
    changed = json.loads(demo.run("decide", path, *flags, "-o", "json").stdout)
    assert changed["mode"] == "multi_tenant"


def test_decide_names_every_mistake_in_a_profile(demo):
    said = demo.run("decide", "-", stdin='{"bugdet": 1, "vehicle_count": -1}', status=2)
    assert "budget" in said.stderr and "vehicle_count" in said.stderr


def batch_lines():
    """(line, wanted): wanted is a mode, or None for a line that is wrong."""
    for i in range(LINES):
        if i % 1000 == 999:
            yield "{not json", None
        elif i % 1000 == 998:
            yield '{"budget": "thirty"}', None
        elif i % 2:
            yield f'{{"budget": {20 + i / 10000:.4f}, "vehicle_count": 1}}', "multi_tenant"
        else:
            yield json.dumps({"budget": 500 + i, "vehicle_count": 60}), "single_tenant"


def test_a_batch_of_ten_thousand_keeps_the_order_and_goes_on_after_bad_lines(demo):
    lines = list(batch_lines())
    said = demo.run("decide", "--batch", stdin="\n".join(line for line, _ in lines) + "\n")
    answers = [json.loads(line) for line in said.stdout.splitlines()]
    assert len(answers) == LINES
    for number, ((line, wanted), answer) in enumerate(zip(lines, answers, strict=True), 1):
        if wanted is None:
            assert answer["line"] == number and answer["error"]
        else:
            assert answer["mode"] == wanted
            assert answer["factors"][0]["value"] == json.loads(line)["budget"]


def test_a_batch_answers_each_line_before_it_reads_the_next(demo):
    with subprocess.Popen(
        [demo.program, "decide", "--batch"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as batch:
        for i in range(100):
            batch.stdin.write(b'{"budget": %d}\n' % i)
            batch.stdin.flush()
            assert json.loads(batch.stdout.readline())["factors"][0]["value"] == i
        batch.stdin.write(b'{"budget": ' + b"1" * (2 << 20) + b"}\n")
        batch.stdin.write(b'{"budget": 7}')
        batch.stdin.close()
        assert json.loads(batch.stdout.readline())["line"] == 101
        assert json.loads(batch.stdout.readline())["factors"][0]["value"] == 7
        assert batch.wait(DEADLINE) == 0


def test_policy_check_names_the_line_of_each_of_five_mistakes(demo):
    text = demo.run("policy", "show", "plan-v1").stdout
    mistakes = {
        "choose_above: 0.8": "choose_above: 1.8",
        'when: "<= 5", add: 0.2': 'when: "<= five", add: 0.2',
        "because: Budget-conscious": "becuase: Budget-conscious",
        "when: has soc2, add: 0.4": "when: has soc9, add: 0.4",
        "days_above: 30": "days_above: soon",
    }
    for right, wrong in mistakes.items():
        assert text.count(right) == 1, right
        text = text.replace(right, wrong)
    path = demo.folder / "broken.yaml"
    path.write_text(text)
    said = demo.run("policy", "check", path, status=1)
    lines = text.splitlines()
    named = {int(n) for n in re.findall(rf"^{re.escape(str(path))}:(\d+): ", said.stderr, re.M)}
    wanted = {
        number
        for number, line in enumerate(lines, 1)
        if any(wrong in line for wrong in mistakes.values())
    }
    assert len(wanted) == 5
    assert named == wanted, said.stderr
    report = json.loads(demo.run("policy", "check", path, "-o", "json", status=1).stdout)
    assert report["valid"] is False and len(report["problems"]) == 5


def test_policy_check_finds_a_good_policy_right(demo):
    path = demo.folder / "good.yaml"
    path.write_text(demo.run("policy", "show", "default").stdout)
    assert "is right" in demo.run("policy", "check", path).stdout
    assert json.loads(demo.run("policy", "check", path, "-o", "json").stdout)["valid"] is True


# -- failing ---------------------------------------------------------------------------------------


def test_a_wrong_command_line_is_2_and_says_what_to_try(demo):
    for arguments in (
        ["nonsense"],
        ["custmers"],
        ["status"],
        ["status", "a", "b"],
        ["customers", "--colour"],
        ["customers", "--limit", "many"],
        ["customers", "--mode", "both"],
        ["signup", "--name", "x"],
        ["-o", "xml", "customers"],
        ["customers", "--server", "ftp://x"],
        ["customers", "--timeout", "soon"],
        ["decide", "--budget", "-1"],
        ["decide", "--vehicles", "1.5"],
    ):
        said = demo.run(*arguments, status=2)
        assert said.stderr.startswith("webhost: "), arguments
        assert said.stdout == ""


def test_a_command_that_is_nearly_right_is_guessed(demo):
    assert "customers" in demo.run("custmers", status=2).stderr
    assert "--vehicles" in demo.run("decide", "--vehicle", "3", status=2).stderr


def test_what_is_not_there_is_3(demo):
    for arguments in (
        ["status", "nobody"],
        ["customers", "show", "nobody"],
        ["decisions", "nobody"],
        ["decisions", "show", "nothing"],
        ["jobs", "show", "nothing"],
        ["jobs", "--customer", "nobody"],
        ["evaluate", "nobody"],
        ["token", "revoke", "nothing"],
        ["policy", "show", "nothing"],
        ["policy", "check", "/nowhere/policy.yaml"],
        ["status", "../../etc"],
    ):
        said = demo.run(*arguments, status=3)
        assert said.stderr.startswith("webhost: ") and said.stdout == ""


def test_a_wrong_or_missing_token_is_4(demo):
    demo.run("customers", status=4, env={"WEBHOST_TOKEN": "wh_wrong"})
    assert "WEBHOST_TOKEN" in demo.run("customers", status=4, env={"WEBHOST_TOKEN": ""}).stderr


def test_a_server_that_is_not_there_is_5(demo):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound and not listening: nobody else gets the port
        url = f"http://127.0.0.1:{taken.getsockname()[1]}"
        said = demo.run("customers", "--server", url, status=5)
        assert url in said.stderr


def test_a_taken_slug_is_6(demo):
    assert "acme-logistics" in sign_up(demo, "acme-logistics", status=6).stderr


def test_a_server_that_does_not_answer_is_7(demo):
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen()
        url = f"http://127.0.0.1:{silent.getsockname()[1]}"
        demo.run("customers", "--server", url, "--timeout", "200ms", status=7)


# -- terminals and pipes ---------------------------------------------------------------------------


def on_terminal(demo, *arguments, **environment):
    master, slave = pty.openpty()
    try:
        subprocess.run(
            [demo.program, *arguments],
            env={**os.environ, **demo.environment, "TERM": "xterm", **environment},
            stdin=subprocess.DEVNULL,
            stdout=slave,
            timeout=DEADLINE,
            check=True,
        )
        return os.read(master, 1 << 16).decode()
    finally:
        os.close(slave)
        os.close(master)


def test_colours_are_for_terminals_and_can_be_refused(demo):
    asked = ("customers", "--limit", "2")
    assert "\033[" in on_terminal(demo, *asked, NO_COLOR="")
    assert "\033" not in on_terminal(demo, *asked, NO_COLOR="1")
    assert "\033" not in on_terminal(demo, *asked, "--no-color", NO_COLOR="")
    assert "\033" not in on_terminal(demo, *asked, NO_COLOR="", TERM="dumb")


@pytest.mark.parametrize(
    "arguments",
    [["customers"], ["customers", "-o", "json"], ["help"], ["decide", "--batch"], ["plans"]],
    ids=" ".join,
)
def test_a_closed_pipe_ends_the_command_quietly(demo, arguments):
    read, write = os.pipe()
    os.close(read)
    with open("/dev/null", "rb") as nothing, os.fdopen(write, "wb") as out:
        said = subprocess.run(
            [demo.program, *arguments],
            env={**os.environ, **demo.environment},
            input=b'{"budget": 3}\n' * 1000 if "--batch" in arguments else nothing.read(),
            stdout=out,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
    assert said.returncode in (1, -signal.SIGPIPE), said
    assert b"Sanitizer" not in said.stderr and len(said.stderr.splitlines()) <= 1


def test_a_full_disk_is_an_error(demo):
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full")
    with open("/dev/full", "wb") as full:
        said = subprocess.run(
            [demo.program, "customers"],
            env={**os.environ, **demo.environment},
            stdout=full,
            stderr=subprocess.PIPE,
            timeout=DEADLINE,
            check=False,
        )
    assert said.returncode == 1 and b"cannot write" in said.stderr
