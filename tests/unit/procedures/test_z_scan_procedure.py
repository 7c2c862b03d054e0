"""The z-scan: places in Rayleigh lengths, refusals together, and the cross-section of an exact dip."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.z_scan import peak_flux
from labctl.core.errors import AnalysisError, Refused
from labctl.core.plan import Point
from procedures.z_scan import ZScanProcedure

WAIST_CM = 30e-4
CONSTANTS = {"repetition_rate_hz": 1e3, "spot.area_cm2": np.pi * WAIST_CM**2 / 2, "spot.uncertainty": 0.05,
             "pump.power_uncertainty": 0.03}
REACHES = {"pump.power": (1e-8, 5e-3), "sample.z": (-25.0, 25.0), "pump.wavelength": (900.0, 1000.0)}
RAYLEIGH_MM = np.pi * WAIST_CM**2 / 970e-7 * 10


def test_places_rise_through_the_focus_in_rayleigh_lengths(fake_bench) -> None:
    points = [point for point in ZScanProcedure(places=9, readings=3).plan(fake_bench(reaches=REACHES, constants=CONSTANTS))
              if point.kind == "scan"]
    places = [point.set["sample.z"] for point in points]
    assert len(points) == 27
    assert places == sorted(places)
    assert places[-1] == -places[0] == pytest.approx(4 * RAYLEIGH_MM)
    assert [point.set["pump.power"] for point in points] == pytest.approx([5e-5] * 27)
    assert all("transmitted_head.power" in point.read for point in points)


def test_what_cannot_be_is_refused_together(fake_bench) -> None:
    bench = fake_bench(reaches=REACHES | {"sample.z": (-5.0, 5.0)}, constants=CONSTANTS)
    with pytest.raises(Refused) as caught:
        list(ZScanProcedure(energy=1e-3, path=10.0).plan(bench))
    assert [problem.field for problem in caught.value.problems] == ["energy", "path", "reach"]


def test_a_bench_without_the_stage_is_refused(fake_bench) -> None:
    class Bare(fake_bench):
        def reach(self, axis, at):
            if axis == "sample.z":
                raise AnalysisError("this bench has no sample.z")
            return super().reach(axis, at)

    with pytest.raises(Refused, match=r"no sample\.z"):
        list(ZScanProcedure().plan(Bare(reaches=REACHES, constants=CONSTANTS)))


@pytest.fixture
def taken(fake_run):
    """Read an exact dip of a cross-section (two photons) with 0.1 % noise, seed 3."""
    def take(procedure: ZScanProcedure, sigma_2: float):
        place = np.linspace(-4, 4, procedure.places)
        flux = peak_flux(procedure.energy, 75e-15, WAIST_CM, 970.0) / (1 + place**2)
        strength = sigma_2 * procedure.density * 0.1 * flux
        time = np.linspace(-6, 6, 4001)
        seen = np.array([np.trapezoid(np.log1p(q * np.exp(-(time**2))), time) / (np.sqrt(np.pi) * q) for q in strength])
        points = [Point({"sample.z": float(z)}) for z in place * RAYLEIGH_MM]
        power = np.full(len(place), 2e-6)
        noisy = power * 0.8 * seen * (1 + 1e-3 * np.random.default_rng(3).normal(size=len(place)))
        return fake_run(points, values={"power": power, "transmitted_head.power": noisy, "pump.power_measured": power * 25},
                        constants=CONSTANTS)
    return take


def test_the_cross_section_is_recovered_with_its_common_errors(taken) -> None:
    procedure = ZScanProcedure()
    results = procedure.reduce(taken(procedure, 1.88e-44)).results
    section = results["cross_section_2p"]
    assert section.value == pytest.approx(1.88e-44, rel=0.03)
    assert section.unit == "cm4 s"
    assert section.systematic == pytest.approx(section.value * np.linalg.norm([0.03, 0.1, 0.05]), rel=1e-6)
    assert results["rayleigh_length"].value == pytest.approx(RAYLEIGH_MM, rel=0.02)
    assert 5 < results["dip"].value < 60


def test_no_dip_no_cross_section_but_the_curve(taken) -> None:
    procedure = ZScanProcedure()
    reduction = procedure.reduce(taken(procedure, 1e-49))
    assert "cross_section_2p" not in reduction.results
    assert "No nonlinear absorption" in reduction.problems[0].text
    assert "transmission" in reduction.curves
