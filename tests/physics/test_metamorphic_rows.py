"""Change one constant of Ying's sample or bench, measure as before: the result moves by as much as it should.

The rows that the other files of this folder do not hold; noise seeds are the same before and after.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from benchmarks.score import ying as score
from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.lines import gaussian_line
from labctl.analysis.polarization import angle_between, malus
from labctl.analysis.threshold import kink, series
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.light import gaussian_nodes
from sim_instruments.twin.resonance import emission
from sim_instruments.twin.sample import Sample
from sim_instruments.twin.spectra import Emission, NarrowLine, Polarisation
from sim_instruments.twin.spectrograph import Analyser, Geometry, photons_per_column, window
from sim_instruments.twin.units import energy_ev

POWERS_UW = np.array([*range(2, 21, 2), *range(25, 46, 5)], dtype=float)
USABLE_NM = np.arange(520.0, 527.1, 0.5)


def with_modes(sample: Sample, *changes: dict[str, float]) -> Sample:
    """Give the sample with its lower and upper mode changed; each change is added."""
    modes = tuple(replace(mode, **{name: getattr(mode, name) + by for name, by in change.items()})
                  for mode, change in zip(sample.cavity.modes, changes, strict=True))
    return replace(sample, cavity=replace(sample.cavity, modes=modes))


def light(sample, power_uw, pump_nm=526.0):
    nodes, weights = gaussian_nodes(pump_nm, score.BAND_NM)
    fluence = float(score.fluence_j_cm2(power_uw * 1e-6, score.RATE_HZ, score.AREA_CM2))
    return emission(Pump(nodes, fluence * weights, score.PULSE_S), sample, score.COLD_K)


def turn(sample):
    """Fit the pair at every angle of an analyser before a half-wave plate; gives the laws of both lines and the fits."""
    seen = score.camera(3)
    taken = [seen.take(lambda level: light(sample, level), score.LEVEL_UW, Analyser(float(angle), 0.0, score.EXTINCTION))
             for angle in score.ANGLES_DEG]
    fitted = score.fits(score.Spectra(score.ANGLES_DEG, score.GRID_NM, *map(np.array, zip(*taken, strict=True))))
    laws = [malus(score.ANGLES_DEG, np.array([getattr(each, name) for each in fitted])) for name in ("lower", "upper")]
    return (*laws, fitted[0].shape)


@pytest.fixture(scope="module")
def plain(ying):
    return turn(ying)


def excitation_maximum_ev(sample):
    """Give the maximum of the excitation spectrum at constant flux, by the estimator of the procedure; no noise."""
    curve = np.array([sum(line.photons for line in light(sample, score.equal_flux_uw(nm), nm).lines) for nm in USABLE_NM])
    top = parabola_maximum(USABLE_NM, curve, 0.01 * curve, np.ones(len(USABLE_NM), dtype=bool))
    return float(energy_ev(top.wavelength_nm))


def test_all_levels_up_by_1_mev(ying):
    up = replace(ying, lines=replace(ying.lines, emission_ev=ying.lines.emission_ev + 1e-3))
    up = with_modes(up, {"energy_ev": 1e-3}, {"energy_ev": 1e-3})
    shifts = []
    for sample in (ying, up):
        weak = light(sample, 4.0, 495.0)
        broad = gaussian_line(weak.wavelength_nm, weak.continuum, 0.01 * weak.continuum.max() * np.ones_like(weak.continuum))
        lines = [float(energy_ev(line.centre_nm)) for line in light(sample, 50.0).lines]
        shifts.append([broad.centre_ev.value, *lines])
    assert np.subtract(*shifts[::-1]) == pytest.approx(1e-3, abs=1e-4)
    assert excitation_maximum_ev(up) - excitation_maximum_ev(ying) == pytest.approx(1e-3, abs=3e-4)


@pytest.mark.parametrize("name", ["transmission", "cross_section_400_cm2"])
def test_a_tenth_more_excitation_needs_a_tenth_less_power(ying, name):
    more = replace(ying, absorption=replace(ying.absorption, **{name: 1.1 * getattr(ying.absorption, name)}))
    places = []
    for sample, powers in ((ying, POWERS_UW), (more, POWERS_UW / 1.1)):
        seen = np.array([sum(line.photons for line in light(sample, power, 495.0).lines) for power in powers])
        places.append(kink(series(powers, seen, 0.02 * seen.max() * np.ones(len(seen)))).threshold.value)
    assert places[1] / places[0] == pytest.approx(1 / 1.1, abs=0.005)


def test_a_less_polarised_line(ying, plain):
    less = turn(with_modes(ying, {"polarisation": -0.085}, {}))
    assert less[0].dolp.value - plain[0].dolp.value == pytest.approx(-8.5, abs=1.0)
    assert plain[0].dolp_fit_coefficients.value == pytest.approx(87.8, abs=1.0)
    assert less[0].dolp_fit_coefficients.value == pytest.approx(77.8, abs=1.0)
    assert less[1].dolp.value == pytest.approx(plain[1].dolp.value, abs=0.5)


def test_a_turned_crystal(ying, plain):
    turned = turn(with_modes(ying, {"angle_deg": 10.0}, {"angle_deg": 10.0}))
    for before, after in zip(plain[:2], turned[:2], strict=True):
        assert (after.axis.value - before.axis.value) % 180.0 == pytest.approx(10.0, abs=0.5)
    assert angle_between(*turned[:2]).value == pytest.approx(angle_between(*plain[:2]).value, abs=0.5)


def test_a_wider_doublet(ying):
    """Read where the analyser extinguishes the other line."""
    distances = []
    for up in (0.0, 0.5e-3):
        sample, seen, places = with_modes(ying, {}, {"energy_ev": up}), score.camera(3), []
        for angle in (25.0, 115.0):
            signal, sigma = seen.take(lambda level, sample=sample: light(sample, level), score.LEVEL_UW,
                                      Analyser(angle, 0.0, score.EXTINCTION))
            top = float(score.GRID_NM[np.argmax(signal)])
            places.append(gaussian_line(score.GRID_NM, signal, sigma, near_nm=top, half_range_nm=0.3).centre_ev.value)
        distances.append(places[1] - places[0])
    assert distances[1] - distances[0] == pytest.approx(0.5e-3, abs=0.1e-3)


@pytest.mark.parametrize("fwhm_nm", [1e-4, 0.405])
def test_a_wider_slit(fwhm_nm):
    """A lamp's line shows the slit; the width of a broader line comes back when the instrument's is taken out in quadrature."""
    read = []
    for slit_um in (50.0, 100.0):
        seen = window(Geometry(320.0, 12.0, 1024, 26.0), 1200.0, 530.0, slit_um)
        line = Emission(np.array([500.0, 560.0]), np.zeros(2), Polarisation(), (NarrowLine(531.0, fwhm_nm, 1e6, Polarisation()),))
        columns = photons_per_column(line, seen, None, 0.0)
        found = gaussian_line(seen.wavelength_nm, columns, np.sqrt(columns + 16.0), near_nm=531.0, half_range_nm=1.5)
        read.append((found.fwhm_nm.value, float(np.interp(531.0, seen.wavelength_nm, seen.fwhm_nm))))
    if fwhm_nm < 0.01:
        assert [width for width, _ in read] == pytest.approx([0.145, 0.242], rel=0.05)
    else:
        assert [np.sqrt(width**2 - own**2) for width, own in read] == pytest.approx([fwhm_nm] * 2, rel=0.03)
