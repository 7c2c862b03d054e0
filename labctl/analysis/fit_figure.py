"""The figure of `labctl fit`: every curve with its fit, and below it the residuals in standard errors."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, LogLocator, NullFormatter

from labctl.analysis.labels import result_text
from labctl.analysis.models import Fitted
from labctl.analysis.panels import BLUE, GREY
from labctl.analysis.panels_time import LINES

PANEL_INCHES = (5.6, 5.0)
MOST_ACROSS = 3
MANY = 400                  # points from which they are drawn as dots without error bars
TOLD = 5                    # results written under a panel
ZOOMED = 0.3                # share of the abscissa below which only the fitted part is shown
BEYOND = 4.0                # standard errors shown at least to each side


def fit_figure(fits: Mapping[str, Fitted], title: str) -> Figure:
    """Draw the fits of several curves side by side, three across; `fits` by the name of the curve."""
    across = min(len(fits), MOST_ACROSS)
    down = -(-len(fits) // MOST_ACROSS)
    size = (PANEL_INCHES[0] * across, PANEL_INCHES[1] * down + 0.5)
    made = Figure(figsize=size, dpi=130, layout="constrained", facecolor="white")
    made.suptitle(title, x=0.01, ha="left", fontsize=12, fontweight="bold", parse_math=False)
    for part, (name, fitted) in zip(made.subfigures(down, across, squeeze=False).flat, fits.items(), strict=False):
        top, bottom = part.subplots(2, 1, height_ratios=[3.2, 1], sharex=True)
        _data(top, name, fitted)
        _residuals(bottom, fitted)
        told = "\n".join(result_text(key, one) for key, one in list(fitted.results.items())[:TOLD])
        bottom.annotate(told, (0, 0), (0, -36), "axes fraction", "offset points", fontsize=8, va="top")
    return made


def _data(axes: Axes, name: str, fitted: Fitted) -> None:
    positive = fitted.y > 0 if "y" in fitted.logarithmic else np.ones(len(fitted.y), dtype=bool)
    x, y = fitted.x[positive], fitted.y[positive]
    if len(x) > MANY:
        style = "." if "y" in fitted.logarithmic else "-"        # counts are dots, a spectrum is a line
        axes.plot(x, y, style, ms=2, lw=0.8, color=BLUE, alpha=0.6, label="data", zorder=2)
    else:
        sigma = None if fitted.sigma is None else fitted.sigma[positive]
        axes.errorbar(x, y, sigma, fmt="o", ms=3.5, lw=0, elinewidth=0.8, color=BLUE, label="data", zorder=2)
    for line, colour in zip(fitted.fits, ("#D55E00", *LINES[2:], GREY) * 5, strict=False):
        axes.plot(line.x, line.y, lw=1.3, color="#D55E00" if not line.label else colour, label=line.label or None, zorder=3)
    if "x" in fitted.logarithmic:
        axes.set_xscale("log")
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
        axes.xaxis.set_minor_formatter(NullFormatter())
    if "y" in fitted.logarithmic:
        axes.set_yscale("log")
        axes.set_ylim(bottom=max(0.5 * float(y.min()), 1e-4 * float(y.max())))
    if np.ptp(fitted.residual_x) < ZOOMED * np.ptp(fitted.x):
        margin = 0.15 * float(np.ptp(fitted.residual_x))
        axes.set_xlim(float(fitted.residual_x.min()) - margin, float(fitted.residual_x.max()) + margin)
    axes.set_ylabel(fitted.y_label)
    axes.set_title(name, loc="left", fontsize=10, parse_math=False)
    axes.legend(fontsize=8, frameon=False)
    axes.tick_params(direction="in", labelsize=8.5)


def _residuals(axes: Axes, fitted: Fitted) -> None:
    many = len(fitted.residuals) > MANY
    axes.axhspan(-1, 1, color="#eeeeee", zorder=0)
    axes.axhline(0, color=GREY, lw=0.8, zorder=1)
    axes.plot(fitted.residual_x, fitted.residuals, "." if many else "o", ms=2 if many else 3, color=BLUE, alpha=0.6 if many else 1)
    reach = max(BEYOND, min(1.1 * float(np.max(np.abs(fitted.residuals), initial=0.0)), 50.0))
    axes.set_ylim(-reach, reach)
    axes.set_ylabel("Residual (σ)", fontsize=9)
    axes.set_xlabel(fitted.x_label)
    axes.tick_params(direction="in", labelsize=8.5)
