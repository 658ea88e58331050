"""
Clouds that outlive the control plane: `webhost sandbox` as a process of its own, and a gate before
it that stops a request at an exact point.

    def test_a_kill_between_order_and_record(webhost):
        cloud = Cloud(webhost)
        stop = cloud.gate.stop("POST", r"/v1/servers$", after=True)
        server = cloud.serve()
        ...sign up...
        stop.wait()             # the server exists and webhost does not know it yet
        server.kill()
        cloud.gate.open()
        server = cloud.serve()  # the same data folder
"""

import http.client
import http.server
import json
import re
import ssl
import threading

from support import engine
from support.webhost import DEADLINE, request

# Short, so that what a dead process held is free soon; long enough for a busy machine to renew.
LEASE_MS = 1500


class Stop:
    """One request that is to be held, either before it gets to the cloud or before its reply."""

    def __init__(self, method, path, after, skip):
        self.method, self.path, self.after, self.skip = method, re.compile(path), after, skip
        self.reached = threading.Event()

    def wait(self):
        assert self.reached.wait(DEADLINE), f"no {self.method} {self.path.pattern} has come"


class Gate:
    """A proxy before a cloud. What it holds is let go by open(): a reply then goes on its way."""

    def __init__(self, url, certificate=None):
        """With a certificate (a file that has its key too) it speaks TLS."""
        self._target = url.removeprefix("http://")
        self._lock = threading.Lock()
        self._stops = []
        self._opened = threading.Event()
        handler = type("Handler", (_Handler,), {"gate": self})
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        scheme = "http"
        if certificate:
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            context.load_cert_chain(certificate)
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
            scheme = "https"
        self.url = f"{scheme}://127.0.0.1:{self._server.server_port}"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self, method, path, after=False, skip=0):
        """Holds one request of this method whose path matches, after letting `skip` of them by."""
        stop = Stop(method, path, after, skip)
        with self._lock:
            self._stops.append(stop)
            self._opened.clear()
        return stop

    def open(self):
        with self._lock:
            self._stops.clear()
            self._opened.set()

    def close(self):
        self.open()
        self._server.shutdown()
        self._server.server_close()

    def take(self, method, path):
        with self._lock:
            for stop in self._stops:
                if stop.reached.is_set() or stop.method != method or not stop.path.search(path):
                    continue
                if stop.skip > 0:
                    stop.skip -= 1
                    continue
                stop.reached.set()
                return stop
        return None

    def hold(self):
        self._opened.wait(2 * DEADLINE)

    def forward(self, method, path, body, headers):
        connection = http.client.HTTPConnection(self._target, timeout=2 * DEADLINE)
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        answer = reply.status, reply.getheaders(), reply.read()
        connection.close()
        return answer


class _Handler(http.server.BaseHTTPRequestHandler):
    gate: Gate

    def _pass_on(self):
        path = self.path.partition("?")[0]
        stop = self.gate.take(self.command, path)
        if stop and not stop.after:
            # Whoever asked is dead by now: the request never got here.
            self.gate.hold()
            return
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        try:
            status, headers, text = self.gate.forward(
                self.command, self.path, body, {k: v for k, v in self.headers.items()}
            )
        except (http.client.HTTPException, OSError):
            return  # the cloud dropped its reply: so do we
        if stop:
            self.gate.hold()
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("transfer-encoding", "connection", "content-length"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(len(text)))
        self.end_headers()
        self.wfile.write(text)

    do_GET = do_POST = do_PUT = do_DELETE = do_PATCH = _pass_on  # noqa: N815

    def log_message(self, *arguments):
        pass

    def handle(self):
        try:
            super().handle()
        except OSError:
            pass  # killed while it was asking


class Cloud:
    """Both clouds, the configuration that points at them, and what they say exists."""

    def __init__(self, webhost, process=None):
        """`process` is a sandbox that runs already."""
        self.webhost = webhost
        self.process = process or webhost.sandbox()
        self.gate = Gate(self.process.url)
        webhost.at_close(self.gate.close)
        for name in ("hetzner", "fly"):
            (webhost.folder / name).mkdir()
        self.tenants_in(
            hetzner=f"sqlite:{webhost.folder}/hetzner/{{host}}.db",
            fly=f"sqlite:{webhost.folder}/fly/{{app}}.db",
        )

    def tenants_in(self, hetzner, fly):
        """The URLs of the tenants' databases; a SQLite file for each host and app unless told."""
        self._tenant_urls = {"hetzner": hetzner, "fly": fly}

    def serve(self, *options, gate=True, data="data", **settings):
        """`webhost serve` that provisions here; settings as in config()."""
        tokens = {"HCLOUD_TOKEN": "hetzner-secret", "FLY_API_TOKEN": "fly-secret"}
        path = self.config(self.gate.url if gate else self.process.url, **settings)
        return self.webhost.serve("--config", path, *options, data=data, env=tokens)

    def config(
        self,
        url,
        slots_per_host=40,
        lease_ms=LEASE_MS,
        drain_ms=10000,
        call_timeout_ms=30000,
        call_wait_ms=2000,
        hetzner_url=None,
        fly_url=None,
        reserve_slots=0,
        fly=None,
        provisioning=None,
        moves=None,
        **hetzner_settings,
    ):
        """
        hetzner_url and fly_url: where something stands before that cloud alone. reserve_slots: none
        unless told, so that a test counts the hosts that its customers need. moves: no soak unless
        told. `fly` has further keys of provisioning.fly, `provisioning` of what is above both; what
        else is given are some of provisioning.hetzner.
        """

        def lines(settings, indent=4):
            return "\n".join(
                f"{' ' * indent}{key}: {json.dumps(v)}" for key, v in settings.items()
            )

        text = f"""
key_file: {self.webhost.folder}/webhost.key
jobs:
  lease_ms: {lease_ms}
  poll_ms: 50
  drain_ms: {drain_ms}
moves:
{lines({'soak_hours': 0, **(moves or {})}, 2)}
provisioning:
  wait_ms: 100
  call_timeout_ms: {call_timeout_ms}
  call_wait_ms: {call_wait_ms}
{lines(provisioning or {}, 2)}
  hetzner:
    endpoint: {hetzner_url or url}/v1
    slots_per_host: {slots_per_host}
    reserve_slots: {reserve_slots}
{lines(hetzner_settings)}
    database_url: "{self._tenant_urls["hetzner"]}"
  fly:
    endpoint: {fly_url or url}/v1
{lines(fly or {})}
    database_url: "{self._tenant_urls["fly"]}"
"""
        path = self.webhost.folder / "webhost.yaml"
        path.write_text(text)
        return path

    def fault(self, method, path, effect, skip=0, count=None):
        """The next requests of this method whose path begins so; see src/sandbox/faults.h."""
        fault = {
            "match": {"method": method, "path_prefix": path},
            "effect": effect,
            "skip": skip,
        }
        if count is not None:
            fault["count"] = count
        answer = request("POST", f"{self.process.url}/sandbox/faults", [fault])
        assert answer.status == 200, answer.text

    def random_faults(self, rate, seed, *kinds, **more):
        """That share of all requests fails, in one of the kinds or, without any, in all that there
        are; see src/sandbox/fault_kinds.h."""
        mode = {"rate": rate, "seed": seed, **({"kinds": kinds} if kinds else {}), **more}
        answer = request("POST", f"{self.process.url}/sandbox/faults", mode)
        assert answer.status == 200, answer.text

    def one_fault_of_each_kind(self):
        """The next request that a kind can happen to meets it, once."""
        faults = [{"effect": {"kind": kind}, "count": 1} for kind in self.faults_given()]
        answer = request("POST", f"{self.process.url}/sandbox/faults", faults)
        assert answer.status == 200, answer.text

    def faults_given(self):
        """{kind: how often} since the last clear_faults(), for all kinds that the sandbox has."""
        given = request("GET", f"{self.process.url}/sandbox/faults").body["given"]
        del given["unnamed"]  # those that a test described itself
        return given

    def set(self, **settings):
        """availability, load, checks: see src/sandbox/settings.h."""
        answer = request("PATCH", f"{self.process.url}/sandbox/settings", settings)
        assert answer.status == 200, answer.text

    def clear_faults(self):
        assert request("DELETE", f"{self.process.url}/sandbox/faults").status == 204

    def state(self):
        return request("GET", f"{self.process.url}/sandbox/state").body

    def tenant_url(self, kind, name):
        """The database of the tenants of a host ("hetzner") or of an app ("fly")."""
        return self._tenant_urls[kind].format(host=name, app=name)

    def tenants(self, kind, name):
        """The rows of `tenants` in that database."""
        return engine.rows(
            self.tenant_url(kind, name), "SELECT customer_id, slug, name FROM tenants ORDER BY slug"
        )


def everything(list_body_of, name, **filters):
    """All items of a list, page by page; list_body_of is a Server's get."""
    items, cursor = [], None
    while True:
        parts = {**filters, "limit": 200, **({"cursor": cursor} if cursor else {})}
        text = "&".join(f"{key}={value}" for key, value in parts.items())
        answer = list_body_of(f"/api/{name}?{text}")
        assert answer.status == 200, answer.text
        items += answer.body[name]
        cursor = answer.body["next_cursor"]
        if not cursor:
            return items


