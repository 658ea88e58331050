"""A host sets itself up by its user data: PostgreSQL and PgBouncer, run with the very files."""

import os
import shutil
import subprocess
import tempfile

import pytest
import yaml

from support.pgcluster import Cluster, find_programs, free_port
from support.webhost import wait_until

KEY, HOST = "key-of-the-test", "wh-fsn1-1"
SNAKEOIL = ("/etc/ssl/certs/ssl-cert-snakeoil.pem", "/etc/ssl/private/ssl-cert-snakeoil.key")


def tell(*arguments):
    command = [os.environ["WEBHOST_USER_DATA_BIN"], KEY, HOST, *arguments]
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout


@pytest.fixture(scope="module", name="files")
def files_of_user_data():
    document = yaml.safe_load(tell())
    return {entry["path"]: entry["content"] for entry in document["write_files"]}


class Host:
    """The files of a host at other places and ports; nothing else of them is changed."""

    def __init__(self, folder, files):
        self.folder, self.files = folder, files
        self.cluster = Cluster(find_programs(), folder)
        self.certificate = (os.path.join(folder, "host.pem"), os.path.join(folder, "host.key"))
        self.bouncer = None

    def moved(self, path):
        text = self.files[path]
        for old, new in zip(SNAKEOIL, self.certificate):
            text = text.replace(old, new)
        return text

    def write(self, name, text):
        path = os.path.join(self.folder, name)
        with open(path, "w", encoding="utf-8") as out:
            out.write(text)
        if self.cluster.user:
            os.chown(path, self.cluster.user["user"], self.cluster.user["group"])
        os.chmod(path, 0o600)
        return path

    def start(self):
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=host",
             "-days", "2", "-out", self.certificate[0], "-keyout", self.certificate[1]],
            check=True, capture_output=True,
        )  # fmt: skip
        for path in self.certificate:
            with open(path, encoding="utf-8") as text:
                self.write(os.path.basename(path), text.read())
        hba = self.write("hba", self.moved("/etc/postgresql/15/main/pg_hba.conf").replace(
            "peer", "trust"))  # fmt: skip
        settings = self.moved("/etc/postgresql/15/main/conf.d/webhost.conf")
        pairs = [line.replace(" ", "").replace("'", "") for line in settings.splitlines()]
        pairs = [pair for pair in pairs if not pair.startswith("max_connections")]
        url = self.cluster.start([*pairs, f"hba_file={hba}"])
        self.port = int(url.rsplit(":", 1)[1].split("/")[0])
        self.psql_file(self.write("fleet.sql", self.moved("/etc/webhost/fleet.sql")))

    def psql_file(self, path):
        subprocess.run(
            ["psql", "-X", "-q", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-p", str(self.port),
             "-U", "postgres", "-f", path, "postgres"],
            check=True, capture_output=True, text=True,
        )  # fmt: skip

    def start_bouncer(self):
        self.bouncer_port = free_port()
        users = self.write("userlist.txt", self.moved("/etc/pgbouncer/userlist.txt"))
        text = self.moved("/etc/pgbouncer/pgbouncer.ini")
        for old, new in (
            ("host=/var/run/postgresql port=5432", f"host={self.folder} port={self.port}"),
            ("listen_addr = *", "listen_addr = 127.0.0.1"),
            ("listen_port = 6432", f"listen_port = {self.bouncer_port}"),
            ("/etc/pgbouncer/userlist.txt", users),
            ("/var/run/postgresql", self.folder),
            ("/var/log/postgresql", self.folder),
        ):
            assert old in text
            text = text.replace(old, new)
        command = [shutil.which("pgbouncer", path="/usr/sbin:/usr/bin"), self.write("ini", text)]
        self.bouncer = subprocess.Popen(
            command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, **self.cluster.user
        )

    def ask(self, port, password, options):
        address = f"host=127.0.0.1 port={port} dbname=fleet user=webhost {options}"
        return subprocess.run(
            ["psql", "-X", "-A", "-t", "-c", "SELECT current_user, ssl FROM pg_stat_ssl"
             " WHERE pid = pg_backend_pid()", address],
            env=dict(os.environ, PGPASSWORD=password), capture_output=True, text=True, check=False,
        )  # fmt: skip

    def query(self, sql):
        done = subprocess.run(
            ["psql", "-XAt", "-h", self.folder, "-p", str(self.port), "-U", "postgres", "-c", sql],
            check=True, capture_output=True, text=True,
        )  # fmt: skip
        return done.stdout.strip()

    def stop(self):
        if self.bouncer:
            self.bouncer.terminate()
            self.bouncer.wait()
        self.cluster.stop()


@pytest.fixture(scope="module", name="host")
def running_host(files):
    with tempfile.TemporaryDirectory(prefix="webhost-host-") as folder:
        os.chmod(folder, 0o755)
        host = Host(folder, files)
        try:
            host.start()
            yield host
        finally:
            host.stop()


def test_cloud_init_accepts_the_user_data():
    if not shutil.which("cloud-init"):
        pytest.skip("cloud-init is not installed")
    with tempfile.NamedTemporaryFile("w", suffix=".yaml") as file:
        file.write(tell())
        file.flush()
        said = subprocess.run(
            ["cloud-init", "schema", "--config-file", file.name],
            capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert said.returncode == 0, said.stdout + said.stderr
    assert "Valid cloud-config" in said.stdout


def test_the_derived_password_opens_the_database_with_channel_binding(host):
    secure = "sslmode=require channel_binding=require"
    said = host.ask(host.port, tell("password"), secure)
    assert said.stdout.strip() == "webhost|t", said.stderr
    wrong = host.ask(host.port, "wrong", secure)
    assert wrong.returncode != 0 and "password authentication failed" in wrong.stderr


def test_a_host_can_give_and_take_tenants_by_logical_replication(host):
    said = host.query(
        "SELECT current_setting('wal_level'), current_setting('max_replication_slots')::int >= 10,"
        " current_setting('max_wal_senders')::int >= 10,"
        " current_setting('max_logical_replication_workers')::int >= 10,"
        " current_setting('max_slot_wal_keep_size') <> '-1', rolsuper"
        " FROM pg_roles WHERE rolname = 'webhost'"
    )
    assert said == "logical|t|t|t|t|t"


def test_without_tls_nobody_comes_in(host):
    said = host.ask(host.port, tell("password"), "sslmode=disable")
    assert said.returncode != 0 and "no pg_hba.conf entry" in said.stderr


def test_pgbouncer_lets_the_same_password_through(host):
    host.start_bouncer()
    password = tell("password")
    wait_until(
        lambda: host.ask(host.bouncer_port, password, "sslmode=require").returncode == 0,
        "PgBouncer lets nobody in",
    )
    assert host.ask(host.bouncer_port, "wrong", "sslmode=require").returncode != 0
    assert host.ask(host.bouncer_port, password, "sslmode=disable").returncode != 0
