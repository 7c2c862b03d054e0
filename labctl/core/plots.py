"""Plots as declarations: a procedure says what belongs on which axis; figures and GUI draw it.

Names are quantities ("pump.wavelength"), channels ("counts"), or curves that `reduce` returns.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Plot:
    """Base of all plots: a title and the name of the thing drawn."""

    title: str

    def as_json(self) -> dict[str, Any]:
        """Give the declaration as plain JSON types, kind included."""
        return {"kind": type(self).__name__.lower(), **asdict(self)}


@dataclass(frozen=True)
class Spectrum(Plot):
    """The newest array against its coordinate."""

    channel: str = "counts"


@dataclass(frozen=True)
class Map(Plot):
    """Every array of the run as an image: coordinate across, scan axis up."""

    y: str = ""
    channel: str = "counts"


@dataclass(frozen=True)
class Curve(Plot):
    """One number per point against a set-point, with the fit that `reduce` makes of it.

    An `optional` one is left out of the figure when `reduce` gives no such curve.
    """

    x: str = ""
    y: str = ""
    fit: str = ""
    log: bool = False
    log_x: bool = False
    optional: bool = False


@dataclass(frozen=True)
class HeatMap(Plot):
    """One number per point over two set-points: a channel's number, or a curve that `reduce` returns, as colour."""

    x: str = ""
    y: str = ""
    z: str = ""


@dataclass(frozen=True)
class Polar(Plot):
    """One number per point against an angle."""

    angle: str = ""
    radius: str = ""
    fit: str = ""


@dataclass(frozen=True)
class Histogram(Plot):
    """Counts against time delay, logarithmic."""

    channel: str = "histogram"


@dataclass(frozen=True)
class Image(Plot):
    """The newest array of two dimensions as it came: the chip of a camera, for slit, tracks and zero order."""

    channel: str = "counts"


@dataclass(frozen=True)
class Trace(Plot):
    """Numbers against elapsed time."""

    names: tuple[str, ...] = ()


def from_json(told: Mapping[str, Any]) -> Plot:
    """Rebuild a plot from `as_json`; fields of a newer labctl are left out, an unknown kind becomes a plain `Plot`."""
    found = next((cls for cls in Plot.__subclasses__() if cls.__name__.lower() == told.get("kind")), Plot)
    values: dict[str, Any] = {}
    for field in fields(found):
        if field.name in told:
            value = told[field.name]
            values[field.name] = tuple(value) if isinstance(value, list) else value
    return found(**values)
