"""Xiong et al. 2022: a random laser of dots on silica spheres, two ligands; films, decays, heat and air."""

from __future__ import annotations

import numpy as np

from labctl.analysis.excitation import parabola_maximum
from labctl.analysis.modes import find_lines
from labctl.analysis.pump import clear_of_pump
from labctl.analysis.series import spectra_of
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result
from labctl.reproduce.plan import Experiment, Panel, Paper, Runs, Step, on_sample
from labctl.reproduce.reading import line_of, named, ratio
from labctl.store.run import Run

NAME, BENCH, DECAYS = "xiong2022", "xiong2022", "xiong2022-trpl"
LIGANDS = ("oam", "ola")
DAYS_S, HOURS_S = 100 * 86400.0, 10 * 3600.0
FRESH_PERCENT = 91.8            # quantum yield of the fresh sample to which the paper compares
LADDER = {"oam": ("75 uJ/cm^2", "400 uJ/cm^2"), "ola": ("24 uJ/cm^2", "125 uJ/cm^2")}
ABOVE = {"oam": "384 uJ/cm^2", "ola": "119 uJ/cm^2"}        # 1.15 times 1.3 times the threshold
WEAK = {"first": "8 uJ/cm^2", "last": "40 uJ/cm^2", "fluences": 10, "spacing": "logarithmic", "exposure": "30 s", "segments": 1}
SCAN = {"start": 494.0, "stop": 524.0, "step": 0.5}
WEAK_SHOT = {"wavelength": 800.0, "power": 1e-6, "exposure": 60.0}
BAND_NM = 540.0                 # red of every pump of the scan, where the film still shines


def spike_wavelengths(runs: Runs) -> np.ndarray:
    """Give the wavelengths of all spikes of both ligands in nm, sorted."""
    found: list[float] = []
    for run in runs.values():
        spectra, _ = spectra_of(run, np.arange(float(len(run))))
        for light, error in zip(spectra.signal, spectra.sigma, strict=True):
            try:
                lines = find_lines(spectra.wavelength, light, error, share=float(run.parameters["share"]),
                                   half_range_nm=float(run.parameters["reach"]),
                                   instrument_fwhm_nm=float(run.constants["detection.instrument_fwhm"]))
            except AnalysisError:       # an exposure without a spike
                continue
            found += [line.centre_nm.value for line in lines]
    return np.sort(found)


# ------------------------------------------------------------------ absorption, from the excitation spectrum
def excited_light(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give pump wavelength, light of the film red of every pump, and its error, at equal photon flux."""
    spectra, _ = spectra_of(run, run["pump.wavelength"])
    clear = clear_of_pump(float(spectra.pump.max()), float(run.constants["pump.bandwidth"]),
                          float(run.constants["detection.instrument_fwhm"]))
    light, error = spectra.band(max(clear, BAND_NM), float(spectra.wavelength[-1])).integral()
    share = run["pump.photon_flux"] / run["pump.photon_flux_measured"]
    return spectra.pump, light * share, np.hypot(error, 0.01 * light)


def absorption_maximum(runs: Runs) -> Result:
    """Give the reddest maximum of the excitation spectrum in nm."""
    pump, light, error = excited_light(runs["ple"])
    smooth = np.convolve(light, np.ones(5) / 5, "same")
    tops = [place for place in range(3, len(light) - 3) if smooth[place] == smooth[max(place - 4, 0):place + 5].max()]
    if not tops:
        raise AnalysisError("The excitation spectrum has no maximum in the range scanned.")
    top = parabola_maximum(pump, light, error, np.abs(pump - pump[max(tops)]) <= 4.0, above=0.85)
    return Result(top.wavelength_nm, top.stderr_nm, "nm", "parabola through the reddest maximum")


# ------------------------------------------------------------------ ageing
def left_in_air(runs: Runs) -> Result:
    """Give the quantum yield after 100 days in %, from the light relative to that of the fresh sample."""
    share = ratio(runs, "aged.total_rate", "fresh.total_rate")
    return Result(FRESH_PERCENT * share.value, FRESH_PERCENT * (share.stderr or 0.0), "%", f"{FRESH_PERCENT} % × {share.estimator}")


def _by_ligand(ligand: str) -> tuple[Experiment, ...]:
    glass, film = on_sample(f"xiong2022_{ligand}"), on_sample(f"xiong2022_{ligand}_film")
    words = {"oam": "Oleylamine", "ola": "Octylamine"}[ligand]
    row = {"oam": ("002-01", "002-04", "002-19", "002-21"), "ola": ("002-02", "002-05", "002-18", "002-20")}[ligand]
    return (
        Experiment(
            f"film, {ligand}", NAME, (Step("snapshot", BENCH, {"wavelength": 800.0, "power": 2e-6, "exposure": 60.0}, film),),
            {f"spe_wavelength_{ligand}_film": lambda runs: line_of(runs["snapshot"]).centre_nm},
            (Panel(f"{words}, plain film", "Spectrum", ("002-10",)),)),
        Experiment(
            f"excitation spectrum, {ligand}", NAME, (Step("ple", "ying2021", SCAN, film),),
            {f"absorption_wavelength_{ligand}": absorption_maximum},
            (Panel(f"{words}, plain film: emission against excitation", "Emission against excitation", ("002-11",)),)),
        Experiment(
            f"decay, {ligand}", NAME, (Step("trpl", DECAYS, {}, film),),
            {f"decay_tau_1_{ligand}": "decay_tau_1", f"decay_tau_2_{ligand}": "decay_tau_2",
             f"decay_amplitude_ratio_{ligand}": "decay_amplitude_ratio",
             f"lifetime_intensity_average_{ligand}": "lifetime_intensity_average"},
            (Panel(f"{words}, decay of the film", "Decays", row[2:]),)),
        Experiment(
            f"air, {ligand}", NAME,
            (Step("snapshot", BENCH, WEAK_SHOT, glass, "fresh"),
             Step("snapshot", BENCH, WEAK_SHOT, glass, "aged", wait_s=DAYS_S)),
            {f"plqy_air_{ligand}": left_in_air}, together=True),
    )


EXPERIMENTS = (
    Experiment(
        "power series", NAME,
        tuple(Step("power_series", BENCH, {"first": LADDER[each][0], "last": LADDER[each][1]}, on_sample(f"xiong2022_{each}"), each)
              for each in LIGANDS),
        {"threshold_kink_fluence_oam": "oam.threshold_kink_fluence", "threshold_kink_fluence_ola": "ola.threshold_kink_fluence",
         "threshold_ratio": lambda runs: ratio(runs, "ola.threshold_kink_fluence", "oam.threshold_kink_fluence"),
         "spe_wavelength_oam": "oam.spe_wavelength", "spe_fwhm_oam": "oam.spe_fwhm"},
        (Panel("Fig. 5: oleylamine", "Threshold", ("002-01", "002-06", "002-07"), "oam", x_band="002-01"),
         Panel("Fig. 5: octylamine", "Threshold", ("002-02", "002-03"), "ola", x_band="002-02"),
         Panel("Fig. 5: spectra, octylamine", "Emission against fluence", (), "ola"))),
    Experiment(
        "far below threshold", NAME, (Step("power_series", BENCH, WEAK, on_sample("xiong2022_ola")),),
        {"spe_slope_below": lambda runs: named(runs, "slope_1_2p")},
        (Panel("Two photons: light grows with the square", "Input-output curve", ("002-12",)),)),
    Experiment(
        "spikes", NAME,
        tuple(Step("random_laser", BENCH, {"fluence": ABOVE[each], "shots": 80}, on_sample(f"xiong2022_{each}"), each)
              for each in LIGANDS),
        {"spike_q_oam": "oam.spike_q", "spike_q_ola": "ola.spike_q", "spike_wavelengths": spike_wavelengths,
         "spike_spacing_relative_sd": "ola.spike_spacing_relative_sd", "spike_repeat_fraction": "ola.spike_repeat_fraction"},
        (Panel("Fig. 5: spikes, shot by shot, octylamine", "Spectra, shot by shot",
               ("002-04", "002-05", "002-08", "002-09"), "ola"),)),
    *(each for ligand in LIGANDS for each in _by_ligand(ligand)),
)

PAPER = Paper(NAME, "Xiong et al. 2022: a two-photon-pumped random laser with two ligands", EXPERIMENTS, {
    "002-09": "modes of a spot keep their places and only their weights change from shot to shot: every second spike comes again",
})
