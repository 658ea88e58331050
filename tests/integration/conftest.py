"""Fixtures of every integration test."""

import pytest

from support.webhost import WebHost


@pytest.fixture
def webhost(tmp_path):
    programs = WebHost(tmp_path)
    yield programs
    programs.close()
