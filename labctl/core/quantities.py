"""Physical quantities: one name, one unit for the bare float everywhere in Python, one name in the file.

Strings with units are accepted wherever a person types: `to_float("20 uJ/cm^2", "J/cm^2")`.
"""

from __future__ import annotations

import functools
import threading
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Quantity:
    """A quantity of the bench.

    `unit` is what a bare float means; `shown` is the unit for people and its factor (shown = value × factor).
    """

    name: str
    unit: str
    file_name: str
    long_name: str
    shown: tuple[str, float] | None = None


def _table(*rows: Quantity) -> dict[str, Quantity]:
    return {row.name: row for row in rows}


QUANTITIES = _table(
    Quantity("pump.wavelength", "nm", "excitation_wavelength", "Pump wavelength (vacuum)"),
    Quantity("pump.bandwidth", "nm", "filter_bandwidth", "Pump bandwidth (FWHM)"),
    Quantity("pump.power", "W", "excitation_power", "Pump power at the sample", ("µW", 1e6)),
    Quantity("pump.fluence", "J/cm^2", "pump_fluence", "Pump fluence per pulse", ("µJ/cm²", 1e6)),
    Quantity("pump.photon_flux", "1/s", "photon_flux", "Pump photon flux at the sample"),
    Quantity("pump.attenuation", "1", "pump_attenuation", "Pump attenuator transmission"),
    Quantity("attenuator.angle", "deg", "attenuator_angle", "Attenuator plate angle"),
    Quantity("analyser.angle", "deg", "analyzer_angle", "Analyser angle"),
    Quantity("half_wave_plate.angle", "deg", "half_wave_plate_angle", "Half-wave plate angle"),
    Quantity("detection.polarization", "deg", "polarization_angle", "Detected polarization (lab frame)"),
    Quantity("emission.wavelength", "nm", "emission_wavelength", "Emission wavelength (vacuum)"),
    Quantity("blade_x.position", "mm", "blade_x_position", "Position of the blade along x", ("µm", 1e3)),
    Quantity("blade_y.position", "mm", "blade_y_position", "Position of the blade along y", ("µm", 1e3)),
    Quantity("set_power", "W", "set_power", "Power at the pick-off head", ("µW", 1e6)),
    Quantity("column", "1", "column", "Column of the camera"),
    Quantity("days", "d", "days", "Time, this check at 0"),
    Quantity("emission.scale", "nm", "emission_scale", "Emission wavelength (air)"),
    Quantity("lamp.line", "nm", "lamp_line", "Lamp line (air)"),
    Quantity("emission.centre", "nm", "emission_centre", "Spectrograph centre (air)"),
    Quantity("bias.voltage", "V", "bias_voltage", "Bias voltage"),
    Quantity("bias.current", "A", "bias_current", "Bias current"),
    Quantity("current", "A", "current", "Current of the bias", ("µA", 1e6)),
    Quantity("sample.temperature", "K", "sample_temperature", "Sample temperature"),
    Quantity("sample.x", "mm", "sample_x", "Sample position x"),
    Quantity("sample.y", "mm", "sample_y", "Sample position y"),
    Quantity("sample.z", "mm", "sample_z", "Sample position z"),
    Quantity("stripe.length", "mm", "stripe_length", "Stripe length"),
    Quantity("stripe.start", "mm", "stripe_start", "Start of the stripe behind the film's edge"),
    Quantity("delay.time", "ps", "pump_delay", "Pump delay"),
    Quantity("exposure_s", "s", "exposure_time", "Exposure"),
    Quantity("effective_exposure_s", "s", "effective_exposure_time", "Effective exposure (read-out shift included)"),
    Quantity("cycle_s", "s", "cycle_time", "Camera cycle time"),
    Quantity("settle_s", "s", "settling_time", "Settling time before the reading"),
    Quantity("elapsed_s", "s", "elapsed_time", "Time since the start of the run"),
    Quantity("series.time", "s", "series_time", "Time in the series"),
    Quantity("step.time", "s", "step_time", "Time after the step"),
    Quantity("rehearsal_chi2", "1", "rehearsal_chi2", "Reduced χ² against the rehearsal"),
    Quantity("power", "W", "power", "Power at the pick-off head", ("µW", 1e6)),
    Quantity("sample_head.power", "W", "sample_head_power", "Power at the head at the sample", ("µW", 1e6)),
)


def quantity_unit(name: str) -> str:
    """Give the unit of a quantity or of its read-back (`..._measured`); empty when it has none."""
    known = QUANTITIES.get(name.removesuffix("_measured"))
    return known.unit if known else ""


def file_name(name: str) -> str:
    """Give the name a quantity has in the file: the table's, else dots become underscores; `_measured` is kept."""
    base, suffix = (name.removesuffix("_measured"), "_measured") if name.endswith("_measured") else (name, "")
    known = QUANTITIES.get(base)
    return (known.file_name if known else base.replace(".", "_")) + suffix


def long_name(name: str) -> str:
    """Give the words for an axis label."""
    base = name.removesuffix("_measured")
    known = QUANTITIES.get(base)
    words = known.long_name if known else base.replace(".", " ").replace("_", " ")
    return words + (", measured" if name != base else "")


MOST_LISTED = 100_000


# Units that say the energy of a photon, or its wavelength in vacuum.
PHOTONS = ({"nm", "eV"}, {"nm", "meV"}, {"nm", "1 / cm"}, {"eV", "1 / cm"}, {"meV", "1 / cm"})


_one_at_a_time = threading.Lock()       # pint fills its registry when it is first asked, and two who ask at once find it half full


@functools.cache
def _registry() -> Any:
    # pint comes with pymeasure and costs 0.2 s: only where a person's text is read.
    from pymeasure.units import ureg

    return ureg


def to_float(text: str | float, unit: str) -> float:
    """Read what a person typed: a bare number in `unit`, or a number with any compatible unit.

    Raises ValueError naming what was wrong. `nm`, `eV` and `cm⁻¹` convert into each other (vacuum).
    """
    if not isinstance(text, str):
        return float(text)
    stripped = text.strip().replace("µ", "u").replace("²", "^2").replace("°", "deg")
    stripped = stripped.replace("cm⁻¹", "1/cm").replace("cm-1", "1/cm").replace("cm^-1", "1/cm")
    try:
        return float(stripped)
    except ValueError:
        pass
    if unit in ("", "1"):
        if stripped.endswith("%"):
            return to_float(stripped[:-1], unit) / 100.0
        raise ValueError(f"{text!r} is not a number")
    try:
        with _one_at_a_time:
            value = _registry().Quantity(stripped.replace("%", " percent"))
            if {unit, f"{value.units:~}"} in PHOTONS:
                return float(value.to(unit, "spectroscopy").magnitude)
            return float(value.to(unit).magnitude)
    except Exception as exc:     # pint raises a dozen kinds, tokenizer errors among them
        raise ValueError(f"{text!r} is not a number in {unit} or in a unit that converts to {unit}") from exc


def listed(text: str, unit: str) -> tuple[float, ...]:
    """Read a list of numbers: '500, 505.5, 510:520:2' (start:stop:step, the stop included where the step meets it), nothing: none.

    Each number may have a unit of its own. Raises ValueError naming the part that was wrong.
    """
    found: list[float] = []
    for part in (part.strip() for part in text.replace(";", ",").split(",")):
        if not part:
            continue
        ends = [to_float(each.strip(), unit) for each in part.split(":")]
        if len(ends) == 1:
            found.append(ends[0])
            continue
        if len(ends) != 3 or ends[2] == 0 or (ends[1] - ends[0]) * ends[2] < 0:
            raise ValueError(f"{part!r} is neither a number nor start:stop:step with a step that leads from start to stop")
        steps = int((ends[1] - ends[0]) / ends[2] + 1e-6)
        if steps > MOST_LISTED:
            raise ValueError(f"{part!r} means {steps} numbers, more than {MOST_LISTED}")
        found += [ends[0] + number * ends[2] for number in range(steps + 1)]
    return tuple(found)


def shown(value: float, name_or_unit: str) -> str:
    """Write a value the way people read it: `shown(2e-5, "pump.fluence")` gives '20 µJ/cm²'."""
    quantity = QUANTITIES.get(name_or_unit)
    if quantity is None:
        return f"{value:.6g} {name_or_unit}".rstrip()
    unit, factor = quantity.shown or (quantity.unit, 1.0)
    return f"{value * factor:.6g} {unit}"
