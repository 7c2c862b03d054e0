"""What an analysis gives to the plots: its curves by name, in colours that tell them apart, and its results in words."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

import numpy as np
import pyqtgraph as pg

from labctl.analysis.labels import shown_as, value_text
from labctl.core.plan import Result
from labctl.core.quantities import quantity_unit
from labctl.core.reduction import CurveData, Reduction
from labctl.gui.model.measured import Measured
from labctl.gui.theme import Theme
from labctl.gui.views.plots.axes import SUPERSCRIPTS, power_of_ten, whole

ACRONYMS = ("dolp", "irf", "fwhm", "pl", "se", "spe", "ase")
UNITS = ("nm", "eV", "meV", "deg", "ps", "ns")      # at the end of names of results
POWER = re.compile(r"e([+-]?\d+)\b")           # of ten, as Python writes it
LONG = re.compile(r"(?<![.\d])\d{5,}")          # digits before a point, more than one reads at a glance
EXPONENT = re.compile(r"(?<=[a-z])\^?(-?\d)\b")   # of a unit
SERIES = 6                  # curves up to which each has a colour of the theme; more share a ramp


def curves_named(reduction: Reduction | None, name: str) -> dict[str, CurveData]:
    """Give the reduced curves of a name, or of the name and a suffix: one of several."""
    found = {} if reduction is None else reduction.curves
    return {key: curve for key, curve in found.items() if key == name or key.startswith(f"{name}_")}


def marked(reduction: Reduction | None, x_name: str, fit: str, low: float, high: float) -> tuple[str, Result] | None:
    """Find the result that is a place on the axis: in its unit, within what was measured, of the plot's fit where one is."""
    unit = shown_as(x_name, quantity_unit(x_name))[0]
    found = [(name, result) for name, result in (reduction.results if reduction else {}).items()
             if result.unit == unit and low <= result.value <= high and result.stderr is not None]
    return next((pair for pair in found if fit and fit in pair[0]), found[0] if found else None)


def colours_of(theme: Theme, count: int) -> list[str]:
    """Give a colour for each of several curves."""
    if count <= SERIES:
        return list(theme.series[:count])
    if theme.name == "red":
        return [theme.series[number % len(theme.series)] for number in range(count)]
    ramp: Any = pg.colormap.get("viridis")
    return [colour.name() for colour in ramp.map(np.linspace(0.15, 1.0, count), mode="qcolor")]


def table_of(curves: Mapping[str, CurveData], x_name: str, y_name: str) -> tuple[list[str], list[np.ndarray]]:
    """Give names and columns of curves in units for people: the points, their errors, whether each was used, then the fits."""
    names: list[str] = []
    columns: list[np.ndarray] = []
    (unit_x, factor_x), factor_y = shown_as(x_name, quantity_unit(x_name)), shown_as(y_name)[1]
    for key, curve in curves.items():
        names += [f"{x_name} ({unit_x})", f"{key} ({shown_as(y_name, curve.unit)[0]})"]
        columns += [curve.x * factor_x, curve.y * factor_y]
        more = {"standard error": curve.sigma, "used": curve.used, "fit x": curve.fit_x, "fit y": curve.fit_y,
                "fit standard error": curve.fit_sigma}
        for name, column in more.items():
            if column is not None:
                factor = 1.0 if name == "used" else factor_x if name == "fit x" else factor_y
                names.append(f"{key}: {name}")
                columns.append(np.asarray(column, dtype=float) * factor)
    return names, columns


def words(name: str) -> str:
    """Write the name of a result for people: 'resonance_nm' is 'Resonance'; its unit stands behind the number."""
    parts = [part.upper() if part in ACRONYMS else part for part in name.split("_")]
    text = " ".join(part for part in parts if part not in UNITS)
    return text[:1].upper() + text[1:]


def refusal(measured: Measured) -> list[tuple[str, str, str]]:
    """Say why the analysis gives nothing, in its own words: not yet, or not at all."""
    if not measured.refusal:
        return []
    return [("No fit yet", measured.refusal, "muted") if measured.live else ("No result", measured.refusal, "warning")]


def short_text(result: Result) -> str:
    """Write value ± statistical ± calibration error, powers as people write them: (1.93 ± 0.02) × 10⁻⁴⁴ cm⁴ s."""
    text = value_text(result).replace(" (stat)", "").replace(" (cal)", "")
    number = POWER.sub(lambda found: f" × {power_of_ten(int(found[1]))}", text.removesuffix(f" {result.unit}"))
    number = LONG.sub(lambda found: whole(int(found[0])), number)
    unit = "" if result.unit == "1" else result.unit.replace("1/s", "s⁻¹")
    unit = EXPONENT.sub(lambda found: found[1].translate(SUPERSCRIPTS), unit)
    return f"{number} {unit}".rstrip()
