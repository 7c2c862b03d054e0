"""A run that moves its spectrograph: every spectrum has the wavelengths of the place where it was taken, in journal and file."""

from __future__ import annotations

import h5py
import numpy as np
import pytest

from labctl import api
from labctl.analysis.spectrograph import of_run
from labctl.core import Point, Procedure
from labctl.core.errors import AnalysisError
from labctl.core.part import Part
from labctl.core.plots import Map, Spectrum
from labctl.core.reduction import Reduction
from labctl.engine import runner
from labctl.engine.control import Control
from labctl.engine.events import Listeners, PointDone

CENTRES = (546.0, 557.0, 557.0)


class Panorama(Procedure):
    """Spectra at some centres of the spectrograph."""

    title = "panorama"
    plots = (Map("Spectra", y="emission.centre"), Spectrum("Newest"))
    centres = CENTRES

    def plan(self, bench):
        yield Point({"pump.wavelength": 505.0}, kind="dark", light=False, read=("spectrum",), exposure_s=0.05)
        for centre in self.centres:
            yield Point({"emission.centre": centre}, read=("spectrum",), exposure_s=0.05)

    def reduce(self, run):
        return Reduction()


class AtOneCentre(Panorama):
    """The same, at one centre, which is not the one where the spectrograph stood before."""

    centres = (546.0, 546.0)


@pytest.fixture
def taken(tmp_path):
    """Run a procedure on an uncalibrated bench, whose attenuator park leaves where it stands: there is light."""
    def take(procedure, *, stop_after=10**6, figure=False):
        control, seen = Control(), []

        def count(event):
            seen.append(isinstance(event, PointDone))
            if sum(seen) == stop_after:
                control.request("Ctrl-C")

        with api.open_bench("ying2021") as bench:
            order = runner.Order("panorama", tmp_path, seed=4, figure=figure)
            return runner.run(procedure, bench, order, control=control, listeners=Listeners(count))
    return take


def expected(run, centre_nm):
    """Wavelengths in air of every pixel, from the bench's geometry and the read-back alone."""
    return of_run(run, int(run.constants["spectrograph.grating"])).columns(centre_nm, run.counts().shape[1],
                                                                           float(run.constants["spectrograph.pixel_um"]))


def test_every_point_has_its_own_wavelengths(taken):
    outcome = taken(Panorama(), figure=True)
    assert outcome.status == "done", outcome.problems
    assert outcome.figure is not None, outcome.problems
    with api.load(outcome.run) as run:
        axes = run.wavelengths("air")
        for row, centre in enumerate(run["emission.centre_measured"]):
            np.testing.assert_array_equal(axes[row], expected(run, centre))
        assert [round(axis.mean()) for axis in axes] == [546, 557, 557]
        assert run.data["counts"].dims == ("point_number", "column")
        np.testing.assert_array_equal(run.data["counts"].coords["emission_wavelength"], axes)
        with pytest.raises(AnalysisError, match="several places of the spectrograph"):
            run.wavelength()
        there = Part(run, "emission.centre", 557.0)
        np.testing.assert_array_equal(there.wavelength("air"), axes[1])
        brightest = [axis[np.argmax(counts)] for axis, counts in zip(axes, run.counts(), strict=True)]
        assert np.ptp(brightest) < 2.0, "the emission stays where it is, whichever way the spectrograph looks"


def test_other_programs_take_the_file(taken):
    from silx.io import nxdata

    with h5py.File(taken(Panorama()).run) as file:
        plot = nxdata.get_default(file)
        assert plot is not None
        assert plot.is_valid, plot.issues
        assert plot.axes_dataset_names == ["point_number", "column"]
        assert file["entry/data"].attrs["emission_wavelength_indices"].tolist() == [0, 1]
        assert file["entry/instrument/spectrograph/wavelength"].shape == file["entry/data/counts"].shape


def test_one_centre_gives_one_axis_and_the_right_one(taken):
    with api.load(taken(AtOneCentre()).run) as run:
        centre = run["emission.centre_measured"][0]
        np.testing.assert_array_equal(run.wavelength("air"), expected(run, centre))
        assert run.data["counts"].dims[-1] == "emission_wavelength"


@pytest.mark.parametrize("done", [2, 3])
def test_an_interrupted_run_keeps_the_wavelengths_of_the_points_it_has(taken, done):
    whole, cut = taken(Panorama()), taken(Panorama(), stop_after=done)
    assert (cut.status, cut.points) == ("aborted", done)
    journal = cut.run.with_suffix(".journal")
    with api.load(whole.run) as run, api.load(journal) as half:
        np.testing.assert_array_equal(half.wavelengths(), run.wavelengths()[:done - 1])
    with api.open_bench("ying2021") as bench:
        resumed = runner.resume(Panorama(), bench, journal, figure=False)
    assert resumed.status == "done", resumed.problems
    with api.load(whole.run) as one, api.load(resumed.run) as other:
        np.testing.assert_array_equal(one.wavelengths(), other.wavelengths())
        np.testing.assert_array_equal(one.counts(), other.counts())
