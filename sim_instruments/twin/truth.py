"""What the twin knows and an analysis should find: names with value and unit, kept in the run file as /entry/truth.

| name | what |
|---|---|
| sample.SYMBOL | every finite parameter of the sample's record |
| ROLE.NAME | the hidden facts of the bench, by part of the light path |
| result.NAME | true values under the names of results: what the record says, or what follows by algebra |
| state.NAME | the sample as it stands: warmth, charge, wear, place |

Thresholds, slopes and gains are not among the results: they come out of an experiment and have no value apart from it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from sim_instruments.twin.excitation import MULTIPHOTON, absorption_ev, emission_fwhm_ev, exciton_ev
from sim_instruments.twin.modes import comb
from sim_instruments.twin.path import HIDDEN, Part
from sim_instruments.twin.record import Cavity, Disorder, Fading, Mode, Ring, Sample
from sim_instruments.twin.spectra import line_width_nm
from sim_instruments.twin.units import energy_ev

if TYPE_CHECKING:
    from sim_instruments.twin.twin import Twin

Table = dict[str, tuple[float, str]]
RISE = float(np.log(9.0))          # 10-90 % time of an exponential, in time constants


KNOWN = {"select": {"bandwidth_nm": ("pump_bandwidth", "nm")}, "counter": {"irf_fwhm_ps": ("irf_fwhm", "ps")}}
"""By kind: options that are results of a calibration, with the result's name and unit."""


def table(twin: Twin) -> dict[str, dict[str, Any]]:
    """Give all of it for a bench as it stands."""
    known = {f"sample.{symbol}": entry for symbol, entry in twin.sample.truth().items()}
    found = results(twin.sample, twin.temperature_k) | {"repetition_rate": _entry(twin.lighting.pulses_per_s * 1e-6, "MHz")}
    for part in twin.parts:
        known |= _of_part(part)
        found |= {name: _entry(*entry) for name, entry in _as_built(part).items()}
        found |= {name: _entry(part.options[option], unit) for option, (name, unit) in KNOWN.get(part.kind, {}).items()}
    known |= {f"{role}.gain": _entry(head.gain, "1") for role, head in twin.heads.items()}
    profile = twin.specimen.profile
    for name, value, unit in (("spot_area", twin.lighting.spot_cm2, "cm2"), ("pump_tilt", profile.tilt, "1"),
                              ("pump_edge", profile.edge_cm, "cm"), ("temperature", twin.temperature_k, "K")):
        known[f"sample.{name}"] = _entry(value, unit)
    known |= {f"result.{name}": entry for name, entry in found.items()}
    return known | {f"state.{name}": _entry(*entry) for name, entry in twin.specimen.state(twin.clock.now()).items()}


def _of_part(part: Part) -> dict[str, dict[str, Any]]:
    hidden = HIDDEN.get(part.kind, {})
    known = {f"{part.role}.{name}": {"value": part.options[name], "unit": what.unit} for name, what in hidden.items()}
    if part.kind == "spectrograph":
        known[f"{part.role}.centre_errors_nm"] = {"value": list(part.options["centre_errors_nm"]), "unit": "nm"}
    return known


def _as_built(part: Part) -> Table:
    """Give what the calibrations of a spectrograph, grating by grating, and of the spot across a blade should find."""
    options = part.options
    if part.kind == "blade" and options["diameter_um"] is not None:
        return {f"spot_diameter_{part.role.rpartition('_')[2]}": (float(options["diameter_um"]), "um")}
    if part.kind != "spectrograph":
        return {}
    found: Table = {}
    for number, error in enumerate(options["centre_errors_nm"], 1):
        found |= {f"focal_length_{number}": (float(options["focal_length_mm"]), "mm"),
                  f"half_angle_{number}": (float(options["half_angle_deg"]), "deg"),
                  f"wavelength_offset_{number}": (float(error), "nm")}
    return found


def _entry(value: float, unit: str) -> dict[str, Any]:
    return {"value": float(value), "unit": unit}


def results(sample: Sample, temperature_k: float) -> dict[str, dict[str, Any]]:
    """Give the true results as name → {value, unit}, wavelengths in vacuum; infinite ones are left out."""
    table = _bands(sample, temperature_k) | _lifetimes(sample) | _absorption(sample, temperature_k)
    if sample.cavity is not None:
        table |= _modes(sample, sample.cavity)
    if sample.charging is not None:
        table["pl_response_time"] = (RISE * sample.charging.time_s * 1e3, "ms")
    if sample.ageing is not None:
        table[f"pl_retained_heat{_ligand(sample)}"] = (100.0 * float(np.exp(-sample.ageing.heat_per_s * 36e3)), "%")
    return {name: _entry(value, unit) for name, (value, unit) in table.items() if np.isfinite(value)}


def _bands(sample: Sample, temperature_k: float) -> Table:
    lines, exciton = sample.lines, exciton_ev(sample.lines, temperature_k)
    centre = float(energy_ev(exciton))
    return {"spe_wavelength": (centre, "nm"), "spe_fwhm": (line_width_nm(centre, emission_fwhm_ev(lines, temperature_k)), "nm"),
            "biexciton_binding": (1e3 * lines.biexciton_shift_ev, "meV"), "stokes_shift": (1e3 * lines.stokes_shift_ev, "meV")}


def _lifetimes(sample: Sample) -> Table:
    kinetics = sample.kinetics
    if sample.resonance is not None:
        return {"spe_lifetime": (1e12 * kinetics.exciton_lifetime_s, "ps"),
                "se_lifetime": (1e12 * kinetics.biexciton_lifetime_s, "ps")}
    if sample.fading is not None:
        return _two_exponentials(sample.fading, _ligand(sample))
    form = "solution" if sample.stripe is None else "film"
    table = {f"exciton_lifetime_{form}": (1e9 * kinetics.exciton_lifetime_s, "ns"),
             "biexciton_lifetime": (1e12 * kinetics.biexciton_lifetime_s, "ps")}
    if kinetics.trion_lifetime_s > 0.0:
        table["trion_lifetime"] = (1e12 * kinetics.trion_lifetime_s, "ps")
    return table


def _two_exponentials(fading: Fading, ligand: str) -> Table:
    fast, slow, ratio = 1e9 * fading.fast_s, 1e9 * fading.slow_s, fading.amplitude_ratio
    mean = (ratio * fast**2 + slow**2) / (ratio * fast + slow)
    return {f"decay_tau_1{ligand}": (fast, "ns"), f"decay_tau_2{ligand}": (slow, "ns"),
            f"decay_amplitude_ratio{ligand}": (ratio, "1"), f"lifetime_intensity_average{ligand}": (mean, "ns")}


def _absorption(sample: Sample, temperature_k: float) -> Table:
    """Give cross-sections and resonances; the maximum of an absorption line stands on a continuum, which may pull it."""
    absorption, first = sample.absorption, absorption_ev(sample.lines, temperature_k)
    table = {"cross_section_1p": (absorption.cross_section_400_cm2, "cm2"),
             "cross_section_2p": (absorption.two_photon_cm4_s, "cm4 s"),
             "cross_section_3p": (absorption.three_photon_cm6_s2, "cm6 s2"),
             "absorption_wavelength_1": (float(energy_ev(first)), "nm")}
    table |= {f"resonance_{order}p": (float(energy_ev(MULTIPHOTON[order][0] / order)), "nm") for order in (2, 3)}
    if absorption.second_weight > 0.0:
        table["absorption_wavelength_2"] = (float(energy_ev(first + absorption.second_offset_ev)), "nm")
    return table


def _modes(sample: Sample, cavity: Cavity) -> Table:
    if sample.disorder is not None:
        return {f"spike_q{_ligand(sample)}": (_median_quality(cavity, sample.disorder), "1")}
    if sample.ring is not None:
        return _ring(sample, cavity, sample.ring)
    return _doublet(cavity.modes, sample.detected.polarisation) if len(cavity.modes) == 2 else {}


def _median_quality(cavity: Cavity, disorder: Disorder) -> float:
    return cavity.quality * float(np.exp(-disorder.quality_spread**2))


def _ring(sample: Sample, cavity: Cavity, ring: Ring) -> Table:
    modes, size = comb(sample), f"_d{ring.diameter_um:.0f}"
    nearest = int(np.argmin(np.abs(modes.wavelength_nm - ring.centre_nm)))
    wavelength = float(modes.wavelength_nm[nearest])
    spacing = wavelength**2 / (np.pi * ring.diameter_um * 1e3 * cavity.index)
    along, across = 1.0 + ring.polarisation, 1.0 - ring.polarisation
    return {"effective_index": (cavity.index, "1"), f"fsr{size}": (spacing, "nm"), "mode_count": (float(len(modes.weight)), "1"),
            f"mode_fwhm{size}": (float(modes.fwhm_nm[nearest]), "nm"), f"mode_wavelength{size}": (wavelength, "nm"),
            "extinction_ratio": (100.0 * (1.0 - across / along), "%")}


def _doublet(modes: tuple[Mode, ...], spontaneous: float) -> Table:
    lower, upper = sorted(modes, key=lambda mode: mode.energy_ev)
    angle = (upper.angle_deg - lower.angle_deg) % 180.0
    return {"line_energy_lower": (lower.energy_ev, "eV"), "line_energy_upper": (upper.energy_ev, "eV"),
            "line_splitting": (1e3 * (upper.energy_ev - lower.energy_ev), "meV"), "dipole_angle": (angle, "deg"),
            "dolp_lower": (_as_written(lower.polarisation), "%"), "dolp_upper": (_as_written(upper.polarisation), "%"),
            "dolp_background": (_as_written(spontaneous), "%")}


def _as_written(degree: float) -> float:
    """Give the degree of polarisation in % as the seed's formula reads it, (A − B)/(A + B) of B + A cos²: (3p − 1)/(1 + p)."""
    return 100.0 * (3.0 * degree - 1.0) / (1.0 + degree)


def _ligand(sample: Sample) -> str:
    return next((f"_{name}" for name in ("oam", "ola") if f"_{name}" in sample.name), "")
