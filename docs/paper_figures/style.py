"""How the figures look: panels with letters, series from dark to bright, thin lines, no boxes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.score.detectors import Spectra
from labctl.analysis.cosmic import without_spikes

FOLDER = Path(__file__).parents[1] / "explanations" / "figures"
SEED = 0                           # of the noise
NARROWEST_PIXELS = 5.0             # FWHM of the narrowest line that is drawn
BLUE, ORANGE, GREEN, GREY = "#1f5fa8", "#d9631e", "#2b8a5a", "#8a8f98"
LOOK: Any = {
    "font.size": 8.0, "axes.titlesize": 8.5, "axes.titlelocation": "left", "axes.spines.top": False, "axes.spines.right": False,
    "lines.linewidth": 0.9, "lines.markersize": 3.5, "legend.frameon": False, "legend.fontsize": 7.0,
    "legend.handlelength": 1.2, "xtick.direction": "in", "ytick.direction": "in", "axes.linewidth": 0.7}


def panels(rows: int, columns: int, title: str, height: float = 2.7, wide: int | None = None) -> tuple[Figure, np.ndarray]:
    """Make a page of panels lettered row by row; the row `wide` is one panel, its first."""
    plt.rcParams.update(LOOK)
    figure, axes = plt.subplots(rows, columns, figsize=(3.55 * columns, height * rows + 0.3), layout="constrained", squeeze=False)
    figure.suptitle(title, x=0.01, ha="left", fontsize=10.0, fontweight="bold")
    shown = [axis for row, several in enumerate(axes) for axis in (several[:1] if row == wide else several)]
    if wide is not None:
        for axis in axes[wide, 1:]:
            axis.remove()
        axes[wide, 0].set_subplotspec(axes[wide, 0].get_gridspec()[wide, :])
    for letter, axis in zip("abcdefghijkl", shown, strict=False):
        axis.text(-0.02, 1.02, letter, transform=axis.transAxes, fontweight="bold", ha="right", va="bottom", fontsize=9.5)
    return figure, axes


def shades(count: int) -> np.ndarray:
    """Give colours from dark to bright for a series that rises."""
    return plt.get_cmap("viridis")(np.linspace(0.05, 0.85, count))


def spectra(axis: Axes, wavelength_nm: np.ndarray, lights: Iterable[np.ndarray], labels: Iterable[str], *,
            offset: float = 0.0) -> None:
    """Draw spectra in rising shades; with an offset each is scaled to 1 and stands above the one before."""
    lights = list(lights)
    for place, (light, label, colour) in enumerate(zip(lights, labels, shades(len(lights)), strict=True)):
        shown = light / light.max() + place * offset if offset else light
        axis.plot(wavelength_nm, shown, color=colour, label=label, lw=0.7)
    axis.set(xlabel="Wavelength in vacuum (nm)")
    if offset:
        axis.set(yticks=[], ylabel="Light, scaled and shifted")


def clean(series: Spectra) -> Spectra:
    """Give a series without the hits of cosmic rays, as the analysis sees it."""
    return replace(series, signal=without_spikes(series.signal, series.sigma, NARROWEST_PIXELS)[0])


def save(figure: Figure, name: str) -> Path:
    """Save a page."""
    FOLDER.mkdir(exist_ok=True)
    path = FOLDER / f"{name}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path
