"""Write docs/reference/estimators.md: what every estimator makes of simulated data whose truth is known. `make recovery` runs it.

Each case draws fresh noise (counting noise, jitter of the pump, errors of set-points) on an exact curve that is written here, not
in labctl.analysis, estimates, and counts how far from the truth and how often the 95 % interval holds it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from math import erfc
from pathlib import Path

import numpy as np

from labctl.analysis import (
    bleach,
    decay,
    decay_model,
    decay_tail,
    edge,
    gain,
    lines,
    modes,
    occupancy,
    polarization,
    response,
    slopes,
    threshold,
    z_scan,
)
from labctl.core.errors import AnalysisError
from labctl.core.plan import Result

PAGE = Path(__file__).resolve().parent / "reference" / "estimators.md"
DRAWS, SEED, GOAL = 200, 20_151_002, (0.90, 0.98)
Draw = Callable[[np.random.Generator], dict[str, tuple[Result, float]]]


@dataclass(frozen=True)
class Row:
    """One estimator's result: bias and scatter in standard errors, share of 95 % intervals that hold the truth, refusals."""

    case: str
    result: str
    truth: float
    unit: str
    bias_percent: float
    pull: float
    scatter: float
    coverage: float
    draws: int
    refused: int

    def __str__(self) -> str:
        low, high = GOAL
        verdict = "**no**" if self.coverage < low else "yes" if self.coverage <= high else "above: errors larger than need be"
        return (f"| {self.case} | {self.result} | {self.truth:.5g} {self.unit} | {self.bias_percent:+.2g} % | {self.pull:+.2f} | "
                f"{self.scatter:.2f} | {self.coverage:.1%} | {verdict} | {self.refused} of {self.draws + self.refused} |")


# ---------------------------------------------------------------- exact curves with fresh noise
FLUENCE = np.array([3, 6, 9, 12, 14, 16, 18, 20, 21, 22, 23, 24, 25, 26, 28, 30, 33, 36, 40.0])
TIME_PS, PERIOD_PS = 16.0 * np.arange(800), 12800.0
PIXEL_NM = np.linspace(505.0, 545.0, 1024)
HC_J_CM = 1.986446e-23


def power_series(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """1 % jitter of the pump, counting noise; straight lines that meet at 22.3."""
    at = FLUENCE * (1 + 0.01 * rng.normal(size=len(FLUENCE)))
    seen = rng.poisson(200 + 40 * at + 900 * np.clip(at - 22.3, 0, None)).astype(float)
    data = threshold.series(FLUENCE, seen, np.sqrt(seen), relative_pump=0.01, unit="µJ/cm²")
    return {"kink": (threshold.kink(data).threshold, 22.3)}


def laser_line(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """Only the line above threshold, over read noise."""
    seen = rng.poisson(900 * np.clip(FLUENCE - 22.3, 0, None)) + rng.normal(0, 30, len(FLUENCE))
    data = threshold.series(FLUENCE, seen, np.hypot(30, np.sqrt(np.clip(seen, 0, None))), unit="µJ/cm²")
    return {"x-intercept": (threshold.intercept(data).threshold, 22.3)}


def s_curve(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """A power law of slopes 1, 4 and 1 with breaks at 20 and 60, 2 % noise."""
    x = np.geomspace(2, 300, 36)
    y = np.where(x < 20, x, np.where(x < 60, 20 * (x / 20) ** 4, 20 * 81 * x / 60)) * 100
    law = slopes.segments(x, y * (1 + 0.02 * rng.normal(size=36)), 0.02 * y, count=3, unit="µJ/cm²")
    return {"first break": (law.breaks[0], 20.0), "second break": (law.breaks[1], 60.0),
            "slope below": (law.slopes[0], 1.0), "slope between": (law.slopes[1], 4.0), "slope above": (law.slopes[2], 1.0)}


def two_photon(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """Emission as the square of the fluence, 1 % jitter."""
    x = np.geomspace(1, 20, 10)
    exact = 50 * (x * (1 + 0.01 * rng.normal(size=10))) ** 2
    seen = rng.poisson(exact).astype(float)
    return {"slope": (slopes.slope(x, seen, np.sqrt(np.maximum(seen, 1)), relative_x=0.01).slopes[0], 2.0)}


def analyser(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """A dipole at 110 deg with p = 0.885, 25 angles once round."""
    angle = np.linspace(0, 360, 25)
    seen = rng.poisson(2000 * (1 + 0.885 * np.cos(np.deg2rad(2 * (angle - 110))))).astype(float)
    law = polarization.malus(angle, seen, np.sqrt(np.maximum(seen, 1)))
    p = 0.885
    return {"degree, usual": (law.dolp, 100 * p),
            "degree, fit coefficients": (law.dolp_fit_coefficients, 100 * (3 * p - 1) / (1 + p)),
            "extinction": (law.extinction, 200 * p / (1 + p)), "axis": (law.axis, 110.0)}


def _decay(lifetimes: dict[float, float], shift_ps: float) -> np.ndarray:
    """Give exact counts: exponentials behind a Gaussian of 180 ps, wrapped at the period, on a grid ten times finer."""
    fine = 1.6 * np.arange(8000)
    total = np.zeros(len(fine))
    for life, counts in lifetimes.items():
        wrapped = np.exp(-fine / life) / (1 - np.exp(-PERIOD_PS / life))
        total += counts * wrapped / wrapped.sum()
    # What leaves within a step of the fine grid does so half a step later on average.
    pulse = np.exp(-4 * np.log(2) * ((fine - 1500 - shift_ps - 0.8) / 180) ** 2)
    seen = np.real(np.fft.ifft(np.fft.fft(total) * np.fft.fft(pulse / pulse.sum())))
    return np.clip(np.roll(seen, 5).reshape(-1, 10).sum(axis=1), 0, None)


def _response(rng: np.random.Generator) -> np.ndarray:
    fine = 1.6 * np.arange(8000)
    pulse = np.roll(np.exp(-4 * np.log(2) * ((fine - 1500) / 180) ** 2), 5).reshape(-1, 10).sum(axis=1)
    return rng.poisson(2e6 * pulse / pulse.sum() + 0.5)


def lifetimes(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """One lifetime of 268 ps at 78 MHz, response 180 ps, unknown shift of 20 ps."""
    timing = decay_model.Timing(16.0, PERIOD_PS)
    counts = rng.poisson(_decay({268.0: 1e5}, 20.0) + 3)
    found = decay.fit_decay(counts, decay_model.response(_response(rng), timing), timing, systematics=False)
    shift = {} if found.shift is None else {"shift": (found.shift, 20.0)}
    return {"lifetime": (found.lifetime, 268.0), **shift}


def two_lifetimes(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """105 ps and 3.1 ns, 6:4 in counts."""
    timing = decay_model.Timing(16.0, PERIOD_PS)
    counts = rng.poisson(_decay({105.0: 1.2e5, 3100.0: 8e4}, 20.0) + 3)
    found = decay.fit_decay(counts, decay_model.response(_response(rng), timing), timing, components=2, systematics=False)
    amplitudes = np.array([1.2e5 / 105, 8e4 / 3100])
    average = float(2e5 / amplitudes.sum())
    weighted = float((1.2e5 * 105 + 8e4 * 3100) / 2e5)
    return {"short": (found.lifetimes[0], 105.0), "long": (found.lifetimes[1], 3100.0),
            "amplitude average": (found.amplitude_average, average), "intensity average": (found.intensity_average, weighted)}


def pile_up(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """0.2 photons per pulse at 78 MHz on a detector dead for 90 ns after each count, photon by photon."""
    pulses, dead_ps = 400_000, 90e3
    rate = _decay({3100.0: 0.2}, 0.0)
    photons = rng.poisson(rate.sum() * pulses)
    bins = rng.choice(len(rate), photons, p=rate / rate.sum())
    when = np.sort(rng.integers(0, pulses, photons) * PERIOD_PS + 16.0 * (bins + rng.random(photons)))
    kept, place = [], 0
    while place < len(when):
        kept.append(place)
        place = int(np.searchsorted(when, when[place] + dead_ps, side="right"))
    counts = np.bincount((when[kept] % PERIOD_PS / 16.0).astype(int), minlength=len(rate))[: len(rate)]
    timing = decay_model.Timing(16.0, PERIOD_PS, dead_time_ps=dead_ps, pulses=pulses)
    found = decay.fit_decay(counts, decay_model.response(_response(rng), timing), timing, systematics=False)
    return {"lifetime": (found.lifetime, 3100.0)}


def tail(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """3.6 ns from the tail, background 3 per bin."""
    counts = rng.poisson(400 * np.exp(-TIME_PS / 3600) + 3)
    return {"lifetime": (decay_tail.fit_tail(TIME_PS, counts, start=100.0).lifetimes[0], 3600.0)}


def stripes(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """Gain of 98 cm-1, 16 stripes of up to 0.05 cm, 2 % noise."""
    length = np.linspace(0.005, 0.05, 16)
    exact = 1e3 * np.expm1(98 * length) / 98
    found = gain.stripe_gain(length, exact * (1 + 0.02 * rng.normal(size=16)), 0.02 * exact, window_cm=0.051)
    return {"gain": (found.gain, 98.0)}


def saturation(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """1 - P0 with σ = 2.5e-14 cm² at 400 nm, 2 % fluence error per point."""
    fluence = np.geomspace(1e-6, 8e-5, 12)
    at = fluence * (1 + 0.02 * rng.normal(size=12))
    seen = rng.poisson(5e4 * -np.expm1(-2.5e-14 * at * 400e-7 / HC_J_CM)).astype(float)
    found = occupancy.cross_section(fluence, seen, np.sqrt(np.maximum(seen, 1)), pump_nm=400.0, relative_fluence=0.02)
    return {"cross-section": (found.cross_section, 2.5e-14)}


def one_line(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """A Gaussian of 5 nm at 524.5 nm, 400 counts high."""
    exact = 400 * np.exp(-4 * np.log(2) * ((PIXEL_NM - 524.5) / 5.0) ** 2) + 100
    seen = rng.poisson(exact).astype(float)
    found = lines.gaussian_line(PIXEL_NM, seen, np.sqrt(exact), near_nm=524.5, half_range_nm=14)
    return {"centre": (found.centre_nm, 524.5), "width": (found.fwhm_nm, 5.0)}


def gallery(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """Nine lines 0.72 nm apart, 0.17 nm wide."""
    nm = np.linspace(520, 540, 2048)
    centres = 527 + 0.72 * np.arange(9)
    exact = 50 + sum(h * np.exp(-4 * np.log(2) * ((nm - c) / 0.17) ** 2)
                     for c, h in zip(centres, (900, 1500, 2600, 4000, 5000, 4200, 2700, 1400, 900), strict=True))
    found = modes.find_lines(nm, rng.poisson(exact).astype(float), np.sqrt(exact))
    if len(found) != len(centres):
        raise AnalysisError("not every line was found")
    quality = modes.quality(modes.strongest(found))
    return {"quality": (quality, float(centres[4] / 0.17)), "distance": (modes.spacing(found).fsr_nm, 0.72)}


def step_of_light(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """Light that a step puts out with 30 ms, four cycles of frames of 3 ms every 10 ms that fall anywhere, 2 % noise."""
    frames = np.sort(np.concatenate([np.arange(-0.4, 0.6, 0.010) + 0.010 * rng.random() for _ in range(4)]))
    begin, end = np.clip(frames - 1.5e-3, 0, None), np.clip(frames + 1.5e-3, 0, None)
    lit = 1 - 0.8 * ((end - begin) + 0.03 * (np.exp(-end / 0.03) - np.exp(-begin / 0.03))) / 3e-3
    edge = response.Edge(frames, lit + 0.02 * rng.normal(size=len(frames)), np.full(len(frames), 0.02), 3e-3)
    truth = float(np.log(9.0)) * 0.03
    return {"10-90 % crossings": (response.crossing_time(edge), truth), "exponential": (response.exponential_time(edge), truth)}


def bleached(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """A bleach that falls with 80 ps to a fifth, and one with 80 ps and 3 ns; 1 % noise."""
    delay, noise = np.concatenate([np.arange(4.0, 60.0, 4.0), np.arange(72.0, 1000.0, 16.0)]), 1e-3
    found = []
    for law, keywords in ((0.02 + 0.08 * np.exp(-delay / 80), {}),
                          (0.08 * np.exp(-delay / 80) + 0.02 * np.exp(-delay / 3e3), {"count": 2, "constant": False})):
        seen = bleach.Bleach(delay, law + noise * rng.normal(size=len(delay)), np.full(len(delay), noise))
        found.append(bleach.fall(seen, **keywords).lifetimes[0])
    return {"one and a constant": (found[0], 80.0), "shorter of two": (found[1], 80.0)}


def z_scanned(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """A dip by two photons, q = 1, Rayleigh length 3 mm, 60 places to 12 mm on either side, 0.5 % noise."""
    place = np.linspace(-1.2, 1.2, 60)
    time = np.linspace(-5, 5, 2001)
    local = 1.0 / (1 + (place / 0.3) ** 2)
    exact = np.log1p(local[:, None] * np.exp(-time**2)).sum(axis=1) * (time[1] - time[0]) / (np.sqrt(np.pi) * local)
    found = z_scan.open_aperture(place, exact + 5e-3 * rng.normal(size=60), np.full(60, 5e-3), order=2)
    return {"strength": (found.strength, 1.0), "Rayleigh length": (found.rayleigh, 0.3)}


def line_on_step(rng: np.random.Generator) -> dict[str, tuple[Result, float]]:
    """A line of 110 meV at 2.556 eV on an edge of the same place and width, 30 energies, 1 % noise."""
    energy, line, sd = np.linspace(2.48, 2.64, 30), 2.556, 0.110 / 2.354820
    away = (energy - line) / sd
    step = np.array([0.5 * erfc(-each / np.sqrt(2.0)) for each in away])
    exact = 0.55 * np.exp(-(away**2) / 2.0) + 0.45 * step
    found = edge.line_at_edge(energy, exact * (1 + 0.01 * rng.normal(size=30)), 0.01 * exact)
    # Where the sum is highest: 0.55 x = 0.45/sqrt(2 pi), x in standard deviations above the line.
    return {"line": (found.line_ev, line), "highest place": (found.highest_ev, line + sd * 0.45 / 0.55 / np.sqrt(2.0 * np.pi))}


CASES: dict[str, Draw] = {
    "threshold: kink": power_series, "threshold: x-intercept": laser_line, "power law of 3 segments": s_curve,
    "power law": two_photon, "Malus": analyser, "reconvolution, 1 exponential": lifetimes,
    "reconvolution, 2 exponentials": two_lifetimes, "reconvolution with pile-up": pile_up, "tail": tail,
    "variable stripe length": stripes, "occupancy": saturation, "Gaussian line": one_line, "modes": gallery,
    "step of the light": step_of_light, "bleach": bleached, "z-scan": z_scanned, "line at an edge": line_on_step,
}


# ---------------------------------------------------------------- counting
def recover(name: str, draws: int = DRAWS, seed: int = SEED) -> list[Row]:
    """Repeat one case; the seed of a draw is that of the table and its number."""
    found: dict[str, list[tuple[Result, float]]] = {}
    refused = 0
    for number in range(draws):
        try:
            for key, pair in CASES[name](np.random.default_rng((seed, number))).items():
                found.setdefault(key, []).append(pair)
        except AnalysisError:
            refused += 1
    return [_row(name, key, pairs, refused) for key, pairs in found.items()]


def _row(case: str, key: str, pairs: list[tuple[Result, float]], refused: int) -> Row:
    values, truth = np.array([one.value for one, _ in pairs]), pairs[0][1]
    errors = np.array([one.stderr or np.nan for one, _ in pairs])
    limits = [one.interval or (one.value - 1.96 * (one.stderr or 0), one.value + 1.96 * (one.stderr or 0)) for one, _ in pairs]
    held = np.mean([low <= truth <= high for low, high in limits])
    pulls = (values - truth) / errors
    unit = pairs[0][0].unit
    return Row(case, key, truth, "" if unit == "1" else unit, float(100 * (values.mean() / truth - 1)), float(pulls.mean()),
               float(pulls.std(ddof=1)), float(held), len(pairs), refused)


def page(rows: list[Row]) -> str:
    """Give the whole page."""
    reached = sum(GOAL[0] <= row.coverage <= GOAL[1] for row in rows)
    words = {name: " ".join((draw.__doc__ or "").split()) for name, draw in CASES.items()}
    known = 100 * 1.96 * np.sqrt(0.95 * 0.05 / DRAWS)
    return "\n".join([
        "# The estimators, tried on data whose truth is known", "",
        f"Written by `make recovery`: {DRAWS} simulated series per case with fresh noise each (seed {SEED}). Bias: mean",
        "deviation of the value from the truth. Pull: the same in standard errors; its scatter is 1 when they are honest.",
        f"Coverage: how often the 95 % interval holds the truth. The goal, {GOAL[0]:.0%} to {GOAL[1]:.0%}, is reached by",
        f"{reached} of {len(rows)} results. With {DRAWS} draws the coverage itself is known to ± {known:.0f} %.", "",
        "| estimator | result | truth | bias | pull | scatter of the pull | coverage | goal | refused |",
        "|---|---|---|---|---|---|---|---|---|", *map(str, rows), "",
        "What was simulated:", "", *(f"- **{name}**: {text}" for name, text in words.items()), "",
        "The exact curves stand in `docs/estimators_reference.py`, written apart from the estimators. What a method itself",
        "leaves out (a gain that saturates, a cascade that is not over) is no error of the estimator and does not show here;",
        "see the notes in `labctl.analysis`. Coverage near 100 % would mean errors that are larger than they need be.", "",
    ])


def main() -> None:
    """Write the page, a line of progress per case."""
    rows: list[Row] = []
    for name in CASES:
        found = recover(name)
        rows += found
        sys.stderr.write(f"{name}: {', '.join(f'{row.result} {row.coverage:.1%}' for row in found)}\n")
    PAGE.write_text(page(rows), encoding="utf-8")


if __name__ == "__main__":
    main()
