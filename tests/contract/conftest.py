"""Fixtures of the contract tests: independent judges of what the sandbox and the product say."""

import pytest

from contract.prism import SPECS, Prism
from support.webhost import WebHost


@pytest.fixture
def webhost(tmp_path):
    programs = WebHost(tmp_path)
    yield programs
    programs.close()


@pytest.fixture
def sandbox(webhost):
    return webhost.sandbox("--action-delay", "30ms", "--rate-limit", "off")


@pytest.fixture
def judges(webhost, sandbox):
    """{"hetzner": Prism, "fly": Prism} before the sandbox; ends with no violation reported."""
    both = {
        name: Prism(webhost, SPECS / f"{name}.json", sandbox.url) for name in ("hetzner", "fly")
    }
    for judge in both.values():
        judge.wait()
    yield both
    for judge in both.values():
        assert judge.violations() == []
