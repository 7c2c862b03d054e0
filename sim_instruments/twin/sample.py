"""What a sample is: a record of parameters with units, sources and the worth of their evidence, read from a TOML file."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from importlib import resources
from math import isfinite
from pathlib import Path
from typing import Any, TypeVar

_SCALES: dict[str, tuple[str, float]] = {
    "meV": ("eV", 1e-3), "fs": ("s", 1e-15), "ps": ("s", 1e-12), "ns": ("s", 1e-9), "ms": ("s", 1e-3),
}
"""Units a file may use besides the record's own: the unit they belong to, and the factor."""

Section = TypeVar("Section")


class SampleError(ValueError):
    """A sample file says something the model does not understand."""


def parameter(symbol: str, unit: str, default: Any = MISSING) -> Any:
    """Declare a parameter: its symbol in the file and in the formulas, and the unit of the attribute."""
    return field(default=default, metadata={"symbol": symbol, "unit": unit})


@dataclass(frozen=True, kw_only=True)
class Lines:
    """Transition energies and widths, and how they follow the temperature."""

    temperature_k: float = parameter("T0", "K")
    emission_ev: float = parameter("E_pl", "eV")                   # exciton emission at T0
    stokes_shift_ev: float = parameter("d_S", "eV")                # absorption above emission
    biexciton_shift_ev: float = parameter("d_XX", "eV")
    trion_shift_ev: float = parameter("d_T", "eV", 0.0)
    inhomogeneous_fwhm_ev: float = parameter("w_inh", "eV")
    phonon_coupling_ev: float = parameter("G_LO", "eV")
    phonon_energy_ev: float = parameter("E_LO", "eV", 0.018)
    thermal_shift_ev_k: float = parameter("a_T", "eV/K")
    relative_absorption_width: float = parameter("w_rel", "1")     # absorption FWHM over emission FWHM
    homogeneous_fwhm_ev: float = parameter("w_hom", "eV", 0.0)     # Lorentzian part of the emission lines


@dataclass(frozen=True, kw_only=True)
class Absorption:
    """Absorption cross-sections and what the pump loses on its way in."""

    cross_section_400_cm2: float = parameter("s400", "cm2")
    exciton_weight: float = parameter("e_rel", "1")
    continuum_slope: float = parameter("s_lin", "1")
    continuum_offset_ev: float | None = parameter("c_off", "eV", None)   # above the exciton; None: max(2.2 w_A, 30 meV)
    transmission: float = parameter("T_in", "1")
    optical_density_400: float = parameter("OD400", "1", 0.0)
    two_photon_cm4_s: float = parameter("s_2", "cm4 s", 1.88e-44)
    three_photon_cm6_s2: float = parameter("s_3", "cm6 s2", 5.10e-75)


@dataclass(frozen=True, kw_only=True)
class Kinetics:
    """Rates by which excitations leave a nanocrystal."""

    exciton_lifetime_s: float = parameter("tau_X", "s")
    quantum_yield: float = parameter("qy", "1")
    radiative_factor: float = parameter("R_XX", "1")               # radiative rate of XX over that of X
    biexciton_lifetime_s: float = parameter("tau_XX", "s")
    trion_lifetime_s: float = parameter("tau_T", "s", 0.0)
    charged_fraction: float = parameter("f", "1", 0.0)


@dataclass(frozen=True, kw_only=True)
class Gain:
    """Strength of the gain, and how much of the light takes part."""

    strength_cm: float = parameter("A0", "cm-1")
    loss_cm: float = parameter("alpha", "cm-1", 0.0)               # in a cavity the loss of each mode takes its place
    coupled_fraction: float = parameter("beta", "1")
    spontaneous_factor: float = parameter("kappa", "1")
    cascade: bool = parameter("cascade", "1", False)               # Auger feeds the exciton line within the gain time


@dataclass(frozen=True, kw_only=True)
class Mode:
    """One mode of a cavity."""

    energy_ev: float = parameter("E_m", "eV")
    weight: float = parameter("w_beta", "1")                       # beta of this mode over that of the record
    polarisation: float = parameter("p", "1")
    angle_deg: float = parameter("th", "deg")


@dataclass(frozen=True, kw_only=True)
class Cavity:
    """Feedback: index, time light stays while there is gain, loss, and the modes."""

    index: float = parameter("n", "1")
    gain_time_s: float = parameter("tau_g", "s")
    quality: float = parameter("Q", "1")
    slot_ev: float = parameter("w_m", "eV")                        # spectral slot of one mode
    line_fwhm_ev: float = parameter("dE_line", "eV")
    modes: tuple[Mode, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Resonance:
    """What happens when the pump is tuned to the absorption line of feedback crystals at low temperature."""

    off_resonance: float = parameter("f_off", "1")                 # coupling far from the resonance
    coupling_sd_ev: float = parameter("w_c", "eV")
    heating_ev: float = parameter("q_s", "eV")                     # excess energy per crystal that halves the gain population
    feedback_part: float = parameter("PHI", "1")                   # part of the spontaneous light that comes from feedback crystals
    blue_shift_ev: float = parameter("dE_max", "eV")
    blue_shift_half: float = parameter("N_half", "1")
    blue_shift_per_excess: float = parameter("dE_x", "1")
    far_polarisation_factor: float = parameter("p_off", "1")       # of the lines' polarisation, far from the resonance
    far_spontaneous_polarisation: float = parameter("p_spe_off", "1")


@dataclass(frozen=True, kw_only=True)
class Detected:
    """How bright the sample appears, and the polarisation of its spontaneous light."""

    peak_electrons_s: float = parameter("I_ref", "1/s")            # in the brightest column under the reference conditions
    reference_power_w: float = parameter("P_ref", "W")
    reference_wavelength_nm: float = parameter("l_ref", "nm")
    polarisation: float = parameter("p_spe", "1")
    angle_deg: float = parameter("th_spe", "deg")
    bleaching_dose_j_cm2: float = parameter("D0", "J/cm2", float("inf"))


@dataclass(frozen=True)
class Sample:
    """One sample; `spectrum(...)` and its relatives live in the modules of the twin, this is data only."""

    name: str
    title: str
    lines: Lines
    absorption: Absorption
    kinetics: Kinetics
    gain: Gain
    detected: Detected
    cavity: Cavity | None = None
    resonance: Resonance | None = None

    def truth(self) -> dict[str, dict[str, Any]]:
        """Give every finite parameter as symbol → {value, unit}; modes are numbered."""
        table: dict[str, dict[str, Any]] = {}
        for section in (self.lines, self.absorption, self.kinetics, self.gain, self.detected, self.cavity, self.resonance):
            if section is not None:
                table |= _symbols(section, "")
        for number, mode in enumerate(self.cavity.modes if self.cavity else (), 1):
            table |= _symbols(mode, f"_{number}")
        return table


def _symbols(section: Any, suffix: str) -> dict[str, dict[str, Any]]:
    known = [(item.metadata, getattr(section, item.name)) for item in fields(section) if "symbol" in item.metadata]
    return {f"{declared['symbol']}{suffix}": {"value": value, "unit": declared["unit"]}
            for declared, value in known if value is not None and isfinite(value)}


def load_sample(source: str | Path) -> Sample:
    """Load a sample by name (the packaged ones) or by path (anything with a separator or ending in .toml).

    Raises SampleError naming file, parameter and reason; FileNotFoundError with the packaged names if there is no such sample.
    """
    text, where = _read(source)
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise SampleError(f"{where}: {exc}") from exc
    sections: dict[str, Any] = {
        "lines": Lines, "absorption": Absorption, "kinetics": Kinetics, "gain": Gain, "detected": Detected,
        "cavity": Cavity, "resonance": Resonance}
    unknown = set(data) - set(sections) - {"schema", "name", "title"}
    if unknown:
        raise SampleError(f"{where}: there is no section {', '.join(sorted(unknown))}; there are: {', '.join(sections)}")
    missing = [name for name in ("lines", "absorption", "kinetics", "gain", "detected") if name not in data]
    if missing:
        raise SampleError(f"{where}: the sections {', '.join(missing)} are missing")
    made = {name: _section(kind, data[name], f"{where}: {name}") for name, kind in sections.items() if name in data}
    return Sample(data.get("name", Path(str(source)).stem), data.get("title", ""), **made)


def _read(source: str | Path) -> tuple[str, str]:
    text = str(source)
    if isinstance(source, Path) or "/" in text or "\\" in text or text.endswith(".toml"):
        return Path(source).read_text(encoding="utf-8"), text
    folder = resources.files("sim_instruments.samples")
    entry = folder.joinpath(f"{text}.toml")
    if not entry.is_file():
        known = sorted(item.name.removesuffix(".toml") for item in folder.iterdir() if item.name.endswith(".toml"))
        raise FileNotFoundError(f"there is no sample {text!r}; there are: {', '.join(known)}")
    return entry.read_text(encoding="utf-8"), f"{text}.toml"


def _section(kind: type[Section], data: Mapping[str, Any], where: str) -> Section:
    declared: dict[str, Field[Any]] = {item.metadata["symbol"]: item for item in fields(kind) if "symbol" in item.metadata}   # type: ignore[arg-type]
    modes = {"modes"} if kind is Cavity else set()
    unknown = set(data) - set(declared) - modes
    if unknown:
        raise SampleError(f"{where}: there is no parameter {', '.join(sorted(unknown))}; there are: {', '.join(declared)}")
    missing = [symbol for symbol, item in declared.items() if symbol not in data and item.default is MISSING]
    if missing:
        raise SampleError(f"{where}: {', '.join(missing)} missing")
    values = {declared[symbol].name: _value(entry, declared[symbol], f"{where}.{symbol}")
              for symbol, entry in data.items() if symbol in declared}
    if modes:
        entries = enumerate(data.get("modes", ()), 1)
        values["modes"] = tuple(_section(Mode, entry, f"{where}.modes[{number}]") for number, entry in entries)
    return kind(**values)


def _value(entry: Any, declared: Field[Any], where: str) -> Any:
    if not isinstance(entry, Mapping) or not {"value", "unit", "source", "evidence"} <= set(entry):
        raise SampleError(f"{where}: a parameter is written {{value = ..., unit = ..., source = ..., evidence = ...}}")
    value, unit, wanted = entry["value"], entry["unit"], declared.metadata["unit"]
    if isinstance(value, bool):
        return value
    if not isinstance(value, (int, float)):
        raise SampleError(f"{where}: {value!r} is not a number")
    base, scale = _SCALES.get(unit, (unit, 1.0))
    if unit != wanted and base != wanted:
        raise SampleError(f"{where}: the unit is {wanted}, not {unit}")
    return float(value) * (1.0 if unit == wanted else scale)
