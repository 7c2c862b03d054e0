"""Ying et al. 2021, figures 2 to 4: excitation spectrum, polarisation, power series."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from benchmarks.score import ying as score
from docs.paper_figures.style import BLUE, GREY, ORANGE, SEED, clean, panels, spectra
from labctl.analysis.polarization import malus

SHOWN_NM = (502.0, 514.0, 520.0, 524.0, 526.0, 527.0)
SHOWN_UW = (10.0, 16.0, 20.0, 30.0, 50.0, 80.0)


def draw() -> Figure:
    """Draw the page."""
    figure, axes = panels(4, 3, "Ying et al. 2021 (Fig. 2-4), simulated: nanocrystals with feedback at 4 K", wide=3)
    scan, turns, pumps = score.excitation_scan(SEED), score.analyser_turns(SEED), score.power_series(SEED)
    _excitation(axes[0], scan)
    _polarisation(axes[1], turns)
    _powers(axes[2], pumps)
    _shares(axes[3, 0], scan)
    return figure


def _excitation(row: np.ndarray, scan: score.Spectra) -> None:
    found = score.estimate_excitation(scan)
    chosen = [scan.at(nm)[0] for nm in SHOWN_NM]
    spectra(row[0], scan.wavelength_nm, chosen, [f"{nm:g} nm" for nm in SHOWN_NM])
    row[0].set(title="Fig. 2A: emission against pump wavelength", xlim=(528.5, 534.0), ylabel="Photons (arbitrary)")
    row[0].set_ylim(0.0, 1.15 * max(light[scan.wavelength_nm > 528.5].max() for light in chosen))
    row[0].legend(title="pump")
    near = scan.x < score.EDGE_NM - score.MARGIN_NM
    fitted = [each.shape.pair_ev for each in score.fits(_part(scan, near))]
    row[1].plot(scan.x[near], 1e3 * (np.array(fitted) - 2.336), "o", color=BLUE)
    row[1].axvline(found["resonance_nm"], color=GREY, ls=":")
    row[1].set(title=f"Fig. 2B: red shift into resonance, {found['se_red_shift']:.2f} meV", xlabel="Pump wavelength (nm)",
               ylabel="Pair − 2.336 eV (meV)")
    stimulated = found["ple_se"]
    used = near | (scan.x > score.EDGE_NM + 1.0 + score.MARGIN_NM)
    row[2].plot(scan.x[used], stimulated / stimulated.max(), "o", color=BLUE)
    row[2].axvline(found["resonance_nm"], color=GREY, ls=":")
    row[2].axvspan(score.EDGE_NM - score.MARGIN_NM, score.EDGE_NM + 1.0 + score.MARGIN_NM, color=GREY, alpha=0.15, lw=0)
    row[2].set(title=f"Fig. 2C: maximum {found['resonance_nm']:.2f} nm (grey: overlap)",
               xlabel="Pump wavelength (nm)", ylabel="Stimulated light (scaled)", ylim=(-0.03, 1.1))


def _part(scan: score.Spectra, used: np.ndarray) -> score.Spectra:
    return score.Spectra(scan.x[used], scan.wavelength_nm, scan.signal[used], scan.sigma[used])


def _polarisation(row: np.ndarray, turns: score.Turns) -> None:
    lower, upper, broad, fitted = score._laws(turns.on)
    off = score._laws(turns.off)
    chosen = [turns.on.at(angle)[0] for angle in (30.0, 75.0, 120.0)]
    spectra(row[0], turns.on.wavelength_nm, chosen, ["30°", "75°", "120°"])
    row[0].set(title="Fig. 3A: two lines, crossed", xlim=(529.0, 532.5), ylim=(0.0, None), ylabel="Photons (arbitrary)")
    row[0].legend(title="analyser")
    angle = np.linspace(0.0, 360.0, 361)
    for law, name, colour in ((lower, "lower", ORANGE), (upper, "upper", BLUE), (broad, "broad", GREY)):
        seen = np.array([getattr(each, name) for each in fitted])
        _turn(row[1], turns.on.x, seen, angle, colour, f"{name}: {law.dolp_fit_coefficients.value:.0f} %")
    row[1].set(title="Fig. 3A, B: degree of polarisation (fit coefficients)")
    row[1].legend(loc="upper center", ncols=3)
    for laws, name, colour in ((lower, "526 nm", ORANGE), (off[0], "495 nm", BLUE)):
        data = fitted if colour == ORANGE else off[3]
        seen = np.array([each.lower for each in data])
        _turn(row[2], turns.on.x, seen, angle, colour, f"{name}: {laws.dolp_fit_coefficients.value:.0f} %")
    row[2].set(title="Fig. 3C: lower line on and off resonance")
    row[2].legend(loc="upper center", ncols=2)


def _turn(axis: Axes, angles: np.ndarray, seen: np.ndarray, fine: np.ndarray, colour: str, label: str) -> None:
    law = malus(angles, seen)
    top = (law.curve(fine)).max()
    axis.plot(angles, seen / top, "o", color=colour, label=label)
    axis.plot(fine, law.curve(fine) / top, color=colour)
    axis.set(xlabel="Analyser (deg)", ylabel="Light (each scaled)", ylim=(0.0, 1.3), xticks=np.arange(0, 361, 90))


def _powers(row: np.ndarray, pumps: score.Pumps) -> None:
    for axis, series, title in ((row[0], pumps.off, "Fig. 4A: pumped at 495 nm"), (row[1], pumps.on, "Fig. 4C: pumped at 526 nm")):
        series = clean(series)
        spectra(axis, series.wavelength_nm, [series.at(level)[0] for level in SHOWN_UW], [f"{level:g} µW" for level in SHOWN_UW])
        axis.set(title=title, xlim=(526.0, 537.0), ylabel="Photons (arbitrary)", yscale="log")
        axis.set_ylim(1e-5 * series.signal.max(), None)
        axis.legend()
    found = score.estimate_power_series(pumps)
    for series, name, colour in ((pumps.on, "526 nm", ORANGE), (pumps.off, "495 nm", BLUE)):
        row[2].plot(series.x, [each.pair for each in score.fits(series)], "o-", color=colour, label=name)
    row[2].axvline(found["threshold_kink_power"], color=GREY, ls=":")
    row[2].set(title=f"Fig. 4D: threshold {found['threshold_kink_power']:.1f} µW, saturation {found['se_saturation_power']:.0f} µW",
               xlabel="Mean power (µW)", ylabel="Stimulated light (arbitrary)")
    row[2].legend()


def _shares(axis: Axes, scan: score.Spectra) -> None:
    """Draw how the emitted light divides itself between the pair and the broad line beneath it."""
    near = scan.x < score.EDGE_NM - score.MARGIN_NM
    fitted = score.fits(_part(scan, near))
    pair, broad = (np.array([getattr(each, name) for each in fitted]) for name in ("pair", "broad"))
    for light, name, colour in ((pair, "stimulated", ORANGE), (broad, "spontaneous", BLUE)):
        axis.plot(scan.x[near], 100.0 * light / (pair + broad), "o-", color=colour, label=name)
    axis.set(title="Fig. 4B: stimulated and spontaneous part of the light", xlabel="Pump wavelength (nm)", ylabel="Part (%)",
             ylim=(0.0, 105.0))
    axis.legend()
