"""The painter of polar plots: a signal against the angle of an analyser or plate, all the way round."""

from __future__ import annotations

from typing import Any

import numpy as np
from matplotlib import colormaps
from matplotlib.projections.polar import PolarAxes

from labctl.analysis.labels import quantity_label
from labctl.analysis.panels import GREY, Panel, curves_named
from labctl.analysis.panels_time import LINES
from labctl.core.plots import Plot, Polar
from labctl.core.quantities import long_name
from labctl.core.reduction import CurveData


def paint_polar(panel: Panel, plot: Plot) -> None:
    """Draw the reduced curves named `plot.radius`, each relative to its own maximum, else the raw numbers."""
    assert isinstance(plot, Polar)    # noqa: S101 - chosen by type
    axes = panel.axes
    assert isinstance(axes, PolarAxes)    # noqa: S101 - `figure` makes them so
    curves = curves_named(panel, plot.radius)
    if not curves and (raw := _raw(panel, plot)) is not None:
        curves = [raw]
    many = [tuple(colour) for colour in colormaps["viridis"](np.linspace(0, 0.9, len(curves)))]
    for curve, colour in zip(curves, LINES if len(curves) <= len(LINES) else many, strict=False):
        _draw(axes, curve, colour)
    if not curves:
        axes.text(0.5, 0.5, "no data for this plot", transform=axes.transAxes, ha="center", color=GREY)
    axes.set_thetagrids(range(0, 360, 30), fontsize=8.5)
    axes.set_rlim(0, 1.08)
    axes.set_rgrids([0.25, 0.5, 0.75, 1.0], labels=[""] * 4)
    axes.grid(color="#cccccc", lw=0.6)
    axes.set_title(plot.title, loc="left", fontsize=10.5)
    axes.set_xlabel(f"{quantity_label(plot.angle)}; radius relative to the maximum", fontsize=9)
    if len(curves) > 1:
        axes.legend(fontsize=8, frameon=False, loc="upper left", bbox_to_anchor=(1.02, 1.0), borderaxespad=0)


def _draw(axes: PolarAxes, curve: CurveData, colour: Any) -> None:
    """Draw points and fit; what lies below zero is noise about zero and is drawn there."""
    top = float(np.nanmax(curve.fit_y if curve.fit_y is not None else curve.y)) or 1.0
    radius = np.clip(curve.y / top, 0, None)
    used = np.ones(len(radius), dtype=bool) if curve.used is None else curve.used
    errors = None if curve.sigma is None else curve.sigma[used] / top
    axes.errorbar(np.deg2rad(curve.x[used]), radius[used], errors, fmt="o", ms=3.5, lw=0, elinewidth=0.9, color=colour,
                  label=curve.label, zorder=4)
    axes.plot(np.deg2rad(curve.x[~used]), radius[~used], "o", ms=3.5, mfc="white", mec=GREY, zorder=3)
    if curve.fit_x is not None and curve.fit_y is not None:
        axes.plot(np.deg2rad(curve.fit_x), np.clip(curve.fit_y / top, 0, None), lw=1.5, color=colour, alpha=0.85, zorder=3)


def _raw(panel: Panel, plot: Polar) -> CurveData | None:
    try:
        return CurveData(plot.angle, panel.run[plot.angle], panel.run[plot.radius], "", long_name(plot.radius))
    except KeyError:
        return None


