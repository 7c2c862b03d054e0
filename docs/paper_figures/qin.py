"""Qin et al. 2021, figures 2 to 4: thresholds against voltage, gain of the charged film, weak light against voltage."""

from __future__ import annotations

import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import LogNorm
from matplotlib.figure import Figure

from benchmarks.score import qin as score
from docs.paper_figures.style import BLUE, GREEN, GREY, ORANGE, SEED, clean, panels, shades, spectra
from sim_instruments.twin.populations import poisson
from sim_instruments.twin.transient import absorption_change, probed_gain

MEANS = np.linspace(0.1, 2.0, 20)
PROBE_NM, DELAY_S, KELVIN = 537.0, 4e-12, 300.0


def draw() -> Figure:
    """Draw the page."""
    figure, axes = panels(4, 3, "Qin et al. 2021 (Fig. 2-4), simulated: a film charged by a voltage", wide=0)
    switched = score.switching(SEED)
    _cycles(axes[0, 0], clean(switched))
    _thresholds(axes[1], score.power_series(SEED))
    _switching(axes[2, 0], switched)
    _gain(axes[2, 1], axes[2, 2])
    _weak(axes[3], score.weak_light(SEED, "qin2021"), score.weak_light(SEED, "qin2021_pmma"))
    return figure


def _cycles(axis: Axes, series: score.Spectra) -> None:
    """Draw spectra one after another, frame by frame, while the voltage is switched."""
    frames = np.arange(len(series.x) + 1) + 0.5
    shown = np.maximum(series.signal, 1e-3 * series.signal.max())
    edges = np.append(series.wavelength_nm, 2 * series.wavelength_nm[-1] - series.wavelength_nm[-2])
    axis.pcolormesh(frames, edges, shown.T, norm=LogNorm(), cmap="viridis", rasterized=True)
    axis.set(title="Fig. 2a: spectra while the voltage is switched, 40 µJ/cm² (colour: photons, logarithmic over three decades)",
             xlabel="Frame", ylabel="Wavelength in vacuum (nm)",
             ylim=(490.0, 565.0), xticks=np.arange(1, len(series.x) + 1),
             xticklabels=[f"{number}: {volts:g} V" for number, volts in enumerate(series.x, 1)])


def _thresholds(row: np.ndarray, data: score.Voltages) -> None:
    found = score.estimate_power_series(data)
    for axis, series, levels, title in ((row[0], data.series[0], (20.0, 50.0, 70.0, 85.0, 105.0), "Fig. 2d: 0 V"),
                                        (row[1], data.series[-1], (10.0, 24.0, 34.0, 45.0, 62.0), "Fig. 2e: 20 V")):
        series = clean(series)
        spectra(axis, series.wavelength_nm, [series.at(level)[0] for level in levels], [f"{level:g} µJ/cm²" for level in levels])
        axis.set(title=title, xlim=(490.0, 565.0), ylabel="Photons (arbitrary)")
        axis.legend()
    row[2].plot(data.volts, found["threshold_kink_fluence_by_voltage"], "o-", color=BLUE, label="simulated")
    row[2].plot([0.0, 20.0], [68.0, 32.0], "s", mfc="none", color=ORANGE, label="published")
    row[2].set(title=f"Fig. 2f: threshold, {found['threshold_reduction']:.0f} % lower at 20 V", xlabel="Voltage (V)",
               ylabel="Threshold (µJ/cm²)", ylim=(0.0, None))
    row[2].legend()


def _switching(axis, series: score.Spectra) -> None:
    found = score.estimate_switching(series)
    series = clean(series)
    for place, volts in enumerate(series.x):
        axis.plot(series.wavelength_nm, series.signal[place], color=ORANGE if volts else BLUE, lw=0.6,
                  label=("20 V" if volts else "0 V") if place < 2 else None)
    ratios = f"{found['ase_on_off_ratio']:.0f} at 535, {found['spe_on_off_ratio']:.2f} at 520 nm"
    axis.set(title=f"Fig. 2b, c: on/off {ratios}",
             xlabel="Wavelength in vacuum (nm)", ylabel="Photons (arbitrary)", xlim=(490.0, 565.0), yscale="log")
    axis.set_ylim(2e-3 * series.signal.max(), None)
    axis.legend()


def _gain(threshold, kinetics) -> None:
    """Draw what transient absorption sees: model functions, no noise."""
    times = np.linspace(4.0, 600.0, 150)
    for volts, colour, mean in ((0.0, BLUE, 1.2), (20.0, ORANGE, 0.7)):
        film = score.at_voltage(volts)
        unpumped = -float(probed_gain(poisson(0.0), PROBE_NM, 0.0, film, KELVIN))
        seen = [float(absorption_change(poisson(each), PROBE_NM, DELAY_S, film, KELVIN)) / unpumped for each in MEANS]
        threshold.plot(MEANS, seen, color=colour, label=f"{volts:g} V")
        decay = [float(absorption_change(poisson(mean), PROBE_NM, time * 1e-12, film, KELVIN)) / unpumped for time in times]
        kinetics.plot(times, decay, color=colour, label=f"{volts:g} V, ⟨N⟩ = {mean}")
    for axis in (threshold, kinetics):
        axis.axhline(1.0, color=GREY, ls=":")
        axis.set_ylabel("−Δα/α₀ at 537 nm")
        axis.legend()
    threshold.set(title="Fig. 3c: net gain above the line (model)", xlabel="Excitations per nanocrystal")
    kinetics.set(title="Fig. 3e, f: its life (model)", xlabel="Delay (ps)")


def _weak(row: np.ndarray, film: score.WeakLight, control: score.WeakLight) -> None:
    found = score.estimate_weak(film)
    row[0].plot(score.WEAK_VOLTS, found["pl_by_voltage"], "o-", color=BLUE, label="film")
    row[0].plot(score.WEAK_VOLTS, control.counts[:-1] / control.counts[0], "s-", color=GREEN, label="insulated")
    row[0].set(title="Fig. 4a, d: weak light against voltage", xlabel="Voltage (V)", ylabel="Light (0 V: 1)", ylim=(0.0, 1.1))
    row[0].legend()
    times, counts = score.trace(SEED)
    shown = times < 4.0
    row[1].plot(times[shown], counts[shown], color=BLUE, lw=0.6)
    row[1].set(title=f"Fig. 4b: response in {score.estimate_trace((times, counts))['pl_response_time']:.0f} ms", xlabel="Time (s)",
               ylabel="Counts in 10 ms", ylim=(0.0, None))
    age = (np.arange(film.decays.counts.shape[1]) * film.decays.timing.bin_ps - film.decays.irf.centroid_ps) * 1e-3
    for decay, volts, colour in zip(film.decays.counts, score.WEAK_VOLTS, shades(len(score.WEAK_VOLTS)), strict=True):
        row[2].semilogy(age, np.maximum(decay, 0.5) / decay.max(), color=colour, lw=0.6, label=f"{volts:g} V")
    row[2].set(title="Fig. 4c: decays", xlabel="Time (ns)", ylabel="Counts (scaled)", xlim=(-1.0, 14.0), ylim=(3e-4, 1.5))
    row[2].legend(ncols=2)
