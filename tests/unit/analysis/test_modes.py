"""Lines of a cavity: distance, index, quality against diameter, and the disorder of random lasing."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis.modes import (
    find_lines,
    group_index,
    index_from_diameters,
    median,
    quality,
    quality_against_diameter,
    repeated_share,
    spacing,
    strongest,
)
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

PIXELS = np.arange(529.0, 545.0, 0.0156)
INDEX, DIAMETER, INSTRUMENT = 1.46, 88.0, 0.0278


def gallery(diameter_um: float = DIAMETER) -> np.ndarray:
    """Give the wavelengths λ_m = π D n/(m + 0.3) near 537 nm."""
    turn = np.pi * diameter_um * 1e3 * INDEX
    order = np.arange(np.ceil(turn / 541), np.floor(turn / 533)) + 0.3
    return np.sort(turn / order)


def spectrum(centres: np.ndarray, width: float = 0.1690, height: float = 4000.0) -> np.ndarray:
    read = np.hypot(width, INSTRUMENT)
    envelope = height * np.exp(-(((centres - 537) / 3) ** 2))
    lines = envelope * np.exp(-4 * np.log(2) * ((PIXELS[:, None] - centres) / read) ** 2)
    return lines.sum(axis=1) + 150.0


def found(rng: np.random.Generator, centres: np.ndarray, **change: float):
    exact = spectrum(centres, **change)
    return find_lines(PIXELS, rng.poisson(exact).astype(float), np.sqrt(exact), instrument_fwhm_nm=INSTRUMENT)


def test_every_line_is_found_once() -> None:
    lines = found(np.random.default_rng(1), gallery())
    tall = gallery()[np.exp(-(((gallery() - 537) / 3) ** 2)) > 0.15]
    assert [line.centre_nm.value for line in lines] == pytest.approx(tall, abs=0.01)


def test_distance_index_and_quality_are_recovered(recover) -> None:
    centres = gallery()
    tall = centres[np.exp(-(((centres - 537) / 3) ** 2)) > 0.2]

    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        best = min(found(rng, tall), key=lambda line: abs(line.centre_nm.value - tall[len(tall) // 2]))
        return quality(best), best.centre_nm

    recover(draw, tall[len(tall) // 2] / 0.1690, tall[len(tall) // 2], share=0.3).insist(bias=1.0)


def test_index_of_the_88_um_cavity() -> None:
    gaps = spacing(found(np.random.default_rng(2), gallery()))
    assert gaps.fsr_nm.value == pytest.approx(537.0**2 / (np.pi * 88e3 * INDEX), abs=0.006)
    index = group_index(gaps.fsr_nm, gaps.middle_nm, DIAMETER, diameter_error_um=0.5)
    assert index.value == pytest.approx(INDEX, abs=0.01)
    assert index.systematic == pytest.approx(index.value * 0.5 / 88)


def test_equal_distances_and_random_ones_differ_in_their_scatter() -> None:
    rng = np.random.default_rng(3)
    regular = spacing(found(rng, gallery()))
    assert regular.relative_sd is not None
    assert regular.relative_sd.value < 0.05
    random = spacing(found(rng, np.sort(rng.uniform(531, 543, 12))))
    assert random.relative_sd is not None
    assert random.relative_sd.value > 0.3


def test_index_from_several_diameters() -> None:
    diameters = np.array([15, 30, 50, 88, 125.0])
    fsr = 537.0**2 / (np.pi * diameters * 1e3 * INDEX)
    assert index_from_diameters(diameters, fsr, 0.01 * fsr, 537.0).value == pytest.approx(INDEX)


def test_quality_against_diameter(recover) -> None:
    diameters = np.linspace(15, 125, 9)

    def draw(rng: np.random.Generator) -> tuple[Result, ...]:
        law = quality_against_diameter(diameters, 2760 + 4.6 * diameters + rng.normal(0, 20, 9), np.full(9, 20.0))
        return law.slope, law.intercept

    recover(draw, 4.6, 2760.0).insist()


def test_fit_of_quality_tells_its_share_of_the_scatter() -> None:
    diameters = np.linspace(15, 125, 9)
    law = quality_against_diameter(diameters, 2760 + 4.6 * diameters)
    assert law.r2 == pytest.approx(1)
    assert law.greatest == pytest.approx(2760 + 4.6 * 125)


def test_median_interval_holds_the_truth_whatever_the_distribution(recover) -> None:
    recover(lambda rng: median(990 * np.exp(0.12 * rng.normal(size=40))), 990.0).insist()
    skewed = recover(lambda rng: median(rng.exponential(size=41)), np.log(2))
    assert skewed.coverage > 0.87


def test_lines_found_again_in_the_next_shot() -> None:
    rng = np.random.default_rng(4)
    fixed = [gallery() + rng.normal(0, 0.02, len(gallery())) for _ in range(6)]
    redrawn = [rng.uniform(524, 540, 8) for _ in range(20)]
    assert repeated_share(fixed).value == 1.0
    assert repeated_share(redrawn).value < 0.3


def test_strongest_line() -> None:
    lines = found(np.random.default_rng(5), gallery())
    assert strongest(lines).centre_nm.value == pytest.approx(gallery()[np.argmin(np.abs(gallery() - 537))], abs=0.01)


def test_refusals_say_why() -> None:
    rng = np.random.default_rng(6)
    with pytest.raises(AnalysisError, match="No lasing line"):
        find_lines(PIXELS, rng.poisson(np.full(PIXELS.size, 150.0)).astype(float), np.full(PIXELS.size, 12.2))
    with pytest.raises(AnalysisError, match="a distance needs two"):
        spacing(found(rng, np.array([537.0])))
    with pytest.raises(AnalysisError, match="no 95 % interval"):
        median([1.0, 2.0, 3.0])
    with pytest.raises(AnalysisError, match="three successive shots"):
        repeated_share([np.array([537.0]), np.array([])])
    with pytest.raises(AnalysisError, match="2 cavities"):
        quality_against_diameter(np.array([15.0, 88.0]), np.array([2800.0, 3100.0]))
