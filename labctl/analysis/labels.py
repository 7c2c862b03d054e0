"""Words and units on an axis, the same in figures and in the window."""

from __future__ import annotations

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
