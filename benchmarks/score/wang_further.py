"""Wang et al. 2015, further samples: mixed halides, a capillary laser, and spectra in gates of time."""

from __future__ import annotations

import numpy as np

from benchmarks.score.detectors import JITTER, Camera, Spectra
from benchmarks.score.experiment import Experiment, Results
from benchmarks.score.film import PULSE_S, PUMP_NM, ROOM_K, bands, kink_of, stripe_emission
from benchmarks.score.wang import BENCH
from labctl.analysis.lines import gaussian_line
from labctl.analysis.modes import find_lines, group_index, spacing
from labctl.core.photons import energy_ev
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.streak import gated

HALIDES = {"brcl": np.linspace(430.0, 500.0, 1024), "ibr": np.linspace(600.0, 720.0, 1024)}
LEVELS_UJ = np.linspace(3.0, 60.0, 24)
CAPILLARY_NM, INSTRUMENT_NM, LASING_UJ, LONG_S = np.linspace(510.0, 540.0, 2048), 0.0485, 1000.0, 5e-9
BORE_UM = 50.0
GATE_NM, RESPONSE_S = np.linspace(470.0, 570.0, 512), 50e-12
EARLY_S, LATE_S, WHOLE_S = (0.0, 50e-12), (50e-12, 6e-9), (0.0, 6e-9)     # from the middle of the response to the pump
SHIFT_UJ, CONFINED_UJ, WEAK_UJ = 11.5, 25.0, 0.01
GATE_PHOTONS = 2e4                 # in the brightest column
BLUE_NM = (495.0, 505.0)


def halides(seed: int) -> dict[str, Spectra]:
    """Take a power series of either mixed halide."""
    return {name: Camera(grid, seed).series(stripe_emission(load_sample(f"wang2015_{name}")), LEVELS_UJ)
            for name, grid in HALIDES.items()}


def estimate_halides(data: dict[str, Spectra]) -> Results:
    """Give where their amplified light stands, 1.3 times above the threshold."""
    return {f"ase_wavelength_{name}": bands(spectra, spectra.x[0], 1.3 * kink_of(spectra))["ase_wavelength"]
            for name, spectra in data.items()}


def capillary(seed: int) -> Spectra:
    """Take a lasing spectrum of the capillary under pulses of 5 ns."""
    sample = load_sample("wang2015_capillary")
    seen = Camera(CAPILLARY_NM, seed, peak_e=3e4, instrument_nm=INSTRUMENT_NM)
    light, error = seen.take(lambda level: emission(Pump.monochromatic(PUMP_NM, level * 1e-6, LONG_S), sample, ROOM_K), LASING_UJ)
    return Spectra(np.array([LASING_UJ]), CAPILLARY_NM, light[None], error[None])


def estimate_capillary(spectra: Spectra) -> Results:
    """Give number and spacing of the lines, and the index they mean for the bore."""
    lines = find_lines(spectra.wavelength_nm, spectra.signal[0], spectra.sigma[0], share=0.05, instrument_fwhm_nm=INSTRUMENT_NM)
    found = spacing(lines)
    scatter = np.nan if found.relative_sd is None else found.relative_sd.value
    return {"mode_count": float(len(lines)), "fsr_relative_sd": scatter,
            "effective_index": group_index(found.fsr_nm, found.middle_nm, BORE_UM).value}


def gates(seed: int) -> dict[str, Spectra]:
    """Cut spectra out in time: early, late and whole, at two fluences, with a weakly pumped one for the shape of the rest."""
    sample, draw = load_sample("wang2015"), np.random.default_rng(seed)

    def take(level_uj: float, gate: tuple[float, float]) -> tuple[np.ndarray, np.ndarray]:
        pump = Pump.monochromatic(PUMP_NM, level_uj * 1e-6 * (1 + JITTER * draw.normal()), PULSE_S)
        light = gated(pump, sample, ROOM_K, *gate, response_s=RESPONSE_S)
        columns = np.interp(GATE_NM, light.wavelength_nm, light.continuum)
        counts = draw.poisson(GATE_PHOTONS * columns / columns.max()).astype(float)
        return counts, np.sqrt(counts + 1.0)
    wanted = {"shift": [(SHIFT_UJ, EARLY_S), (SHIFT_UJ, WHOLE_S)],
              "confined": [(CONFINED_UJ, EARLY_S), (CONFINED_UJ, LATE_S), (WEAK_UJ, LATE_S)]}
    return {name: Spectra(np.arange(float(len(each))), GATE_NM, *map(np.array, zip(*(take(*one) for one in each), strict=True)))
            for name, each in wanted.items()}


def estimate_gates(data: dict[str, Spectra]) -> Results:
    """Give the shift of the early centroid, and the height of the narrow band over the broad one, early and late.

    The broad one has the shape of the weakly pumped spectrum, scaled on the blue side.
    """
    energy = energy_ev(GATE_NM)
    per_ev = data["shift"].signal * GATE_NM**2
    centroids = np.trapezoid(per_ev * energy, energy, axis=1) / np.trapezoid(per_ev, energy, axis=1)
    early, late, broad = data["confined"].signal
    blue = (BLUE_NM[0] <= GATE_NM) & (BLUE_NM[1] >= GATE_NM)
    smooth = gaussian_line(GATE_NM, broad, np.sqrt(broad + 1.0)).curve(GATE_NM)
    shares = []
    for each in (early, late):
        floor = smooth * each[blue].sum() / smooth[blue].sum()
        place = np.argmax(early - smooth * early[blue].sum() / smooth[blue].sum())
        around = slice(int(place) - 2, int(place) + 3)
        shares.append(float((each - floor)[around].mean() / floor.max()))
    shift = float(centroids[0] - centroids[1])
    return {"early_energy_shift": 1e3 * shift, "se_to_spe_early": shares[0], "se_to_spe_late": shares[1]}


EXPERIMENTS = (
    Experiment("mixed halides", BENCH, halides, estimate_halides,
               evidence={"ase_wavelength_brcl": "predicted", "ase_wavelength_ibr": "predicted"}),
    Experiment("capillary", BENCH, capillary, estimate_capillary),
    Experiment("gates of time", BENCH, gates, estimate_gates,
               evidence={"se_to_spe_early": "predicted", "se_to_spe_late": "predicted"}),
)
