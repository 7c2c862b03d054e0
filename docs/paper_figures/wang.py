"""Wang et al. 2015, figures 2 to 6: amplified emission, bands at 10 K, decays, early and late spectra, other dots."""

from __future__ import annotations

import numpy as np
from matplotlib.figure import Figure

from benchmarks.score import wang as score
from benchmarks.score.detectors import Camera
from benchmarks.score.film import stripe_emission, whole_widths
from docs.paper_figures.style import BLUE, GREEN, GREY, ORANGE, SEED, panels, shades, spectra
from labctl.analysis.lines import gaussian_line
from sim_instruments.twin.emitters import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.sample import load_sample
from sim_instruments.twin.streak import gated

RESPONSE_S, GATES_PS = 50e-12, ((-25.0, 25.0, "first 50 ps"), (75.0, 6000.0, "from 100 ps on"))
OTHERS = (("wang2015_brcl", "Br:Cl 1.15:1", 440.0, 500.0), ("wang2015_5p5nm", "5.5 nm", 460.0, 540.0),
          ("wang2015_ibr", "I:Br 2.7:1", 590.0, 690.0))


def draw() -> Figure:
    """Draw the page."""
    figure, axes = panels(4, 3, "Wang et al. 2015 (Fig. 2-6), simulated: films and solutions of CsPbBr₃ nanocrystals")
    sample = load_sample("wang2015")
    _amplified(axes[0], score.power_series(SEED, sample), score.stripes(SEED, sample))
    _cold(axes[1], score.cold_series(SEED))
    _decays(axes[2, 0], score.decays(SEED, load_sample("wang2015_solution")))
    _gates(axes[2, 1:], sample)
    _others(axes[3])
    return figure


def _amplified(row: np.ndarray, series: score.Spectra, stripes: score.Stripes) -> None:
    found = score.estimate_power_series(series)
    levels = (3.0, 12.0, 20.0, 24.0, 30.0, 45.0)
    spectra(row[0], series.wavelength_nm, [series.at(level)[0] for level in levels], [f"{level:g} µJ/cm²" for level in levels])
    row[0].set(title="Fig. 2a: spectra against fluence", xlim=(485.0, 560.0), ylabel="Photons (arbitrary)")
    row[0].legend()
    total = series.band(518.0, 532.0)
    row[1].plot(series.x, total / total.max(), "s", color=BLUE, label="sharp band")
    blue = series.band(*score.BLUE_NM)
    row[1].plot(series.x, blue / blue.max(), "s", mfc="none", color=GREEN, label="spontaneous")
    row[1].axvline(found["threshold_kink_fluence"], color=GREY, ls=":")
    width = row[1].twinx()
    width.plot(series.x, whole_widths(series), "o", color=ORANGE)
    width.set(ylim=(0.0, 26.0))
    width.set_ylabel("Width (nm)", color=ORANGE)
    row[1].set(title=f"Fig. 2b: threshold {found['threshold_kink_fluence']:.1f} µJ/cm²", xlabel="Fluence (µJ/cm²)",
               ylabel="Light (each scaled)")
    row[1].legend(loc="center right")
    gain = score.estimate_stripes(stripes)
    light = stripes.spectra.band(*score.AMPLIFIED_NM)
    row[2].semilogy(10.0 * stripes.spectra.x, light / light.max(), "o", color=BLUE)
    row[2].axvline(10.0 * score.WINDOW_CM, color=GREY, ls=":")
    row[2].set(title=f"Stripe length at 57 µJ/cm²: gain {gain['gain_coefficient']:.0f} cm⁻¹", xlabel="Stripe length (mm)",
               ylabel="Light (scaled)")


def _cold(row: np.ndarray, series: score.Spectra) -> None:
    found = score.estimate_cold(series)
    places = (0, 3, 6, 9)
    spectra(row[0], series.wavelength_nm, [series.signal[place] for place in places],
            [f"{series.x[place]:.1f} µJ/cm²" for place in places])
    row[0].set(title="Fig. 3a: bands at 10 K, 5 ns pulses", ylabel="Photons (arbitrary)")
    row[0].legend()
    energy = score.energy_ev(series.wavelength_nm)
    density = [(score.per_ev(series.wavelength_nm, light), score.per_ev(series.wavelength_nm, error))
               for light, error in zip(series.signal, series.sigma, strict=True)]
    last = score.two_bands(energy, *density[-1])
    fits = [score.two_bands(energy, *each, shape=last.shape) for each in density]
    row[1].plot(energy[::12], density[-1][0][::12] / density[-1][0].max(), "o", ms=2.0, color=GREY)
    row[1].plot(energy, last.curve(energy) / density[-1][0].max(), color=BLUE, lw=0.8, label="two Voigt bands")
    centre = last.centre_a_ev.value
    for name, place, colour in (("A", centre, BLUE), ("B", centre - 1e-3 * last.distance_mev.value, ORANGE)):
        row[1].axvline(place, color=colour, ls=":", label=f"band {name}")
    row[1].set(title=f"Fig. 3b: bands {found['biexciton_binding']:.1f} meV apart", xlabel="Energy (eV)", ylabel="Light (scaled)",
               xlim=(2.22, 2.42))
    row[1].legend()
    for name, colour, slope in (("a", BLUE, found["exciton_slope"]), ("b", ORANGE, found["biexciton_slope"])):
        row[2].loglog(series.x, [getattr(each, f"area_{name}").value for each in fits], "o", color=colour,
                      label=f"band {name.upper()}: slope {slope:.2f}")
    ticks = (2.0, 5.0, 10.0)
    row[2].set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    row[2].set_xticks([], minor=True)
    row[2].set(title="Fig. 3c: areas", xlabel="Fluence (µJ/cm²)", ylabel="Area (arbitrary)")
    row[2].legend()


def _decays(axis, data: score.Histograms) -> None:
    found = score.estimate_decays(data)
    age = (np.arange(data.counts.shape[1]) * data.timing.bin_ps - data.irf.centroid_ps) * 1e-3
    tail = (age > 2.0) & (age < 2.5)
    chosen = (0, 4, 6, 8, 10)
    for place, colour in zip(chosen, shades(len(chosen)), strict=True):
        axis.semilogy(age, np.maximum(data.counts[place], 0.5) / data.counts[place, tail].mean(), color=colour, lw=0.6,
                      label=f"{data.x[place]:g} µJ/cm²")
    axis.set(title=f"Fig. 4b: Auger {found['biexciton_lifetime']:.0f} ps; σ {1e14 * found['cross_section_1p']:.2f}·10⁻¹⁴ cm²",
             xlabel="Time (ns)", ylabel="Counts (tails made equal)", xlim=(-0.2, 3.0), ylim=(0.4, None))
    axis.legend()


def _gates(row: np.ndarray, sample) -> None:
    """Draw what a streak camera cuts out: model functions, no noise."""
    for axis, level in zip(row, (11.5, 25.0), strict=True):
        pump = Pump.monochromatic(400.0, level * 1e-6, 1e-13)
        for (start, stop, label), colour in zip(GATES_PS, (ORANGE, BLUE), strict=True):
            light = gated(pump, sample, 300.0, start * 1e-12, stop * 1e-12, response_s=RESPONSE_S)
            axis.plot(light.wavelength_nm, light.continuum / light.continuum.max(), color=colour, label=label)
        axis.set(title=f"Fig. 5: {level:g} µJ/cm² (model, response 50 ps)", xlabel="Wavelength in vacuum (nm)",
                 ylabel="Light (each scaled)", xlim=(480.0, 560.0))
        axis.legend()


def _others(row: np.ndarray) -> None:
    for colour, (name, label, low, high) in zip(shades(3), OTHERS, strict=True):
        seen = Camera(np.linspace(low, high, 1024), SEED)
        light, _ = seen.take(stripe_emission(load_sample(name)), 32.0)
        row[0].plot(seen.wavelength_nm, light / light.max(), color=colour, label=label)
    row[0].set(title="Fig. 6a-c: other dots at 32 µJ/cm²", xlabel="Wavelength in vacuum (nm)", ylabel="Light (scaled)")
    row[0].legend()
    capillary = load_sample("wang2015_capillary")
    seen = Camera(np.linspace(508.0, 542.0, 2048), SEED, peak_e=3e4, instrument_nm=0.065)

    def emit(level_uj: float):
        return emission(Pump.monochromatic(400.0, level_uj * 1e-6, 5e-9), capillary, 300.0)
    levels = (300.0, 450.0, 600.0)
    series = seen.series(emit, np.array(levels))
    spectra(row[1], seen.wavelength_nm, series.signal, [f"{level:g} µJ/cm²" for level in levels], offset=1.15)
    row[1].set(title="Fig. 6d: dots in a capillary of 50 µm")
    row[1].legend(loc="upper left")
    curve = seen.series(emit, np.linspace(100.0, 700.0, 25))
    row[2].plot(curve.x, curve.total / curve.total.max(), "o", color=BLUE)
    row[2].set(title="Fig. 6d: light against fluence", xlabel="Fluence (µJ/cm²)", ylabel="Light (scaled)")
    band = gaussian_line(seen.wavelength_nm, *curve.at(100.0))
    row[2].text(0.05, 0.9, f"below threshold {band.fwhm_nm.value:.0f} nm wide", transform=row[2].transAxes)
