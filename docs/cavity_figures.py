"""Draw the simulated counterparts of the cavity papers' figures: `python docs/cavity_figures.py` rewrites the pictures."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import matplotlib

matplotlib.use("Agg")

import matplotlib.pyplot as plt
import numpy as np

from labctl.analysis.slopes import segments
from sim_instruments.twin.cavity import emission
from sim_instruments.twin.excitation import Pump
from sim_instruments.twin.modes import comb
from sim_instruments.twin.sample import Sample, load_sample
from sim_instruments.twin.spectra import Emission
from sim_instruments.twin.spectrograph import Window, photons_per_column

FOLDER = Path(__file__).parent / "reference" / "figures"
SUN_NM, XIONG_NM = np.linspace(505.0, 560.0, 4096), np.linspace(495.0, 560.0, 2048)
ROOM_K = 300.0


def seen(emitted: Emission, wavelength_nm: np.ndarray, instrument_nm: float) -> np.ndarray:
    """Give photons per nm as an unpolarised spectrograph of this resolution shows them."""
    step = np.gradient(wavelength_nm)
    return photons_per_column(emitted, Window(wavelength_nm, step, np.full_like(step, instrument_nm)), None, 45.0) / step


def sun(sample: Sample, level_mj: float, wavelength_nm: float = 1500.0) -> np.ndarray:
    """Give the spectrum of a whispering-gallery cavity at a peak fluence in mJ/cm²."""
    return seen(emission(Pump.monochromatic(wavelength_nm, level_mj * 1e-3, 75e-15, gaussian=True), sample, ROOM_K), SUN_NM, 0.0278)


def xiong(sample: Sample, level_uj: float, spot: int) -> np.ndarray:
    """Give the spectrum of a random laser at a peak fluence in µJ/cm²."""
    pump = Pump.monochromatic(800.0, level_uj * 1e-6, 35e-15, gaussian=True, spot=spot)
    return seen(emission(pump, sample, ROOM_K), XIONG_NM, 0.096)


def draw_sun() -> None:
    """Draw what Sun et al. show in their figures 2 and 4."""
    sample, small = load_sample("sun2024"), load_sample("sun2024_d15")
    figure, ((spectra, curve), (diameters, single)) = plt.subplots(2, 2, figsize=(11.0, 8.0), layout="constrained")
    for level in (1.5, 2.5, 3.0, 3.5, 4.0):
        spectra.plot(SUN_NM, sun(sample, level), lw=0.7, label=f"{level:g} mJ/cm²")
    spectra.set(title="Three photons, 88 µm", xlabel="Wavelength (nm)", ylabel="Photons per nm", xlim=(515.0, 550.0))
    spectra.legend()
    series = ((1500.0, np.geomspace(1.0, 4.4, 26)), (970.0, np.geomspace(0.15, 1.2, 24)))
    for wavelength, levels in series:
        light = np.array([sun(sample, level, wavelength).sum() for level in levels])
        law = segments(levels, light, count=3)
        slopes = ", ".join(f"{slope.value:.1f}" for slope in law.slopes)
        points = curve.loglog(levels, light, "o", ms=3, label=f"{wavelength:g} nm: slopes {slopes}")[0]
        curve.loglog(levels, law.curve(levels), color=points.get_color(), lw=0.8)
    curve.set(title="Light against fluence, 88 µm", xlabel="Fluence (mJ/cm²)", ylabel="Photons (arbitrary)")
    ticks = (0.2, 0.5, 1.0, 2.0, 4.0)
    curve.set_xticks(ticks, [f"{tick:g}" for tick in ticks])
    curve.set_xticks([], minor=True)
    curve.legend()
    for offset, diameter in enumerate((125.0, 88.0, 33.0)):
        signal = sun(replace(sample, ring=replace(sample.ring, diameter_um=diameter)), 3.9)
        diameters.plot(SUN_NM, signal / signal.max() + 1.1 * offset, lw=0.7, label=f"{diameter:g} µm")
    diameters.set(title="Diameters, 3.9 mJ/cm²", xlabel="Wavelength (nm)", ylabel="Photons (scaled)", xlim=(522.0, 548.0))
    diameters.legend()
    for level in (2.0, 3.0, 4.0, 5.0):
        single.semilogy(SUN_NM, sun(small, level), lw=0.8, label=f"{level:g} mJ/cm²")
    single.set(title="Single mode, 15 µm", xlabel="Wavelength (nm)", ylabel="Photons per nm", xlim=(510.0, 550.0),
               ylim=(1e-5, 10.0))
    single.legend()
    figure.savefig(FOLDER / "sun2024.png", dpi=110)


def draw_xiong() -> None:
    """Draw what Xiong et al. show in their figure 5."""
    figure, panels = plt.subplots(2, 2, figsize=(11.0, 8.0), layout="constrained")
    for (spectra, curve), (ligand, published) in zip(panels, (("oam", 257.34), ("ola", 79.81)), strict=True):
        sample = load_sample(f"xiong2022_{ligand}")
        for part in (0.6, 0.9, 1.1, 1.3, 1.6):
            spectra.plot(XIONG_NM, xiong(sample, part * published, 0), lw=0.7, label=f"{part * published:.0f} µJ/cm²")
        spectra.set(title=sample.title, xlabel="Wavelength (nm)", ylabel="Photons per nm", xlim=(500.0, 555.0))
        spectra.legend()
        levels = published * np.linspace(0.3, 1.9, 26)
        for spot in range(6):
            curve.plot(levels, [xiong(sample, level, spot).sum() for level in levels], lw=0.8)
        curve.axvline(published, color="0.5", ls=":")
        count = len(comb(sample).weight)
        curve.set(title=f"Six spots of {count} modes each; dotted: published threshold", xlabel="Fluence (µJ/cm²)",
                  ylabel="Photons (arbitrary)")
    figure.savefig(FOLDER / "xiong2022.png", dpi=110)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    draw_sun()
    draw_xiong()
