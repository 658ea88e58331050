"""Fixtures of every integration test."""

import pytest

from support.cloud import Cloud
from support.webhost import WebHost


@pytest.fixture
def webhost(tmp_path):
    programs = WebHost(tmp_path)
    yield programs
    programs.close()


@pytest.fixture
def cloud(webhost):
    """Both clouds in a process of their own, which a kill of the control plane leaves alone."""
    return Cloud(webhost)
