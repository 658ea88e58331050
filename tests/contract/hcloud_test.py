"""Hetzner's own command line, as Debian ships it, finds in the sandbox what it expects."""

import json
import subprocess

import pytest

from support.webhost import DEADLINE, wait_until

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIBbnVVcbKHkl8DtV3nQ1BzmaIcFVj2OQi3uvYIoA6hBp a@b"


class Hcloud:
    def __init__(self, sandbox, folder):
        self.env = {
            "HCLOUD_ENDPOINT": sandbox.url + "/v1",
            "HCLOUD_TOKEN": "any",
            "HOME": str(folder),
            "PATH": "/usr/bin:/bin",
        }

    def __call__(self, *arguments, status=0):
        done = subprocess.run(
            ["hcloud", "--poll-interval", "20ms", *arguments],
            env=self.env,
            capture_output=True,
            text=True,
            timeout=DEADLINE,
            check=False,
        )
        assert done.returncode == status, f"{arguments}: {done.stdout}{done.stderr}"
        return done.stdout

    def json(self, *arguments):
        return json.loads(self(*arguments, "-o", "json"))


@pytest.fixture
def hcloud(sandbox, tmp_path):
    return Hcloud(sandbox, tmp_path)


def create(hcloud, name="db-1", *options):
    hcloud(
        *("server", "create", "--name", name, "--type", "cx23", "--image", "debian-12"),
        *("--location", "fsn1", *options),
    )


def test_a_server_lives_from_create_to_delete(hcloud):
    create(hcloud, "db-1", "--label", "pool=a")
    assert hcloud.json("server", "describe", "db-1")["status"] == "running"
    for verb, status in (("poweroff", "off"), ("poweron", "running"), ("reboot", "running")):
        hcloud("server", verb, "db-1")
        assert hcloud.json("server", "describe", "db-1")["status"] == status
    listed = hcloud("server", "list", "-l", "pool=a", "-o", "noheader", "-o", "columns=name")
    assert listed.split() == ["db-1"]
    assert "cpu" in hcloud("server", "metrics", "--type", "cpu", "db-1")
    hcloud("server", "delete", "db-1")
    # It does not wait for the end of the deletion.
    wait_until(lambda: not hcloud("server", "list", "-o", "noheader").split(), "it stays")


def test_labels_are_added_and_removed(hcloud):
    create(hcloud)
    hcloud("server", "add-label", "db-1", "env=prod")
    assert hcloud.json("server", "describe", "db-1")["labels"] == {"env": "prod"}
    hcloud("server", "remove-label", "db-1", "env")
    assert hcloud.json("server", "describe", "db-1")["labels"] == {}


def test_a_server_changes_type_while_it_is_off_and_keeps_its_disk_when_told_to(hcloud):
    create(hcloud)
    hcloud("server", "change-type", "db-1", "cx33", status=1)
    hcloud("server", "poweroff", "db-1")
    hcloud("server", "change-type", "--keep-disk", "db-1", "cx33")
    server = hcloud.json("server", "describe", "db-1")
    assert (server["server_type"]["name"], server["primary_disk_size"]) == ("cx33", 40)
    hcloud("server", "change-type", "db-1", "cx43")
    hcloud("server", "change-type", "db-1", "cx23", status=1)  # its disk is too large by now
    assert hcloud.json("server", "describe", "db-1")["primary_disk_size"] == 160


def test_protection_backups_snapshots_and_rebuild(hcloud):
    create(hcloud)
    hcloud("server", "enable-protection", "db-1", "delete", "rebuild")
    hcloud("server", "delete", "db-1", status=1)
    hcloud("server", "disable-protection", "db-1", "delete", "rebuild")
    hcloud("server", "enable-backup", "db-1")
    assert hcloud.json("server", "describe", "db-1")["backup_window"] == "22-02"
    hcloud("server", "disable-backup", "db-1")
    hcloud("server", "create-image", "--type", "snapshot", "--description", "before", "db-1")
    (image,) = hcloud.json("image", "list", "--type", "snapshot")
    hcloud("server", "rebuild", "--image", str(image["id"]), "db-1")
    assert hcloud.json("server", "describe", "db-1")["image"]["id"] == image["id"]
    hcloud("image", "delete", str(image["id"]))
    hcloud("server", "set-rdns", "--hostname", "db.example.com", "db-1")
    net = hcloud.json("server", "describe", "db-1")["public_net"]
    assert net["ipv4"]["dns_ptr"] == "db.example.com"


def test_keys_firewalls_networks_volumes_and_placement_groups(hcloud, tmp_path):
    key = tmp_path / "key.pub"
    key.write_text(KEY)
    hcloud("ssh-key", "create", "--name", "k", "--public-key-from-file", str(key))
    hcloud("network", "create", "--name", "n", "--ip-range", "10.0.0.0/16")
    hcloud(
        *("network", "add-subnet", "n", "--type", "cloud", "--network-zone", "eu-central"),
        *("--ip-range", "10.0.1.0/24"),
    )
    hcloud("firewall", "create", "--name", "f")
    hcloud(
        *("firewall", "add-rule", "f", "--direction", "in", "--protocol", "tcp", "--port", "22"),
        *("--source-ips", "0.0.0.0/0"),
    )
    hcloud("placement-group", "create", "--name", "p", "--type", "spread")
    hcloud("volume", "create", "--name", "v", "--size", "10", "--location", "fsn1")
    create(
        hcloud,
        "db-1",
        *("--ssh-key", "k", "--network", "n", "--firewall", "f"),
        *("--placement-group", "p", "--volume", "v"),
    )
    server = hcloud.json("server", "describe", "db-1")
    assert server["private_net"][0]["ip"] == "10.0.1.2"
    assert server["placement_group"]["name"] == "p"
    assert hcloud.json("volume", "describe", "v")["server"] == server["id"]
    hcloud("firewall", "delete", "f", status=1)
    hcloud("volume", "detach", "v")
    hcloud("volume", "resize", "--size", "20", "v")
    hcloud("volume", "attach", "--server", "db-1", "v")
    hcloud("server", "delete", "db-1")
    volume = hcloud.json("volume", "describe", "v")
    assert (volume["server"], volume["size"]) == (None, 20)  # it outlives the server
    for kind, name in (
        ("firewall", "f"),
        ("network", "n"),
        ("placement-group", "p"),
        ("volume", "v"),
        ("ssh-key", "k"),
    ):
        hcloud(kind, "delete", name)
    assert hcloud("primary-ip", "list", "-o", "noheader").split() == []


def test_what_can_be_bought_is_listed(hcloud):
    assert "cx23" in hcloud("server-type", "list")
    assert "fsn1" in hcloud("location", "list")
    assert hcloud.json("server-type", "describe", "cx23")["cores"] == 2
