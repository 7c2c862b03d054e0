"""Xiong et al. 2022: a random laser of dots on silica spheres, two ligands; films, decays, heat and air."""

from __future__ import annotations

import functools
import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np

from labctl.analysis.lines import Line
from labctl.analysis.modes import find_lines, median, quality, repeated_share
from labctl.analysis.pump import READING_ERROR, UNIT, PumpScale
from labctl.analysis.series import spectra_of
from labctl.analysis.slopes import slope
from labctl.analysis.threshold import kink, series
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.reproduce.plan import Experiment, Panel, Paper, Runs, Step, on_sample
from labctl.reproduce.reading import at_the_sample, line_of
from labctl.store.run import Run

NAME, BENCH, DECAYS = "xiong2022", "xiong2022", "xiong2022-trpl"
LIGANDS = ("oam", "ola")
HOT, ROOM_K, HOT_K, BAND_NM = "ying2021-cryostat", 300.0, 333.15, (505.0, 560.0)
WARM_STAGE = {"twin.elements.cryostat.temperature_k": ROOM_K, "instruments.cryostat.limits.temperature": [250.0, 340.0],
              "instruments.cryostat.settle.soak_s": 0.0,
              "twin.elements.sample.spot_diameter_um": 50.0, "pump.spot.diameter_um": 50.0}      # wide: the sample may walk
WARMED = {"lowest": ROOM_K, "temperatures": 2, "fluence": "0.02 uJ/cm^2", "exposure": 0.2, "refocus": False}
SPOT = {"kind": "sample", "spot_diameter_um": 100.0, "spot_shape": "gaussian", "lens": 0.9}      # as in the bench file
SPOTS, ANY = 16, 0.12       # places on the sample; height of a spike relative to the highest, as the procedure takes them
BEND = 0.01                 # of the light at the end of the ladder, by which it departs there from two straight lines
DAYS_S, HOURS_S = 100 * 86400.0, 10 * 3600.0
FRESH_PERCENT = 91.8            # quantum yield of the fresh sample to which the paper compares
LADDER = {"oam": ("75 uJ/cm^2", "400 uJ/cm^2"), "ola": ("24 uJ/cm^2", "125 uJ/cm^2")}
ABOVE = {"oam": "384 uJ/cm^2", "ola": "119 uJ/cm^2"}        # 1.15 times 1.3 times the threshold
FAR_BELOW_UJ = np.geomspace(10.0, 46.0, 7)      # of octylamine, below 0.6 of its threshold
WEAK = {"first": FAR_BELOW_UJ[0] * 1e-6, "last": FAR_BELOW_UJ[-1] * 1e-6, "fluences": len(FAR_BELOW_UJ), "spacing": "logarithmic",
        "exposure": "30 s", "segments": 1}
UW_PER_UJ_CM2 = 1e3 * np.pi * (50e-4) ** 2 / 2      # 1 kHz on the Gaussian spot of the bench file
SCAN = {"start": 494.0, "stop": 524.0, "step": 0.5, "emission": "band", "band_start": 540.0, "band_stop": 575.0, "exposure": 0.2,
        "level": 5e-4}
FAINT = {ligand: {"first": first, "last": last, "fluences": 8, "exposure": "60 s", "segments": 1} for ligand, first, last in (
    ("oam", "60 uJ/cm^2", "110 uJ/cm^2"), ("ola", "16 uJ/cm^2", "30 uJ/cm^2"))}      # both far below threshold


@functools.lru_cache(maxsize=128)
def spikes(run: Run, share: float) -> list[tuple[Line, ...]]:
    """Give the spikes of every exposure that are at least so high relative to the highest; none where there is none."""
    spectra, _ = spectra_of(run, np.arange(float(len(run))))
    found: list[tuple[Line, ...]] = []
    for light, error in zip(spectra.signal, spectra.sigma, strict=True):
        try:
            found.append(find_lines(spectra.wavelength, light, error, share=share, half_range_nm=float(run.parameters["reach"]),
                                    instrument_fwhm_nm=float(run.constants["detection.instrument_fwhm"])))
        except AnalysisError:       # an exposure without a spike
            found.append(())
    return found


def spike_quality(runs: Runs, ligand: str) -> Result:
    """Give the quality of a spike, median over all spikes of all spots; its error is that of the medians of the spots."""
    chosen = [run for key, run in runs.items() if key.startswith(ligand)]
    found = [qualities for run in chosen if (qualities := [quality(line).value for lines in spikes(run, ANY) for line in lines])]
    among_spots = median([float(np.median(qualities)) for qualities in found])
    return replace(median([each for qualities in found for each in qualities]), stderr=among_spots.stderr)


def threshold(runs: Runs, ligand: str) -> Result:
    """Give the kink of the light against fluence with errors that grow as the root of the light.

    Light bends into lasing over several points, which no two straight lines follow: weights by noise alone would make the weakest
    points decide, and even ones the strongest.
    """
    run = runs[ligand]
    curve = run.curves["emission"]
    found = kink(series(1e6 * curve.x, curve.y, BEND * np.sqrt(np.maximum(curve.y, 0.0) * curve.y.max()), unit=UNIT)).threshold
    return PumpScale.of(run.constants).fluence(found)


def weak_slope(runs: Runs) -> Result:
    """Give the logarithmic slope of light against pump: the head at the sample has read every set-point of the ladder before.

    Behind the pick-off there is a twentieth of it, by which the head's zero wanders within minutes.
    """
    series = runs["series"]
    pump = np.array([at_the_sample(runs[_set_point(number)]).value for number in range(len(FAR_BELOW_UJ))])
    order = np.argsort(series["pump.fluence"])
    spectra, _ = spectra_of(series, series["pump.fluence"])
    light, error = (each[order] for each in spectra.integral())
    return slope(pump, light, error, relative_x=READING_ERROR).slopes[0]


def _set_point(number: int) -> str:
    return f"set-point {number}"


def threshold_ratio(runs: Runs) -> Result:
    """Give the threshold of octylamine over that of oleylamine; the calibration that both share cancels."""
    under, over = (threshold(runs, ligand) for ligand in LIGANDS)
    share = over.value / under.value
    relative = math.hypot(*((each.stderr or 0.0) / each.value for each in (under, over)))
    return Result(share, share * relative, "1", over.estimator)


def spike_wavelengths(runs: Runs) -> np.ndarray:
    """Give the wavelengths of all spikes of both ligands in nm, sorted."""
    return np.sort([line.centre_nm.value for run in runs.values() for lines in spikes(run, ANY) for line in lines])


def _centres(runs: Runs) -> list[list[np.ndarray]]:
    """Give the places of the spikes by spot and exposure."""
    return [[np.sort([line.centre_nm.value for line in lines]) for lines in spikes(run, ANY)] for run in runs.values()]


def spike_irregularity(runs: Runs) -> Result:
    """Give standard deviation over mean of the distances of neighbouring spikes, all exposures of all spots together."""
    gaps = np.concatenate([np.diff(shot) for spot in _centres(runs) for shot in spot if len(shot) > 1])
    share = float(gaps.std() / gaps.mean())
    return Result(share, share / float(np.sqrt(2.0 * len(gaps))), "1", f"sd/mean of {len(gaps)} distances")


def spike_repeats(runs: Runs) -> Result:
    """Give the share of spikes found again in the next exposure on the same spot, mean over the spots."""
    shares = np.array([repeated_share(spot).value for spot in _centres(runs)])
    return Result(float(shares.mean()), float(shares.std(ddof=1) / np.sqrt(len(shares))), "1", f"mean of {len(shares)} spots")


# ------------------------------------------------------------------ ageing
def left_in_air(runs: Runs) -> Result:
    """Give the quantum yield after 100 days in %: light relative to that of the fresh sample, at the same levels of the pump."""
    fresh, aged = (spectra_of(run, run["pump.fluence"])[0].integral()[0] for run in (runs["fresh"], runs["aged"]))
    left = FRESH_PERCENT * aged / fresh
    return Result(float(np.median(left)), float(left.std(ddof=1) / np.sqrt(len(left))), "%",
                  f"{FRESH_PERCENT} % × light of the aged over that of the fresh, median of {len(left)} levels")


def left_by_heat(runs: Runs) -> Result:
    """Give the light at room temperature after the heat in % of that before."""
    levels = []
    for run in (runs["fresh"], runs["aged"]):
        cold = np.abs(run["sample.temperature"] - ROOM_K) < 1.0
        spectra, _ = spectra_of(run, run["sample.temperature"])
        light, error = spectra.band(*BAND_NM).where(cold).integral()
        levels.append((light.mean(), float(np.sqrt((error**2).sum())) / len(light)))
    (before, before_error), (after, after_error) = levels
    share = 100.0 * float(after / before)
    return Result(share, share * float(np.hypot(before_error / before, after_error / after)), "%", "light at room temperature")


def _on_spot(ligand: str, spot: int, values: Mapping[str, Any]) -> Step:
    """Give a run on another place of a sample."""
    changes = on_sample(f"xiong2022_{ligand}", **{"twin.elements.sample": SPOT | {"spot": spot}})
    return Step("random_laser", BENCH, {"fluence": ABOVE[ligand], **values}, changes, f"{ligand} {spot}")


def _by_ligand(ligand: str) -> tuple[Experiment, ...]:
    glass, film = on_sample(f"xiong2022_{ligand}"), on_sample(f"xiong2022_{ligand}_film")
    stage = glass | WARM_STAGE
    words = {"oam": "Oleylamine", "ola": "Octylamine"}[ligand]
    row = {"oam": ("002-01", "002-04", "002-19", "002-21"), "ola": ("002-02", "002-05", "002-18", "002-20")}[ligand]
    return (
        Experiment(
            f"film, {ligand}", NAME, (Step("snapshot", BENCH, {"wavelength": 800.0, "power": 2e-6, "exposure": 60.0}, film),),
            {f"spe_wavelength_{ligand}_film": lambda runs: line_of(runs["snapshot"]).centre_nm},
            (Panel(f"{words}, plain film", "Spectrum", ("002-10",)),)),
        Experiment(
            f"excitation spectrum, {ligand}", NAME, (Step("ple", "ying2021", SCAN, film),),
            {f"absorption_wavelength_{ligand}": "absorption_wavelength_1"},
            (Panel(f"{words}, plain film: excitation spectrum", "Excitation spectrum of the stimulated band", ("002-11",),
                   used=True),)),
        Experiment(
            f"decay, {ligand}", NAME, (Step("trpl", DECAYS, {}, film),),
            {f"decay_tau_1_{ligand}": "decay_tau_1", f"decay_tau_2_{ligand}": "decay_tau_2",
             f"decay_amplitude_ratio_{ligand}": "decay_amplitude_ratio",
             f"lifetime_intensity_average_{ligand}": "lifetime_intensity_average"},
            (Panel(f"{words}, decay of the film", "Decays", row[2:]),)),
        Experiment(
            f"air, {ligand}", NAME,
            (Step("power_series", BENCH, FAINT[ligand], glass, "fresh"),
             Step("power_series", BENCH, FAINT[ligand], glass, "aged", wait_s=DAYS_S)),
            {f"plqy_air_{ligand}": left_in_air}, together=True),
        Experiment(
            f"heat, {ligand}", NAME,
            (Step("temperature_series", HOT, WARMED | {"highest": HOT_K}, stage, "fresh"),
             Step("temperature_series", HOT, WARMED | {"highest": ROOM_K + 3.0}, stage, "aged", wait_s=HOURS_S)),
            {f"pl_retained_heat_{ligand}": left_by_heat}, together=True),
    )


EXPERIMENTS = (
    Experiment(
        "power series", NAME,
        tuple(Step("power_series", BENCH, {"first": LADDER[each][0], "last": LADDER[each][1]}, on_sample(f"xiong2022_{each}"), each)
              for each in LIGANDS),
        {"threshold_kink_fluence_oam": lambda runs: threshold(runs, "oam"),
         "threshold_kink_fluence_ola": lambda runs: threshold(runs, "ola"), "threshold_ratio": threshold_ratio,
         "spe_wavelength_oam": "oam.spe_wavelength", "spe_fwhm_oam": "oam.spe_fwhm"},
        (Panel("Fig. 5: oleylamine", "Threshold", ("002-01", "002-06", "002-07"), "oam", x_band="002-01"),
         Panel("Fig. 5: octylamine", "Threshold", ("002-02", "002-03"), "ola", x_band="002-02"),
         Panel("Fig. 5: spectra, octylamine", "Emission against fluence", (), "ola"))),
    Experiment(
        "far below threshold", NAME,
        (Step("power_series", BENCH, WEAK, on_sample("xiong2022_ola"), "series"),
         *(Step("pickoff_calibration", BENCH, {"power": uj_cm2 * UW_PER_UJ_CM2 * 1e-6}, name=_set_point(number), kept=False)
           for number, uj_cm2 in enumerate(FAR_BELOW_UJ))),
        {"spe_slope_below": weak_slope}),
    Experiment(
        "spikes", NAME,
        tuple(_on_spot(ligand, spot, {"shots": 3, "exposure": 0.05}) for ligand in LIGANDS for spot in range(SPOTS)),
        {"spike_q_oam": lambda runs: spike_quality(runs, "oam"), "spike_q_ola": lambda runs: spike_quality(runs, "ola"),
         "spike_wavelengths": spike_wavelengths},
        (Panel("Fig. 5: spikes, octylamine", "Spectra, shot by shot", ("002-04", "002-05", "002-08"), "ola 0"),)),
    Experiment(
        "shots", NAME, tuple(_on_spot("ola", spot, {"shots": 12}) for spot in range(4)),
        {"spike_spacing_relative_sd": spike_irregularity, "spike_repeat_fraction": spike_repeats},
        (Panel("Fig. 5: single shots on one spot, octylamine", "Spectra, shot by shot", ("002-09",), "ola 0"),)),
    *(each for ligand in LIGANDS for each in _by_ligand(ligand)),
)

PAPER = Paper(NAME, "Xiong et al. 2022: a two-photon-pumped random laser with two ligands", EXPERIMENTS, {
    "002-09": "modes of a spot keep their places and only their weights change from shot to shot: every second spike comes again",
})
