"""Files of strangers: every model on data made here with formulas of the test's own, in the styles other programs write.

What is fitted has to be right within its own error; what is not of the model has to be refused with the reason and a way out.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pytest

from labctl.analysis.fit import fit_columns
from labctl.analysis.models import Fitted, Options
from labctl.core.errors import LabctlError
from labctl.store.fits import numbers_of

EV_NM, EV_HZ = 1239.841984, 4.135667696e-15


def rng(seed: int) -> np.random.Generator:
    return np.random.default_rng(seed)


def gauss(x: np.ndarray, height: float, centre: float, fwhm: float) -> np.ndarray:
    return height * np.exp(-4 * np.log(2) * ((x - centre) / fwhm) ** 2)


def text(heading: str, separator: str, *columns: np.ndarray, comma: bool = False, end: str = "") -> str:
    """Write columns as a program would, with decimal commas if asked for."""
    rows = [separator.join(f"{value:.9g}" for value in row) + end for row in zip(*columns, strict=True)]
    body = "\n".join(rows).replace(".", ",") if comma else "\n".join(rows)
    return f"{heading}\n{body}\n" if heading else f"{body}\n"


@dataclass(frozen=True)
class File:
    """A text, the model for it, and what is true: result -> value, or a part of the reason to refuse."""

    name: str
    model: str
    text: str
    truth: dict[str, float] = field(default_factory=dict)
    refused: str = ""
    encoding: str = "utf-8"
    options: dict[str, Any] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)


def opened(file: File, tmp_path) -> tuple[dict[str, Fitted], dict[str, str]]:
    path = tmp_path / "theirs.txt"
    path.write_bytes(file.text.encode(file.encoding))
    numbers = numbers_of(path, file.model)
    options = {"pump_nm": numbers.pump_nm, **file.options}
    return fit_columns(numbers.columns, file.model, Options(**options), **file.words)


# ---------------------------------------------------------------- what strangers measured
PUMP = np.arange(3, 60, 2.5)
LASING = (5 * PUMP + 120 * np.clip(PUMP - 22, 0, None)) * (1 + 0.02 * rng(1).normal(size=len(PUMP)))
BOTH_WAYS = np.concatenate([PUMP, PUMP[::-1]])
TWICE = (5 * BOTH_WAYS + 120 * np.clip(BOTH_WAYS - 22, 0, None)) * (1 + 0.02 * rng(7).normal(size=len(BOTH_WAYS)))
ANGLE = np.arange(0, 360, 18.0)
LIGHT = rng(10).poisson(200 + 1500 * np.cos(np.deg2rad(ANGLE - 37)) ** 2).astype(float)
TIME = np.arange(0, 50, 0.05)
PULSE = gauss(TIME, 1, 5, 0.28)
COUNTS = rng(1).poisson(4000 * np.convolve(np.exp(-TIME / 3.2), PULSE)[: len(TIME)] / PULSE.sum() + 2).astype(float)
PROMPT = rng(51).poisson(2e4 * PULSE + 0.3).astype(float)
HOLED = "\n".join(line if number != 300 else line.split(",")[0] + "," for number, line in enumerate(
    text("", ",", TIME, COUNTS).splitlines()))
DELAY = np.arange(-5, 100, 0.5)
BLEACH = np.where(DELAY > 0, -1e-3 * np.exp(-DELAY / 20), 0) + rng(2).normal(0, 2e-5, len(DELAY))
STRIPE = np.linspace(40, 600, 22)
AMPLIFIED = 3e3 * np.expm1(80e-4 * STRIPE) / 80 * (1 + 0.02 * rng(20).normal(size=22))
NM = np.linspace(480, 580, 700)
BAND = rng(30).poisson(gauss(NM, 2e3, 522.3, 17) + 50).astype(float)
EV = np.linspace(2.1, 2.7, 600)
LINE = rng(31).poisson(gauss(EV, 2e3, 2.37, 0.07) + 30).astype(float)
FINE = np.linspace(525, 545, 2000)
COMB = rng(40).poisson(sum(gauss(FINE, h, 529 + 0.9 * k, 0.2) for k, h in enumerate([800, 2000, 3000, 1800, 700])) + 30.0)
FLUENCE = np.array([0.8, 1.5, 3, 4.5, 7, 11.5, 18, 25, 40, 57, 80])
PHOTONS = FLUENCE * 1e-6 / (6.62607015e-34 * 299792458 / 400e-9)
FILLED = rng(50).poisson(2e4 * -np.expm1(-2.5e-14 * PHOTONS)).astype(float)
EXCITED = 1e4 / (1 + ((NM[:60] - 484) / 3) ** 2)

RIGHT = [
    File("excel in German", "threshold",
         "\ufeff" + text("Pumpleistung [mW];Intensität [w.E.];Fehler", ";", PUMP, LASING, 0.02 * LASING, comma=True),
         {"threshold": 22}),
    File("bare, falling", "threshold", text("", "\t", PUMP[::-1], LASING[::-1]), {"threshold": 22}),
    File("up and down again", "threshold", text("P (mW), I (a.u.)", ",", BOTH_WAYS, TWICE), {"threshold": 22}),
    File("current of a diode", "threshold", text("Current (mA),Light (uW)", ",", PUMP, LASING), {"threshold": 22}),
    File("twenty angles", "malus", text("Polarizer angle [deg];I", ";", ANGLE + 173, LIGHT, comma=True),
         {"axis": 30, "dolp": 100 * 1500 / 1900}),
    File("bare angles, unit said", "malus", text("", " ", np.deg2rad(ANGLE), LIGHT), {"axis": 37}, words={"x_unit": "rad"}),
    File("response in front", "decay", text("Time[ns],IRF,Decay", ",", TIME, PROMPT, COUNTS), {"lifetime": 3.2}),
    File("seconds", "decay", text("t(s) counts", " ", 1e-9 * TIME, COUNTS), {"lifetime": 3.2e-9}),
    File("normalised", "decay", text("Time (ns),PL", ",", TIME, COUNTS / COUNTS.max()), {"lifetime": 3.2}),
    File("background off", "decay", text("Time (µs);PL", ";", TIME, COUNTS - 2.3, comma=True), {"lifetime": 3.2},
         encoding="cp1252"),
    File("a bin missing", "decay", f"Time (ns),Counts\n{HOLED}", {"lifetime": 3.2}),
    File("bleach", "decay", text("Delay (ps);dT/T", ";", DELAY, BLEACH, comma=True), {"lifetime": 20}),
    File("PicoHarp's curves", "decay", text("#display curve no.\n0\t1\n#ns/channel\n0.0500\t0.0500\n#counts", "\t", COUNTS, COUNTS),
         {"curve 1 (counts)/lifetime": 3.2, "curve 2 (counts)/lifetime": 3.2}),
    File("Becker & Hickl", "decay", text("Title : x\nDate : 10-03-2011\n\n*BLOCK 1 ( Time[ns]  No_of_photons )", " ", TIME, COUNTS)
         + "*END\n", {"lifetime": 3.2}),
    File("stripes in mm, falling", "gain",
         text("length [mm];I;error", ";", STRIPE[::-1] / 1e3, AMPLIFIED[::-1], 0.02 * AMPLIFIED[::-1], comma=True), {"gain": 80}),
    File("stripes without errors", "gain", text("L,I_ASE", ",", STRIPE[::2], AMPLIFIED[::2]), {"gain": 80}, words={"x_unit": "um"}),
    File("LightField", "lineshape",
         text("ROI,Frame,Row,Column,Wavelength,Intensity", ",", *[np.ones(700)] * 3, np.arange(700.0), NM, BAND),
         {"centre_nm": 522.3, "fwhm_nm": 17}, options={"medium": "vacuum"}),
    File("spectrometer", "lineshape",
         text("Data from FLAME Node\n\nIntegration Time (sec): 1.0E0\n>>>>>Begin Spectral Data<<<<<", "\t", NM, BAND),
         {"centre_nm": 522.3}, options={"medium": "vacuum"}),
    File("dark taken off", "lineshape", text("Wavelength (µm)  Signal (V)", "  ", NM / 1e3, BAND - 50), {"centre_nm": 522.3},
         options={"medium": "vacuum"}),
    File("bare electron volts", "lineshape", text("", ",", EV[::-1], LINE[::-1]), {"centre_ev": 2.37, "fwhm_mev": 70}),
    File("hertz", "lineshape", text("Frequency [Hz],PL", ",", EV / EV_HZ, LINE), {"centre_ev": 2.37, "fwhm_mev": 70}),
    File("terahertz", "modes", text("f (THz)\tI", "\t", EV_NM / FINE / EV_HZ / 1e12, COMB), {"fsr": 0.9}),
    File("pump named above", "occupancy", text("Excitation wavelength: 400 nm\nfluence (uJ/cm2);PL late", ";", FLUENCE, FILLED),
         {"cross_section": 2.5e-14}),
    File("photons", "occupancy", text("Photon fluence (photons/cm2)\tPL", "\t", PHOTONS, FILLED), {"cross_section": 2.5e-14}),
]
WRONG = [
    File("excitation scan", "threshold", text("Pump wavelength (nm),PL", ",", NM[:60], EXCITED),
         refused="--model modes or lineshape"),
    File("excitation scan, insisted", "threshold", text("Pump wavelength (nm),PL", ",", NM[:60], EXCITED), refused="is in nm",
         words={"x": "1"}),
    File("excitation scan, no unit", "threshold", text("excitation wavelength,PL", ",", NM[:60], EXCITED), refused="lineshape"),
    File("three angles", "malus", "angle (deg),I\n0,3\n45,2\n90,1\n", refused="fewer than 4 different angles"),
    File("decay", "malus", text("Time (ns),Counts", ",", TIME, COUNTS), refused="--model decay"),
    File("spectrum", "decay", text("Wavelength (nm),PL", ",", NM, BAND), refused="--model modes or lineshape"),
    File("bare spectrum", "decay", text("", " ", NM, BAND), refused="looks like wavelengths"),
    File("bare stripes", "gain", text("", " ", STRIPE, AMPLIFIED), refused="--x-unit"),
    File("angles", "lineshape", text("angle (deg),I", ",", ANGLE, LIGHT), refused="--model malus"),
    File("Raman shift", "lineshape", text("Raman shift (cm-1),I", ",", NM - 500, BAND), refused="not above zero"),
    File("neither nm nor eV", "lineshape", text("", ",", NM * 10, BAND), refused="--x-unit"),
    File("seconds as wavelength", "modes", text("place (furlong),I", ",", NM, BAND), refused="'furlong'"),
    File("power series", "modes", text("Fluence (uJ/cm2),PL", ",", PUMP, LASING), refused="--model threshold"),
    File("no pump wavelength", "occupancy", text("Fluence (mJ/cm²),PL", ",", FLUENCE / 1e3, FILLED), refused="--pump-nm"),
    File("power for fluence", "occupancy", text("Power (mW),PL", ",", FLUENCE, FILLED), refused="--model threshold"),
    File("wrong unit said", "gain", text("", " ", STRIPE, AMPLIFIED), refused="um", words={"x_unit": "ns"}),
]


@pytest.mark.parametrize("file", RIGHT, ids=lambda file: f"{file.model}: {file.name}")
def test_truth_lies_within_the_stated_error(file: File, tmp_path) -> None:
    fits, refused = opened(file, tmp_path)
    assert not refused
    results = {key if len(fits) == 1 else f"{name}/{key}": one
               for name, fitted in fits.items() for key, one in fitted.results.items()}
    for name, truth in file.truth.items():
        found = results[name]
        assert found.stderr is not None
        assert abs(found.value - truth) < 3.3 * found.stderr, f"{found}, truth {truth}"
        assert found.stderr < 0.1 * abs(truth)
    for fitted in fits.values():
        assert 0.5 < np.sqrt(np.mean(np.square(fitted.residuals))) < 1.3


@pytest.mark.parametrize("file", WRONG, ids=lambda file: f"{file.model}: {file.name}")
def test_what_the_model_is_not_for_is_refused_with_the_way_out(file: File, tmp_path) -> None:
    try:
        fits, refused = opened(file, tmp_path)
    except LabctlError as exc:
        fits, refused = {}, {"": str(exc)}
    assert not fits
    assert all(file.refused in reason for reason in refused.values()), refused


class TestStatedErrors:
    """Without errors in the file they come from the scatter, whichever way it grows with the signal: many draws, one scatter."""

    @pytest.mark.parametrize(("model", "name", "draw", "options"), [
        ("malus", "axis", lambda r: ("angle (deg),I", ANGLE, r.poisson(200 + 1500 * np.cos(np.deg2rad(ANGLE - 37)) ** 2)), {}),
        ("malus", "dolp", lambda r: ("angle (deg),I", ANGLE, r.poisson(200 + 1500 * np.cos(np.deg2rad(ANGLE - 37)) ** 2)), {}),
        ("lineshape", "centre_ev", lambda r: ("E (eV),I", EV[::6], r.poisson(2e3 / (1 + ((EV[::6] - 2.37) / 0.02) ** 2) + 30)), {}),
        ("decay", "lifetime", lambda r: ("t (ns),I", DELAY[10:], np.exp(-DELAY[10:] / 20) + r.normal(0, 0.01, len(DELAY) - 10)),
         {"components": 1, "start": 1.0}),
    ], ids=["axis", "dolp", "centre", "lifetime over equal noise"])
    def test_scatter_is_what_is_stated(self, model, name, draw, options, tmp_path) -> None:
        found = []
        for seed in range(30):
            heading, x, y = draw(rng(900 + seed))
            fits, _ = opened(File("", model, text(heading, ",", x, np.asarray(y, dtype=float)), options=options), tmp_path)
            found.append(next(iter(fits.values())).results[name])
        scatter = np.std([one.value for one in found], ddof=1)
        stated = np.sqrt(np.mean([(one.stderr or 0.0) ** 2 for one in found]))
        assert 0.6 < scatter / stated < 1.5              # 30 draws: ± 13 %; equal errors for all were off by 2
