"""What earlier runs say of a sample: the newest at the same pump wavelength, of the same kind of bench, and nothing else."""

from __future__ import annotations

from contextlib import contextmanager
from types import SimpleNamespace

import pytest

from labctl.core.errors import StoreError
from labctl.core.plan import Result
from labctl.engine import known as looked_at
from labctl.engine.known import Known, known

PUMP_NM = 400.0
ONSET, SECTION = Result(12.0, 1.0, "µJ/cm²", "kink"), Result(2.5e-14, 1e-15, "cm²", "saturation")


@pytest.fixture
def runs(monkeypatch, tmp_path):
    """A catalogue of runs that are made up; gives a function that adds one, newest last."""
    entries, files = [], {}

    class Index:
        def __init__(self, root):
            pass

        def __enter__(self):
            return self

        def __exit__(self, *exc):
            pass

        def refresh(self):
            pass

        def find(self, query):
            return [entry for entry in reversed(entries) if entry.sample == query.sample]

    @contextmanager
    def load(path):
        yield files[path]

    def add(results, *pumps, sample="film", simulated=True):
        path = tmp_path / f"{len(entries)}.nxs"
        path.touch()
        entries.append(SimpleNamespace(path=path, sample=sample, simulated=simulated, rehearsal=False, number=len(entries) + 1))
        files[path] = SimpleNamespace(results=results, header={"plan": [{"set": {"pump.wavelength": pump}} for pump in pumps]})

    monkeypatch.setattr(looked_at, "Catalogue", Index)
    monkeypatch.setattr(looked_at, "load", load)
    looked_at._found.cache_clear()
    return add


def test_the_newest_of_each_counts(runs, tmp_path):
    runs({"threshold_kink_fluence": Result(99.0, 1.0, "µJ/cm²", "kink")}, PUMP_NM)
    runs({"cross_section_1p": SECTION}, PUMP_NM)
    runs({"threshold_power": Result(3.0, 1.0, "µW", "kink"), "threshold_kink_fluence": ONSET}, PUMP_NM, PUMP_NM + 0.2 - 0.2)
    assert known(tmp_path, "film", PUMP_NM, simulated=True) == Known(12.0 * 1e-6, 3, 2.5e-14, 2)


@pytest.mark.parametrize("more", [{"sample": "other"}, {"simulated": False}])
def test_other_samples_and_other_benches_say_nothing(runs, tmp_path, more):
    runs({"threshold_kink_fluence": ONSET}, PUMP_NM, **more)
    assert known(tmp_path, "film", PUMP_NM, simulated=True) == Known()


@pytest.mark.parametrize("pumps", [(PUMP_NM + 5.0,), (PUMP_NM, PUMP_NM + 5.0), ()])
def test_other_wavelengths_say_nothing(runs, tmp_path, pumps):
    runs({"threshold_kink_fluence": ONSET}, *pumps)
    assert known(tmp_path, "film", PUMP_NM, simulated=True) == Known()


def test_where_there_is_no_data_folder_nothing_is_known(monkeypatch, tmp_path):
    def refuse(root):
        raise StoreError("no such folder")

    monkeypatch.setattr(looked_at, "Catalogue", refuse)
    assert known(tmp_path, "film", PUMP_NM, simulated=True) == Known()
