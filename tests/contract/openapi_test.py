"""
The API's own description, judged: by a linter, and by Prism, which stands between this test and
`webhost serve` and compares every request and every reply with it.

What only reads is found in the description and asked for by itself. A request that changes
something has a line in the_life_of_a_fleet() that makes it succeed with each status that it may
succeed with; one without is reported by its operationId.
"""

import json
import re
import shutil
import subprocess
import urllib.request

import pytest
from contract.prism import HERE, Prism, install
from support.customers import wait_active
from support.growth import grow
from support.webhost import request, wait_until

DEMO = ["corner-bakery", "pine-plumbing", "harbour-taxis", "acme-logistics", "nordic-freight"]
NOBODY = {"customer": "nobody", "id": "01990000-0000-7000-8000-000000000000",
          "instance": "nobody", "name": "nobody", "slug": "nobody"}  # fmt: skip


def described(webhost):
    return json.loads(webhost.run("openapi").stdout)


def close(schema):
    """A description is open, for what is added later; here what is not in it is an error."""
    if isinstance(schema, list):
        for item in schema:
            close(item)
    elif isinstance(schema, dict):
        if "properties" in schema and schema.get("type") == "object":
            schema.setdefault("additionalProperties", False)
        for inner in schema.values():
            close(inner)


class Api:
    """Requests by operationId, with the documented example unless told otherwise."""

    def __init__(self, document, url, token):
        self.url, self.token = url, token
        self.seen = {}
        self.operations = {
            operation["operationId"]: (method.upper(), path, operation)
            for path, methods in document["paths"].items()
            for method, operation in methods.items()
        }

    def __call__(self, name, /, status=None, query="", body=None, media=None, token=None, **parts):
        method, path, operation = self.operations[name]
        data, headers = None, {}
        if "requestBody" in operation:
            content = operation["requestBody"]["content"]
            media = media or next(iter(content))
            body = content[media]["example"] if body is None else body
            data = body.encode() if isinstance(body, str) else json.dumps(body).encode()
            headers["Content-Type"] = media
        url = self.url + path.format(**parts) + query
        answer = request(method, url, data, token=token or self.token, headers=headers)
        assert status in (None, answer.status), f"{name}: {answer.status} {answer.text}"
        self.seen.setdefault(name, set()).add(str(answer.status))
        return answer

    def successes_missed(self):
        """{operationId: [statuses]} that are described and were not seen."""
        missed = {}
        for name, (_, _, operation) in self.operations.items():
            wanted = {code for code in operation["responses"] if code < "400" and code != "304"}
            left = wanted - self.seen.get(name, set())
            if left:
                missed[name] = sorted(left)
        return missed


@pytest.fixture(name="judged")
def api_behind_a_judge(webhost, tmp_path):
    """serve(change) -> (server, api, judge): change() may make the description wrong."""

    def serve(change=lambda document: None):
        config = tmp_path / "webhost.yaml"
        # Nobody listens there: what is said to it stays under way.
        target = {"name": "on-call", "kind": "slack", "url": "http://127.0.0.1:9/"}
        settings = {"jobs": {"poll_ms": 50}, "notify": {"targets": [target]}}
        config.write_text(json.dumps(settings))
        server = webhost.serve("--sandbox", "--demo", "--config", config)
        document = described(webhost)
        close(document)
        document["servers"] = [{"url": server.url}]
        change(document)
        spec = tmp_path / "webhost.json"
        spec.write_text(json.dumps(document))
        judge = Prism(webhost, spec, server.url)
        judge.wait()
        return server, Api(document, judge.url, server.token), judge

    return serve


def test_the_linter_finds_nothing(webhost, tmp_path):
    spec = tmp_path / "webhost.json"
    spec.write_text(webhost.run("openapi").stdout)
    script = shutil.copy(HERE / "lint.mjs", install())
    done = subprocess.run(["node", script, spec], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_server_gives_the_same_description_and_says_when_it_is_known(webhost):
    server = webhost.serve("--sandbox")
    answer = server.get("/api/openapi.json", token=None)
    assert answer.status == 200 and answer.body == described(webhost)
    tag = answer.headers["ETag"]
    again = server.get("/api/openapi.json", token=None, headers={"If-None-Match": tag})
    assert (again.status, again.text) == (304, "")
    other = server.get("/api/openapi.json", token=None, headers={"If-None-Match": '"x"'})
    assert other.status == 200


# -- requests ----------------------------------------------------------------------------------


def first_of(api, path):
    """The first item of the list at a path."""
    lists = [n for n, (method, at, _) in api.operations.items() if (method, at) == ("GET", path)]
    assert lists, f"there is no list at {path}: ask for one of its items in the_life_of_a_fleet()"
    found = [items for items in api(lists[0], 200).body.values() if isinstance(items, list)]
    assert found[0], f"the list at {path} is empty: let the_life_of_a_fleet() make an item"
    return found[0][0]


def begin_to_read(api, server, name):
    """Of a stream that does not end, past the judge, who waits for the end of a reply."""
    _, path, _ = api.operations[name]
    headers = {"Authorization": f"Bearer {server.token}"}
    call = urllib.request.Request(server.url + path, headers=headers)
    with urllib.request.urlopen(call, timeout=60) as answer:
        assert answer.headers["Content-Type"].startswith("text/event-stream")
        assert answer.readline().strip()
        api.seen.setdefault(name, set()).add(str(answer.status))


def read_everything(api, server):
    """Every GET: lists first, then their first items."""
    for name, (method, path, operation) in api.operations.items():
        if method == "GET" and "{" not in path and "200" in operation["responses"]:
            streams = "text/event-stream" in operation["responses"]["200"]["content"]
            if streams:
                begin_to_read(api, server, name)
            else:
                api(name, 200)
    for name, (method, path, operation) in api.operations.items():
        if method != "GET" or "{" not in path or name in api.seen:
            continue
        parts = {"customer": "acme-logistics", "instance": "acme-logistics"}
        above = path[: path.index("/{")]
        wanted = re.findall(r"{(\w+)}", path)
        if not set(wanted) <= parts.keys():
            parts |= first_of(api, above)
        api(name, 200, **{key: parts[key] for key in wanted})


def export_of(api, customer):
    api("post_customers_customer_export", 202, customer=customer)
    wait_until(
        lambda: api("get_customers_customer_export", customer=customer).status == 200,
        "the export does not end",
    )


def work_that_waits(api, server):
    """Jobs and a move that are stopped while their queues are paused."""
    for queue in ("provisioning", "migration"):
        api("post_queues_name_pause", 200, name=queue)
    signed_up = api("post_signup", 201).body
    job = signed_up["job"]["id"]
    api("post_jobs_id_cancel", 200, id=job)
    api("post_jobs_id_retry", 200, id=job)
    api("post_jobs_retry", 200)
    move = api("post_admin_deployment_migrate", 202).body["migration_id"]
    api("post_migrations_id_cancel", 202, id=move)
    for queue in ("provisioning", "migration"):
        api("post_queues_name_resume", 200, name=queue)
    api("post_queues_name_scale", 200, name="provisioning")
    wait_active(server, "bolt")


def moves(api):
    """One is given back, one ended, and one that was stopped tried again."""
    def moved(to_mode):
        wish = {"customer_id": "pine-plumbing", "target_mode": to_mode}
        api("post_admin_deployment_migrate", 200, body=wish | {"dry_run": True})
        started = api("post_admin_deployment_migrate", 202, body=wish).body["migration_id"]
        wait_until(
            lambda: api("get_migrations_id", 200, id=started).body["state"] == "soaking",
            "the move does not get to its soak",
        )
        return started

    def over(move):
        wait_until(
            lambda: api("get_migrations_id", 200, id=move).body["finished_at"], "it does not end"
        )

    api("post_admin_deployment_plan", 200)
    first = moved("single_tenant")
    api("post_migrations_id_roll_back", 202, id=first)
    over(first)
    second = moved("single_tenant")
    wait_until(
        lambda: api("get_migrations_id", 200, id=second).body["proof_state"] == "equal",
        "it is not proven",
    )
    api("post_migrations_id_finish", 202, id=second)
    over(second)
    api("get_migrations_id_events", 200, id=second)
    back = {"customer_id": "pine-plumbing", "target_mode": "multi_tenant"}
    third = api("post_admin_deployment_migrate", 202, body=back).body["migration_id"]
    api("post_migrations_id_cancel", 202, id=third)
    over(third)
    api("post_migrations_id_retry", 202, id=third)


def notices(api):
    notice = api("post_notices_test", 202).body["id"]
    api("post_notices_id_replay", 202, id=notice)


def outcomes(api):
    api("post_customers_customer_feedback", 201, customer="acme-logistics")


def decisions(api):
    listed = api("get_customers_customer_decisions", 200, customer="acme-logistics").body
    api("get_decisions_id", 200, id=listed["decisions"][0]["id"])


def leave_and_stay(api):
    api("post_customers_customer_offboard", 202, customer="bolt")
    api("post_customers_customer_offboard_cancel", 202, customer="bolt")


def sizes(api, server):
    scaled = api("patch_customers_customer", 202, customer="acme-logistics").body["job"]["id"]
    api("patch_customers_customer", 200, body={"plan": "starter"}, customer="pine-plumbing")
    wait_until(
        lambda: api("get_jobs_id", 200, id=scaled).body["state"] == "completed", "it is not scaled"
    )
    api("post_instances_instance_scale", 202, instance="nordic-freight")


def hosts(api):
    api("post_hosts_reap", 200)
    api("post_hosts_reap", 202, body={})
    api("post_hosts", 202)
    host = next(h for h in api("get_hosts", 200).body["hosts"] if h["status"] == "active")
    api("post_hosts_id_drain", 202, id=host["id"])
    api("get_hosts_id", 200, id=host["name"])
    api("post_hosts_id_undrain", 202, id=host["id"])


def proposals(api, webhost, server):
    """Two customers that grew: one may move, the other not."""
    ids = [api("get_customers_customer", customer=slug).body["id"]
           for slug in ("harbour-taxis", "corner-bakery")]  # fmt: skip
    grow(webhost, *ids)
    api("post_admin_sweep", 200)

    def swept():
        job = api("post_admin_sweep", body={})
        if job.status == 202:
            number = job.body["job_id"]
            wait_until(
                lambda: api("get_jobs_id", id=number).body["state"] == "completed", "no sweep ends"
            )
        pending = api("get_proposals", 200, query="?state=pending").body["proposals"]
        return {p["customer_id"]: p["id"] for p in pending}.keys() >= set(ids) and pending

    pending = wait_until(swept, "there are no proposals")
    by_customer = {p["customer_id"]: p["id"] for p in pending}
    api("post_proposals_id_reject", 200, id=by_customer[ids[0]])
    api("post_proposals_id_approve", 202, id=by_customer[ids[1]])


def usage(api, server):
    content = api.operations["post_usage_events"][2]["requestBody"]["content"]
    for media in content:
        # Prism takes all types that end in +json for the first of them: this one goes past it.
        if "batch" in media:
            batch = json.dumps(content[media]["example"] * 2).encode()
            headers = {"Content-Type": media}
            answer = server.request("POST", "/api/usage/events", batch, headers=headers)
            assert answer.body["accepted"] == 2, answer.text
        else:
            api("post_usage_events", 200, media=media)
    api("post_usage_events", 200, body={"specversion": "1.0", "id": "8", "source": "/docs",
                                        "type": "storage", "subject": "acme-logistics",
                                        "data": {"bytes": -1}})  # fmt: skip


def sign_in(api):
    api("post_login", 201, body={"token": api.token})
    api("post_logout", 200)


def installation(api):
    token = api("post_tokens", 201).body["id"]
    api("delete_tokens_id", 200, id=token)
    api("post_policies_simulate", 200)
    api("post_policies_simulate", 200, query="?limit=1")
    api("post_admin_deployment_evaluate", 200)
    api("post_reconcile", 200)
    api("post_reconcile", 202, body={})


def the_life_of_a_fleet(api, webhost, server):
    wait_active(server, *DEMO)
    usage(api, server)
    installation(api)
    sign_in(api)
    hosts(api)
    work_that_waits(api, server)
    export_of(api, "pine-plumbing")
    leave_and_stay(api)
    decisions(api)
    outcomes(api)
    notices(api)
    sizes(api, server)
    proposals(api, webhost, server)
    moves(api)
    read_everything(api, server)


def test_every_request_and_its_reply_are_as_they_are_described(webhost, judged):
    server, api, judge = judged()
    the_life_of_a_fleet(api, webhost, server)
    assert judge.violations() == []
    assert api.successes_missed() == {}


def test_what_is_refused_is_described_too(webhost, judged):
    server, api, judge = judged()
    wait_active(server, "acme-logistics")
    viewer = server.post("/api/tokens", {"name": "v", "role": "viewer"}).body["token"]
    for name, (_, path, operation) in api.operations.items():
        if operation["security"]:
            api(name, 401, token="wh_no_such_token", **NOBODY)
        if operation["description"] == "An administrator's token.":
            api(name, 403, token=viewer, **NOBODY)
        if "{" in path:
            api(name, 404, **NOBODY)
    again = {"name": "A", "slug": "acme-logistics", "email": "a@b.example", "plan_slug": "hobby"}
    api("post_signup", 409, body=again)
    api("post_admin_deployment_migrate", 422, body={"customer_id": "acme-logistics",
                                                    "target_mode": "nowhere"})  # fmt: skip
    assert judge.violations() == []


def test_the_judge_notices_what_is_not_described(judged):
    def forget(document):
        del document["components"]["schemas"]["Customer"]["properties"]["slug"]
        del document["components"]["schemas"]["Plan"]["properties"]["price"]["type"]
        document["components"]["schemas"]["Plan"]["properties"]["price"]["type"] = "string"

    server, api, judge = judged(forget)
    wait_active(server, "acme-logistics")
    api("get_policies", 200)
    assert judge.violations() == []
    for name in ("get_customers", "get_plans"):
        seen = len(judge.violations())
        assert api(name).status == 500
        assert len(judge.violations()) > seen
