"""Reading a run: what a procedure asks of it, the same from a journal and from a file."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import AnalysisError, StoreError
from labctl.core.photons import air_to_vacuum
from labctl.core.plan import Point
from labctl.core.reduction import RunView
from labctl.store import nexus
from labctl.store.journal import Journal
from labctl.store.run import load


@pytest.fixture(params=["journal", "file"])
def opened(request, tmp_path):
    """Open a journal as it is, or the file rendered from it."""
    runs = []

    def open_run(journal):
        path = journal if request.param == "journal" else nexus.render(journal, tmp_path / f"{journal.stem}.nxs")
        runs.append(load(path))
        return runs[-1]

    yield open_run
    for run in runs:
        run.close()


class TestNumbers:
    """Set-points, read-backs and companions by name."""

    def test_every_name_gives_one_number_per_point(self, opened, make_journal):
        run = opened(make_journal())
        assert run["pump.wavelength"].tolist() == [500.0, 500.5, 501.0, 501.5, 502.0, 502.5]
        np.testing.assert_allclose(run["pump.wavelength_measured"], run["pump.wavelength"] + 0.01)
        assert run["pump.power"].tolist() == [3e-6] * 6
        assert run["elapsed_s"].tolist() == [4.5, 6.0, 7.5, 9.0, 10.5, 12.0]
        assert run["exposure_s"].tolist() == [1.0] * 6
        assert run["excitation_wavelength"].tolist() == run["pump.wavelength"].tolist()      # the file's name will do too

    def test_unknown_name_lists_what_there_is(self, opened, make_journal):
        with pytest.raises(KeyError, match=r"pump\.energy: the scan points of this run hold .*pump\.power, .*pump\.wavelength"):
            opened(make_journal())["pump.energy"]

    def test_other_kinds_are_views_of_their_own(self, opened, make_journal):
        run = opened(make_journal())
        reference = run.select("reference")
        assert reference["pump.wavelength"].tolist() == [501.0, 501.0]
        assert reference.counts()[:, 0].tolist() == [1020, 1090]
        assert len(run.select("dark")) == 2
        assert len(run.select("zero")) == 0
        assert reference.select("scan").counts().shape == (6, 40)

    def test_parameters_constants_serials(self, opened, make_journal):
        run: RunView = opened(make_journal())
        assert run.parameters == {"step": 0.1 + 0.2, "frames": 2, "fast": True, "mode": "up"}
        assert run.constants["repetition_rate_hz"] == 78e6
        assert run.serials == {"ccd": "4711"}

    def test_flags(self, opened, make_journal):
        run = opened(make_journal())
        assert run.flag("pump_overlap").tolist() == [False] * 5 + [True]
        assert not run.flag("saturated").any()
        assert not run.flag("never heard of").any()
        assert run.ok.all()

    def test_bad_point_is_kept_and_marked(self, opened, make_journal, kit):
        points = kit.points()
        points[4] = Point(set=points[4].set, exposure_s=1.0, flags=("bad",))
        run = opened(make_journal(points))
        assert run.ok.tolist() == [True, False, True, True, True, True]
        assert len(run.counts()) == 6


class TestWavelength:
    """The stored axis is in air; both media are one call away."""

    def test_air_as_stored_vacuum_converted(self, opened, make_journal, kit):
        run = opened(make_journal())
        np.testing.assert_array_equal(run.wavelength("air"), kit.wavelengths)
        np.testing.assert_allclose(run.wavelength(), air_to_vacuum(kit.wavelengths), rtol=0, atol=1e-9)
        assert 0.140 < (run.wavelength() - run.wavelength("air")).mean() < 0.150

    def test_axis_without_medium_is_not_guessed_at(self, opened, make_journal, kit):
        channels = kit.header([])["channels"]
        channels["counts"]["coords"]["emission_wavelength"]["medium"] = ""
        with pytest.raises(StoreError, match="does not say whether it is in air or in vacuum"):
            opened(make_journal(channels=channels)).wavelength()

    def test_unknown_medium(self, opened, make_journal):
        with pytest.raises(ValueError, match="water"):
            opened(make_journal()).wavelength("water")


class TestElectrons:
    """(counts - dark of the same exposure) × gain / effective exposure, and its standard error."""

    def write(self, path, kit, frames):
        """Write points (kind, exposure, effective exposure, gain, counts array)."""
        points = [Point(kind=kind, set={"pump.wavelength": 500.0 + i}, exposure_s=exposure)
                  for i, (kind, exposure, *_) in enumerate(frames)]
        with Journal.create(path, kit.header(points)) as journal:
            for index, (point, (_, exposure, effective, gain, counts)) in enumerate(zip(points, frames, strict=True)):
                values = {**point.set, "exposure_s": exposure, "effective_exposure_s": effective, "gain_e_per_count": gain,
                          "read_noise_e": 6.0}
                journal.point(index, point=point.as_json(), started_s=0.0, arrays={"counts": counts}, values=values, flags=())
            journal.end("done", end={})
        return path

    def flat(self, value):
        return np.full(40, value, dtype="u4")

    def test_changing_exposure_and_gain_does_not_move_the_signal(self, opened, kit, tmp_path):
        run = opened(self.write(tmp_path / "a.journal", kit, [
            ("dark", 1.0, 1.25, 2.0, self.flat(300)), ("dark", 4.0, 4.25, 2.0, self.flat(330)),
            ("scan", 1.0, 1.25, 2.0, self.flat(300 + 125)), ("scan", 4.0, 4.25, 2.0, self.flat(330 + 425)),
            ("scan", 1.0, 1.25, 1.0, self.flat(300 + 250)),
        ]))
        np.testing.assert_allclose(run.signal(), 200.0)
        np.testing.assert_allclose(run.signal(per_pulse=True), 200.0 / 78e6)
        np.testing.assert_allclose(run.sigma(per_pulse=True), run.sigma() / 78e6)

    def test_dark_of_another_exposure_is_not_subtracted(self, opened, kit, tmp_path):
        run = opened(self.write(tmp_path / "a.journal", kit, [
            ("dark", 1.0, 1.0, 2.0, self.flat(300)), ("scan", 2.0, 2.0, 2.0, self.flat(500))]))
        with pytest.raises(AnalysisError, match=r"no dark frame of 2 s .*in this run: 1 s"):
            run.signal()
        assert run.dark().tolist() == [300.0] * 40

    def test_run_without_dark_frames_keeps_raw_counts_only(self, opened, kit, tmp_path):
        run = opened(self.write(tmp_path / "a.journal", kit, [("scan", 1.0, 1.0, 2.0, self.flat(500))]))
        assert run.dark() is None
        assert run.counts()[0, 0] == 500
        with pytest.raises(AnalysisError, match="none at all"):
            run.sigma()

    def test_standard_error_is_the_scatter_of_repeated_frames(self, opened, kit, tmp_path):
        rng = np.random.default_rng(11)
        gain, read, dark_e, light_e = 2.0, 6.0, 400.0, 2500.0

        def frame(electrons):
            return np.round(500 + (rng.poisson(electrons, 40) + rng.normal(0, read, 40)) / gain).astype("u4")

        frames = [("dark", 1.0, 1.0, gain, frame(dark_e)) for _ in range(4)]
        frames += [("scan", 1.0, 1.0, gain, frame(dark_e + light_e)) for _ in range(150)]
        run = opened(self.write(tmp_path / "a.journal", kit, frames))
        expected = np.sqrt(light_e + (dark_e + read**2) * 1.25)
        assert run.sigma().mean() == pytest.approx(expected, rel=0.05)
        scatter = run.signal().std(axis=0, ddof=1).mean()             # of frames among themselves: without the common dark frame
        assert scatter == pytest.approx(np.sqrt(light_e + dark_e + read**2), rel=0.05)

    def test_cosmic_ray_in_a_dark_frame_does_not_inflate_the_error(self, opened, kit, tmp_path):
        rng = np.random.default_rng(3)
        dark = [np.round(500 + rng.normal(0, 3, 40)).astype("u4") for _ in range(3)]
        dark[1][17] += 5000
        frames = [("dark", 1.0, 1.0, 2.0, frame) for frame in dark] + [("scan", 1.0, 1.0, 2.0, self.flat(500))]
        run = opened(self.write(tmp_path / "a.journal", kit, frames))
        assert run.sigma().max() < 15.0

    def test_missing_gain_is_named(self, opened, kit, tmp_path):
        points = [Point(set={"pump.wavelength": 500.0}, exposure_s=1.0)]
        with Journal.create(tmp_path / "a.journal", kit.header(points)) as journal:
            journal.point(0, point=points[0].as_json(), started_s=0.0, arrays={"counts": self.flat(3)}, values={}, flags=())
        with pytest.raises(AnalysisError, match="need effective_exposure_s, gain_e_per_count, read_noise_e"):
            opened(tmp_path / "a.journal").signal()


def test_running_journal_can_be_loaded_and_shows_what_there_is(kit, tmp_path):
    points = kit.points()
    with Journal.create(tmp_path / "a.journal", kit.header(points)) as journal:
        kit.write(journal, points, 5)
        with load(tmp_path / "a.journal") as run:
            assert (run.status, len(run)) == ("running", 2)
        kit.write(journal, points, start=5)
        with load(tmp_path / "a.journal") as run:
            assert len(run) == 6
            assert run.data["counts"].shape == (6, 40)


def test_file_is_read_lazily(make_journal, tmp_path):
    nexus.render(make_journal(), tmp_path / "run.nxs")
    with load(tmp_path / "run.nxs") as run:
        assert not run.data["counts"].variable._in_memory
        assert int(run.data["counts"][0, 0]) == 1030
