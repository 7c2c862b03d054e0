"""Words and units on an axis, the same in figures and in the window."""

from __future__ import annotations

import numpy as np

from labctl.core.plan import Result
from labctl.core.quantities import QUANTITIES, long_name, quantity_unit


def shown_as(name: str, unit: str = "") -> tuple[str, float]:
    """Give the unit for people and the factor to it: ("µW", 1e6) for a power."""
    quantity = QUANTITIES.get(name.removesuffix("_measured"))
    if quantity is not None and quantity.shown is not None:
        return quantity.shown
    return (quantity.unit if quantity is not None else unit), 1.0


def axis_label(words: str, unit: str) -> str:
    """Write 'Pump power at the sample (µW)' or 'Pump wavelength (vacuum, nm)'; a pure number has no bracket."""
    if unit in ("", "1"):
        return words
    pretty = unit.replace("1/s", "s⁻¹")
    return f"{words[:-1]}, {pretty})" if words.endswith(")") else f"{words} ({pretty})"


def quantity_label(name: str) -> str:
    """Write the axis label of a quantity: its words and the unit people read it in."""
    return axis_label(long_name(name), shown_as(name, quantity_unit(name))[0])


def result_text(name: str, result: Result) -> str:
    """Write a result with two digits of its smallest error: 'resonance_nm = 526.384 ± 0.044 (stat) ± 0.10 (cal) nm'.

    Very large and very small ones share a power of ten: '(2.541 ± 0.045 (stat))e-14 cm2'.
    """
    return f"{name} = {value_text(result)}"


def value_text(result: Result) -> str:
    """Write value, errors and unit of a result with two digits of its smallest error."""
    power = int(np.floor(np.log10(abs(result.value)))) if result.value and np.isfinite(result.value) else 0
    power = power if power < -4 or power > 6 else 0
    value, stat, cal = (None if x is None else x / 10.0**power for x in (result.value, result.stderr, result.systematic))
    assert value is not None    # noqa: S101  a result has a value
    errors = [error for error in (stat, cal) if error is not None and np.isfinite(error) and error > 0]
    if not errors:
        number = f"{value:.6g}"
    else:
        digits = 1 - int(np.floor(np.log10(min(errors))))

        def rounded(exact: float) -> str:
            return f"{round(exact, digits):.{max(digits, 0)}f}"

        number = rounded(value)
        number += f" ± {rounded(stat)} (stat)" if stat is not None else ""
        number += f" ± {rounded(cal)} (cal)" if cal is not None else ""
    number = f"({number})e{power}" if power and errors else f"{number}e{power}" if power else number
    return f"{number} {result.unit if result.unit != '1' else ''}".rstrip()
