"""The command line in a person's shell: completion, manual pages, contexts, --watch, --wait."""

import fcntl
import json
import os
import pty
import re
import shutil
import struct
import subprocess
import termios
from pathlib import Path
from types import SimpleNamespace

import pytest
from support.customers import wait_active
from support.webhost import DEADLINE, WebHost, wait_until

SOURCE = Path(__file__).parents[2]
SCREEN_ENTER, SCREEN_LEAVE = "\033[?1049h", "\033[?1049l"


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    programs = WebHost(tmp_path_factory.mktemp("webhost"))
    server = programs.serve("--demo")
    wait_active(server, "acme-logistics")
    environment = {
        "WEBHOST_SERVER": server.url,
        "WEBHOST_TOKEN": server.token,
        "XDG_CONFIG_HOME": str(programs.folder / "config"),
        "PATH": f"{Path(programs.program).parent}:{os.environ['PATH']}",
    }
    yield SimpleNamespace(
        programs=programs,
        program=programs.program,
        server=server,
        folder=programs.folder,
        environment=environment,
        run=lambda *arguments, env=None, **options: programs.run(
            *arguments, env={**environment, **(env or {})}, **options
        ),
    )
    programs.close()


class Terminal:
    """A program on a terminal of its own."""

    def __init__(self, arguments, env, rows=24, columns=80):
        self.master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
        self.popen = subprocess.Popen(
            ["setpriv", "--pdeathsig", "KILL", "setsid", "--ctty", "--wait", *arguments],
            env={**os.environ, "TERM": "xterm", "NO_COLOR": "1", **env},
            stdin=slave, stdout=slave, stderr=slave,
        )  # fmt: skip
        os.close(slave)
        os.set_blocking(self.master, False)
        self.text = ""

    def type(self, text):
        os.write(self.master, text.encode())

    def read(self):
        """Everything so far; None when the program's side is closed."""
        try:
            self.text += os.read(self.master, 1 << 16).decode(errors="replace")
        except BlockingIOError:
            pass
        except OSError:
            return None
        return self.text

    def wait_for(self, pattern):
        def found():
            return re.search(pattern, self.read() or self.text, re.MULTILINE)

        return wait_until(found, f"/{pattern}/ has not come: {self.text[-2000:]!r}")

    def rest(self):
        """Waits for the end; everything."""
        wait_until(lambda: self.read() is None, "the program does not end")
        self.popen.wait(DEADLINE)
        return self.text

    def close(self):
        os.close(self.master)
        self.popen.kill()
        self.popen.wait(DEADLINE)


@pytest.fixture
def terminal(demo):
    opened = []

    def start(*arguments, rows=24, columns=80, **env):
        opened.append(Terminal(arguments, {**demo.environment, **env}, rows, columns))
        return opened[-1]

    yield start
    for one in opened:
        one.close()


# -- completion --------------------------------------------------------------------------------

SHELLS = {
    "bash": (["bash", "--norc", "--noprofile", "-i"], "source <(webhost completion bash)"),
    "zsh": (
        ["zsh", "-f", "-i"],
        "autoload -Uz compinit; compinit -u -D; source <(webhost completion zsh)",
    ),
    "fish": (["fish", "--no-config", "-i"], "webhost completion fish | source"),
}


@pytest.fixture(params=SHELLS)
def shell(request, terminal):
    arguments, setup = SHELLS[request.param]
    assert shutil.which(arguments[0]), f"{request.param} is missing; ./dev test installs it"
    started = terminal(*arguments, PS1="$ ")
    started.type(f"{setup}; echo is-$((40 + 2))\r" if request.param != "fish"
                 else f"{setup}; echo is-(math 40 + 2)\r")  # fmt: skip
    started.wait_for("is-42")
    return started


def completed(shell, typed):
    """What the shell makes of the words and a tab: the line is printed instead of run."""
    before = len(shell.text)
    shell.type(f"{typed}\t\x01echo 'line='\x05 '=end'\r")

    def found():
        said = (shell.read() or shell.text)[before:]
        plain = re.sub(r"\033[\[\]()>=?][0-9;?]*[a-zA-Z\a]?", "", said)
        return re.search(r"[\r\n]line=(webhost[^\r\n]*?)\s*=end\r", plain)

    match = wait_until(found, f"no line comes: {shell.text[before:]!r}")
    return match.group(1)


@pytest.mark.parametrize(
    "typed, wanted",
    [
        ("webhost comple", "webhost completion"),
        ("webhost jobs ret", "webhost jobs retry"),
        ("webhost jobs --sta", "webhost jobs --state"),
        ("webhost migrate acme --to si", "webhost migrate acme --to single_tenant"),
        ("webhost -o js", "webhost -o json"),
        ("webhost customers show acme-l", "webhost customers show acme-logistics"),
        ("webhost policy show plan", "webhost policy show plan-v1"),
    ],
)
def test_a_shell_completes(shell, typed, wanted):
    assert completed(shell, typed) == wanted


def test_a_shell_completes_files_where_nothing_else_is_meant(shell, tmp_path):
    (tmp_path / "a-policy.yaml").write_text("")
    wanted = f"webhost policy check {tmp_path}/a-policy.yaml"
    assert completed(shell, wanted[: -len("icy.yaml")]) == wanted


def words(demo, *typed, **options):
    said = demo.run("complete", "--", *typed, **options)
    assert said.stderr == ""
    return [line.partition("\t")[0] for line in said.stdout.splitlines()]


def test_every_command_and_option_is_a_candidate(demo):
    for name in re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +[A-Z]", demo.run("help").stdout, re.M):
        *before, last = name.split()
        assert last in words(demo, *before, "")
        explained = demo.run("help", *name.split()).stdout
        for option in re.findall(r"^  (?:-\w, |    )(--[a-z-]+)", explained, re.M):
            assert option in words(demo, *name.split(), "--")


def test_a_value_is_completed_behind_an_equals_sign(demo):
    assert words(demo, "migrate", "acme", "--to=s") == ["--to=single_tenant"]
    assert words(demo, "migrate", "acme", "--to", "=", "s") == ["single_tenant"]
    assert "multi_tenant" in words(demo, "migrate", "acme", "--to", "=")


def test_names_of_things_need_a_server_and_a_token_and_nothing_is_said_without(demo):
    assert "acme-logistics" in words(demo, "status", "")
    assert words(demo, "status", "acme-l") == ["acme-logistics"]
    assert words(demo, "status", "", env={"WEBHOST_TOKEN": ""}) == []
    assert words(demo, "status", "", env={"WEBHOST_TOKEN": "wh_wrong"}) == []
    assert words(demo, "status", "", env={"WEBHOST_SERVER": "http://127.0.0.1:1"}) == []
    assert "provisioning" in words(demo, "queues", "pause", "")


# -- manual pages ------------------------------------------------------------------------------


def test_the_manual_pages_are_right_and_there_is_one_for_each_command(demo, tmp_path):
    demo.run("man", "--out", tmp_path, env={"SOURCE_DATE_EPOCH": "1700000000"})
    pages = sorted(path.name for path in tmp_path.iterdir())
    listed = re.findall(r"^  ([a-z]+(?: [a-z]+)?)  +[A-Z]", demo.run("help").stdout, re.M)
    assert pages == sorted(["webhost.1", *(f"webhost-{'-'.join(c.split())}.1" for c in listed)])
    said = subprocess.run(
        ["mandoc", "-Tlint", "-Wwarning", *(tmp_path / page for page in pages)],
        capture_output=True, text=True, timeout=DEADLINE, check=False,
    )  # fmt: skip
    assert (said.returncode, said.stdout) == (0, ""), said.stderr
    assert "November 14, 2023" in (tmp_path / "webhost.1").read_text()


def test_a_manual_page_reads_as_the_help_does(demo):
    source = demo.run("man", "migrate").stdout
    page = subprocess.run(
        ["man", "-l", "-"], input=source, env={**os.environ, "MANWIDTH": "80", "MANPAGER": "cat"},
        capture_output=True, text=True, timeout=DEADLINE, check=True,
    )  # fmt: skip
    plain = re.sub(r".\x08|\033\[[0-9;]*m", "", page.stdout)
    for word in ("--to", "--wait", "until the customer runs there", "WEBHOST-MIGRATE(1)"):
        assert word in plain


def test_an_installation_has_pages_and_completions_where_they_are_looked_for(demo, tmp_path):
    script = SOURCE / "tools/install-shell-files"
    env = {**os.environ, "MESON_INSTALL_DESTDIR_PREFIX": str(tmp_path)}
    subprocess.run([script, demo.program, "share"], env=env, timeout=DEADLINE, check=True)
    for shell, path in {
        "bash": "bash-completion/completions/webhost",
        "zsh": "zsh/site-functions/_webhost",
        "fish": "fish/vendor_completions.d/webhost.fish",
    }.items():
        assert (tmp_path / "share" / path).read_text() == demo.run("completion", shell).stdout
    assert (tmp_path / "share/man/man1/webhost-jobs-retry.1").exists()


# -- contexts ----------------------------------------------------------------------------------


@pytest.fixture
def alone(demo, tmp_path):
    """run(...) with a configuration folder of its own and no server named in the environment."""
    token = tmp_path / "token"
    token.write_text(demo.server.token)
    token.chmod(0o600)
    env = {"WEBHOST_SERVER": "", "WEBHOST_TOKEN": "", "XDG_CONFIG_HOME": str(tmp_path / "config")}

    def run(*arguments, status=0, **more):
        return demo.run(*arguments, status=status, env={**env, **more})

    return SimpleNamespace(run=run, token=token, file=tmp_path / "config/webhost/contexts.yaml")


def add_here(alone, demo, name="here"):
    alone.run("context", "add", name, "--url", demo.server.url, "--token-file", alone.token)


def test_a_context_names_a_server_and_its_token(alone, demo):
    add_here(alone, demo)
    alone.run("context", "add", "away", "--url", "http://127.0.0.1:1")
    assert alone.file.stat().st_mode & 0o777 == 0o600
    assert demo.server.token not in alone.file.read_text()
    assert "acme-logistics" in alone.run("customers").stdout
    alone.run("customers", "--context", "away", status=5)
    alone.run("context", "use", "away")
    alone.run("customers", status=5)
    assert "acme-logistics" in alone.run("customers", "--context", "here").stdout
    assert "acme-logistics" in alone.run("customers", WEBHOST_CONTEXT="here").stdout
    listed = json.loads(alone.run("context", "list", "-o", "json").stdout)["contexts"]
    assert [(c["name"], c["current"]) for c in listed] == [("here", False), ("away", True)]
    alone.run("context", "remove", "away")
    left = json.loads(alone.run("context", "-o", "json").stdout)["contexts"]
    assert [context["name"] for context in left] == ["here"]


def test_the_environment_goes_before_the_context_in_use(alone, demo):
    alone.run("context", "add", "away", "--url", "http://127.0.0.1:1")
    named = {"WEBHOST_SERVER": demo.server.url, "WEBHOST_TOKEN": demo.server.token}
    assert "acme-logistics" in alone.run("customers", **named).stdout
    alone.run("customers", "--context", "away", status=5, **named)


def test_a_contexts_token_is_for_its_own_server_alone(alone, demo):
    add_here(alone, demo)
    said = alone.run("customers", "--server", demo.server.url, status=4)
    assert "webhost context add" in said.stderr
    alone.run("customers", status=4, WEBHOST_SERVER=demo.server.url)


def test_a_context_that_is_not_there_and_a_broken_file_are_named(alone, demo):
    assert "no context gone" in alone.run("customers", "--context", "gone", status=3).stderr
    assert "no context gone" in alone.run("context", "use", "gone", status=3).stderr
    assert "http" in alone.run("context", "add", "x", "--url", "ftp://x", status=2).stderr
    add_here(alone, demo)
    alone.file.write_text("contexts:\n  - name: x\n    address: y\n")
    said = alone.run("customers", status=2).stderr
    assert f"{alone.file} line 3: contexts[0].address is unknown" in said


# -- watching ----------------------------------------------------------------------------------


def test_a_list_is_redrawn_in_place_until_it_is_interrupted(demo, terminal):
    shown = terminal(demo.program, "plans", "--watch", "--interval", "20ms")
    wait_until(lambda: shown.read().count("\033[H") > 3, "it is not drawn again")
    shown.type("\x03")
    text = shown.rest()
    assert text.endswith(SCREEN_LEAVE) and "\033[2J" not in text
    assert "professional" in text.split("\033[H")[3]


def test_what_changes_is_seen_and_a_small_window_is_not_scrolled(demo, terminal):
    shown = terminal(demo.program, "customers", "--watch", "--interval", "20ms", rows=6)
    shown.wait_for("\033\\[H")
    body = {"name": "W", "slug": "aa-watched", "email": "w@w.example", "plan_slug": "hobby"}
    assert demo.server.post("/api/signup", body).status == 201
    shown.wait_for("aa-watched")
    shown.type("\x03")
    text = shown.rest()
    assert SCREEN_ENTER in text
    for frame in text.split("\033[H")[1:-1]:
        assert frame.partition("\033[J")[0].count("\n") <= 5


def test_what_is_no_terminal_gets_a_document_for_each_change(demo):
    process = demo.programs.start(
        "customers", "--watch", "--interval", "20ms", "-o", "json", env=demo.environment
    )
    wait_until(lambda: '"next_cursor"' in process.out, "nothing comes")
    body = {"name": "S", "slug": "ab-seen", "email": "s@s.example", "plan_slug": "hobby"}
    assert demo.server.post("/api/signup", body).status == 201
    wait_until(lambda: "ab-seen" in process.out, "the change does not come")
    process.kill()
    document, end = json.JSONDecoder().raw_decode(process.out)
    assert "ab-seen" not in [customer["slug"] for customer in document["customers"]]
    assert process.out[end:].lstrip().startswith("{") and "\033" not in process.out


def test_watching_is_for_what_only_shows_and_ends_when_the_first_round_fails(demo, terminal):
    assert "--watch" in demo.run("jobs", "retry", "1", "--watch", status=2).stderr
    shown = terminal(demo.program, "status", "nobody", "--watch")
    assert SCREEN_ENTER not in shown.rest() and "nobody" in shown.text
    assert shown.popen.returncode == 3


# -- waiting and exit codes --------------------------------------------------------------------


def test_waiting_for_what_fails_ends_with_8(demo):
    demo.run("queues", "pause", "provisioning")
    waiting = demo.programs.start(
        "signup", "--name", "L", "--slug", "lost", "--email", "l@l.example", "--plan", "hobby",
        "--wait", env=demo.environment,
    )  # fmt: skip
    wait_until(lambda: "lost:" in waiting.err, "it does not wait")
    jobs = demo.server.get("/api/jobs?customer=lost").body["jobs"]
    demo.run("jobs", "cancel", str(jobs[0]["id"]))
    waiting.wait_for_end(8)
    demo.run("queues", "resume", "provisioning")
    assert "lost failed" in waiting.err


def test_the_exit_codes_are_explained(demo):
    said = demo.run("help", "exit-codes").stdout
    told = re.findall(r"^  (\d)  (.*)", said, re.M)
    assert [code for code, _ in told] == [str(n) for n in range(9)]
    page = (SOURCE / "docs/cli.md").read_text()
    assert re.findall(r"^\| (\d) \| (.*) \|$", page, re.M) == told


def test_colours_can_be_asked_for_without_a_terminal(demo):
    assert "\033[" in demo.run("customers", "--color", "always").stdout
    assert "\033[" not in demo.run("customers", "--color", "auto").stdout
    assert "\033[" not in demo.run("customers", "--color=never").stdout
    assert "--color must be" in demo.run("customers", "--color", "blue", status=2).stderr
