"""One default PLE run on the simulated bench, taken once and looked at by many tests."""

from __future__ import annotations

import pytest

from labctl import api


@pytest.fixture(scope="session")
def ple_run(tmp_path_factory, session_state):
    """The default PLE scan, seed 1."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(session_state))
        root = tmp_path_factory.mktemp("data")
        with api.open_bench("ying2021") as bench:
            return api.run("ple", bench, order=api.Order("ple", root, seed=1))


@pytest.fixture
def run_ple(labctl_state, tmp_path):
    """Run a PLE scan with other parameters, bench or seed."""
    def run(bench="ying2021", *, seed=1, figure=False, inspect=None, control=None, **values):
        with api.open_bench(str(bench)) as opened:
            outcome = api.run("ple", opened, values, order=api.Order("ple", tmp_path, seed=seed, figure=figure), control=control)
            if inspect is not None:
                inspect(opened)
            return outcome
    return run
