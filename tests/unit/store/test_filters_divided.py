"""The signal is divided by what the detection's filters let through, pixel by pixel and slot by slot."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import AnalysisError
from labctl.store import nexus
from labctl.store.filters import transmission
from labctl.store.journal import Journal
from labctl.store.run import load

FLAT = {"name": "ND 1", "transmission": 0.1, "wavelength_nm": []}
SLOPE = {"name": "slope", "transmission": [0.2, 0.4], "wavelength_nm": [500.0, 600.0]}
EDGE = {"name": "edge", "transmission": [1e-6, 1e-6, 0.9, 0.9], "wavelength_nm": [500.0, 529.0, 531.0, 600.0]}
GRANTED = {"exposure_s": 1.0, "effective_exposure_s": 1.003, "gain_e_per_count": 2.5, "read_noise_e": 6.0}
OPEN = {"name": "open", "transmission": 1.0, "wavelength_nm": []}
PIXELS_NM = np.array([520.0, 530.0, 540.0])


class TestTransmission:
    def test_wheels_multiply(self):
        passed = transmission({"a": [OPEN, SLOPE], "b": [FLAT]}, {"a": np.array([2.0, 1.0]), "b": np.array([1.0, 1.0])}, PIXELS_NM)
        np.testing.assert_allclose(passed, [[0.024, 0.026, 0.028], [0.1, 0.1, 0.1]])

    def test_pixels_behind_an_edge_were_not_seen(self):
        passed = transmission({"a": [EDGE]}, {"a": np.array([1.0])}, PIXELS_NM)
        assert np.isnan(passed[0, 0])
        np.testing.assert_allclose(passed[0, 1:], [0.45, 0.9], rtol=1e-4)

    def test_a_blocked_detection_saw_nothing(self):
        assert np.isnan(transmission({"a": [OPEN | {"transmission": 0.0}]}, {"a": np.array([1.0])}, PIXELS_NM)).all()

    def test_flat_filters_need_no_wavelength(self):
        assert transmission({"a": [FLAT]}, {"a": np.array([1.0, 1.0])}, None).tolist() == [[0.1], [0.1]]

    @pytest.mark.parametrize(("slot", "pixels", "words"), [
        (3.0, PIXELS_NM, "slot 3, which the bench file does not describe"), (2.0, None, "pixels of this run have none"),
        (2.0, np.array([480.0, 520.0]), "from 500 to 600 nm, the pixels reach from 480.0 to 520.0")])
    def test_what_cannot_be_known(self, slot, pixels, words):
        with pytest.raises(AnalysisError, match=words):
            transmission({"a": [OPEN, SLOPE]}, {"a": np.array([slot])}, pixels)


@pytest.fixture(params=["journal", "file"])
def run(request, kit, tmp_path):
    """Two slots of one wheel, the same counts in each."""
    points = kit.points((500.0, 501.0), flagged=())
    path = tmp_path / "a.journal"
    header = kit.header(points, filters={"detection.nd": [OPEN, SLOPE]},
                        constants={"repetition_rate_hz": 1e3, "detection.transmission": 0.5})
    with Journal.create(path, header) as journal:
        for index, point in enumerate(points):
            slot = 2.0 if point.set.get("pump.wavelength") == 501.0 and point.kind == "scan" else 1.0
            values = {**point.set, **GRANTED, "elapsed_s": float(index), "detection.nd_measured": slot}
            counts = np.full(len(kit.wavelengths), 700 if point.light else 300, dtype="u4")
            journal.point(index, point=point.as_json(), started_s=float(index), arrays={"counts": counts}, values=values, flags=())
        journal.end("done", end={})
    opened = load(path if request.param == "journal" else nexus.render(path, tmp_path / "a.nxs"))
    yield opened
    opened.close()


def test_signal_and_its_error_are_divided(run):
    plain = 400 * 2.5 / 1.003 / 0.5
    signal, sigma = run.signal(), run.sigma()
    np.testing.assert_allclose(signal[0], plain)
    through = np.interp(run.wavelength("air"), [500.0, 600.0], [0.2, 0.4])
    np.testing.assert_allclose(signal[1], plain / through)
    np.testing.assert_allclose(sigma[1] / sigma[0], 1.0 / through)
    assert run.counts()[1].tolist() == run.counts()[0].tolist()          # raw counts stay as they came


def test_a_run_that_does_not_say_where_the_wheel_stood_is_not_divided_blindly(kit, tmp_path):
    points = kit.points((500.0,), flagged=())
    path = kit.journal(tmp_path / "b.journal", points, filters={"detection.nd": [OPEN]})
    with load(path) as opened, pytest.raises(AnalysisError, match=r"where detection\.nd stood"):
        opened.signal()
