"""A state folder that lives as long as the session."""

from __future__ import annotations

import pytest


@pytest.fixture(scope="session")
def session_state(tmp_path_factory):
    """One calibration serves every run of a session."""
    return tmp_path_factory.mktemp("session_state")


@pytest.fixture
def labctl_state(monkeypatch, session_state):
    """Point labctl at the session's state folder."""
    monkeypatch.setenv("LABCTL_STATE", str(session_state))
    return session_state
