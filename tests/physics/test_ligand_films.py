"""Films of dots with either ligand: where they absorb and emit, how they fade, how they age."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.decay import fit_decay
from labctl.analysis.decay_model import Response as Measured
from labctl.analysis.decay_model import Timing
from labctl.analysis.lines import gaussian_line
from sim_instruments.twin import counting
from sim_instruments.twin.counter_arm import fading
from sim_instruments.twin.decay import Decay
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump, one_photon_cm2
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.units import energy_ev

T = 300.0
PULSE = Pump.monochromatic(400.0, 1e-7, 50e-12)


OLEYLAMINE = ("oam", 524.0, 517.0, 5.8, 21.2, 113.7 / 80.1, 16.89)
OCTYLAMINE = ("ola", 520.0, 511.0, 3.4, 14.6, 157.9 / 44.8, 9.55)
"""Emission and absorption maximum in nm; time constants in ns, ratio of their amplitudes, average lifetime in ns."""


@pytest.fixture(params=[OLEYLAMINE, OCTYLAMINE], ids=["oleylamine", "octylamine"])
def claim(request):
    return request.param


@pytest.fixture
def film(claim):
    return load_sample(f"xiong2022_{claim[0]}_film")


def test_without_spheres_there_is_no_feedback(film):
    assert not emission(PULSE, film, T).lines


def test_emission_maximum(claim, film):
    light = emission(PULSE, film, T)
    inside = np.abs(light.wavelength_nm - claim[1]) < 35.0
    found = gaussian_line(light.wavelength_nm[inside], light.continuum[inside], np.full(inside.sum(), light.continuum.max() / 100))
    assert found.centre_nm.value == pytest.approx(claim[1], abs=1.0)


def test_absorption_maximum(claim, film):
    wavelength = np.arange(495.0, 530.0, 0.1)
    absorbed = one_photon_cm2(energy_ev(wavelength), film, T)
    peaks = wavelength[1:-1][(absorbed[1:-1] > absorbed[:-2]) & (absorbed[1:-1] > absorbed[2:])]
    assert peaks[-1] == pytest.approx(claim[2], abs=1.0)


def test_decay_is_the_table_s(claim, film):
    """Components, and the intensity-weighted average Σ A τ²/Σ A τ that the paper quotes as the lifetime."""
    _, rest = fading(PULSE, film, T)
    assert rest.photons == pytest.approx(1.0)
    assert rest.lifetimes_s * 1e9 == pytest.approx(claim[3:5])
    assert rest.rates[0] / rest.rates[1] == pytest.approx(claim[5], rel=1e-4)
    average = rest.rates @ rest.lifetimes_s**2 / (rest.rates @ rest.lifetimes_s)
    assert average * 1e9 == pytest.approx(claim[6], abs=0.01)


def test_decay_is_recovered_from_a_histogram(claim, film):
    """Two million photons at 5 MHz, IRF 180 ps: components, their ratio and the average within 5 %."""
    edges, draw = np.arange(0.0, 200.0, 0.064) * 1e-9, np.random.default_rng(1)
    edges = np.append(edges, 200e-9)
    response = counting.Response(180e-12)
    prompt = Decay(np.array([1.0 / 1e-13]), np.array([1e-13]))
    light, flash = (counting.incident(edges, shape, response, 200e-9, start_s=5e-9, rate_hz=1e4)
                    for shape in (fading(PULSE, film, T)[1], prompt))
    counts, irf = draw.poisson(2e6 * light)[:-1], draw.poisson(2e6 * flash)[:-1].astype(float)
    found = fit_decay(counts, Measured(irf / irf.sum(), 64.0), Timing(64.0, 64.0 * len(counts)), components=2, systematics=False)
    fast, slow = found.amplitudes
    assert [lifetime.value / 1e3 for lifetime in found.lifetimes] == pytest.approx(claim[3:5], rel=0.05)
    assert fast.value / slow.value == pytest.approx(claim[5], rel=0.05)
    assert found.intensity_average.value / 1e3 == pytest.approx(claim[6], rel=0.02)


@pytest.mark.parametrize(("name", "hours", "left"), [("xiong2022_ola", 10.0, 0.33), ("xiong2022_oam", 10.0, 0.17)])
def test_heat_leaves_the_published_part(name, hours, left):
    ageing = load_sample(name).ageing
    assert ageing.heat_reference_k == pytest.approx(273.15 + 60.0)
    assert np.exp(-ageing.heat_per_s * hours * 3600.0) == pytest.approx(left, abs=0.001)


@pytest.mark.parametrize(("name", "left_percent"), [("xiong2022_ola", 39.9), ("xiong2022_oam", 5.5)])
def test_air_leaves_the_published_part(name, left_percent):
    """Quantum yield after 100 days, from the 91.8 % of fresh octylamine dots."""
    assert 91.8 * np.exp(-load_sample(name).ageing.air_per_s * 100 * 86400.0) == pytest.approx(left_percent, abs=0.1)
