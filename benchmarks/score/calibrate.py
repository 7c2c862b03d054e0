"""Show which claims were fitted by which constants of a sample, and fit again: `python -m benchmarks.score.calibrate SAMPLE`.

Nothing is written: what the fit proposes is printed beside what the sample's file says. The observables are those of the score,
from the same estimators, without noise; each is compared with the middle of its claim's bounds in units of half their width, and
every constant is held to its present value with 10 %, since there are often more constants than claims.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from scipy.optimize import least_squares

from benchmarks.score import qin, sun, wang, xiong, ying
from benchmarks.score.targets import PLACE_VARIABLE, Row, load_rows, targets_file
from labctl.core.errors import AnalysisError
from sim_instruments.twin.record import Sample
from sim_instruments.twin.sample import load_sample

HELD = 0.10                        # relative standard deviation of a constant about its present value
STEP = 0.05                        # relative, of the derivatives: thresholds are found on grids some percent wide
ROUNDS = 8                         # of the fit at most; each asks the model once per constant
LOST = 10.0                        # residual of an observable that the analysis refuses to give


@dataclass(frozen=True)
class Calibration:
    """The constants of one sample, `section.attribute`, that were fitted to rows of the targets; and how to observe it."""

    constants: tuple[str, ...]
    rows: tuple[str, ...]
    observe: Callable[[Sample], Mapping[str, Any]]


def _wang(sample: Sample) -> Mapping[str, Any]:
    return {**wang.estimate_power_series(wang.power_series(None, sample)), **wang.estimate_stripes(wang.stripes(None, sample)),
            **wang.estimate_bleached(wang.bleached(None, sample))}


def _qin(sample: Sample) -> Mapping[str, Any]:
    return qin.estimate_power_series(qin.power_series(None, sample, np.array([0.0, 20.0])))


def _xiong(ligand: str) -> Callable[[Sample], Mapping[str, Any]]:
    return lambda sample: xiong.estimate_power_series(xiong.power_series(None, sample), ligand)


def _sun(sample: Sample) -> Mapping[str, Any]:
    return sun.estimate_three_photons(sun.power_series(None, sample, sun.THREE_NM, sun.THREE_MJ))


def _single(sample: Sample) -> Mapping[str, Any]:
    return sun.estimate_single_curve(sun.power_series(None, sample, sun.THREE_NM, sun.SINGLE_MJ))


def _ying(sample: Sample) -> Mapping[str, Any]:
    return ying.estimate_power_series(ying.power_series(None, sample))


LINES = ("lines.emission_ev", "lines.stokes_shift_ev", "lines.biexciton_shift_ev", "lines.phonon_coupling_ev",
         "lines.relative_absorption_width")
AMPLIFIER = ("gain.strength_cm", "gain.loss_cm", "gain.coupled_fraction", "gain.spontaneous_factor")
CALIBRATIONS: Mapping[str, Calibration] = {
    "wang2015": Calibration((*LINES, *AMPLIFIER, "absorption.optical_density_400", "detected.bleaching_dose_j_cm2"),
                            ("003-01", "003-02", "003-03", "003-04", "003-05", "003-08", "003-09", "003-16", "003-11"), _wang),
    "qin2021": Calibration((*LINES, "lines.trion_shift_ev", *AMPLIFIER, "absorption.transmission", "charging.largest_fraction",
                            "stripe.length_cm"),
                           ("001-01", "001-02", "001-03", "001-05", "001-06", "001-07", "001-08"), _qin),
    "xiong2022_oam": Calibration(("absorption.two_photon_cm4_s",), ("002-01",), _xiong("oam")),
    "xiong2022_ola": Calibration(("absorption.two_photon_cm4_s",), ("002-02",), _xiong("ola")),
    "sun2024": Calibration(("lines.stokes_shift_ev", "lines.biexciton_shift_ev", "lines.relative_absorption_width",
                            "gain.strength_cm", "gain.coupled_fraction", "gain.spontaneous_factor"),
                           ("004-01", "004-02", "004-03", "004-04", "004-05"), _sun),
    "sun2024_d15": Calibration(("cavity.bending_loss_cm",), ("004-20",), _single),
    "ying2021": Calibration(("absorption.transmission", "absorption.exciton_weight", "lines.relative_absorption_width",
                             "gain.strength_cm", "cavity.quality", "resonance.off_resonance", "resonance.heating_ev",
                             "resonance.feedback_part"), ("000-23", "000-25", "000-29", "000-30", "000-31", "000-32"), _ying),
}
"""By sample; what the pulse length and other constants of a bench add to a fit is left where it is."""


AT_MOST_ONE = ("charging.largest_fraction",)
FINE = {"lines.emission_ev": 0.01}
"""Constants that matter to a smaller part of their value: by how much finer they are moved, and held."""


def get(sample: Sample, constant: str) -> float:
    """Give a constant of a record."""
    section, attribute = constant.split(".")
    return float(getattr(getattr(sample, section), attribute))


def put(sample: Sample, values: Mapping[str, float]) -> Sample:
    """Give the record with other constants."""
    for constant, value in values.items():
        section, attribute = constant.split(".")
        sample = replace(sample, **{section: replace(getattr(sample, section), **{attribute: value})})
    return sample


@dataclass(frozen=True)
class Wanted:
    """A claim as a number: its result, the middle of its bounds and half their width; of one bound, it and half of it."""

    row: str
    result: str
    middle: float
    half: float


def wanted(row: Row) -> tuple[Wanted, ...]:
    """Give the numbers a row asks for; none for a row that compares several results."""
    if "result" not in row.check:
        return ()
    ends = [float(end) for end in (row.check["lo"], row.check["hi"]) if end is not None]
    middle = sum(ends) / len(ends)
    half = (ends[1] - ends[0]) / 2 if len(ends) == 2 else abs(middle) / 2 or 1.0
    return (Wanted(row.id, row.check["result"], middle, half),)


def residuals(results: Mapping[str, Any], claims: Sequence[Wanted]) -> np.ndarray:
    """Give how far each observable is from its claim, in half widths of the bounds."""
    return np.array([(float(results[each.result]) - each.middle) / each.half for each in claims])


def observed(calibration: Calibration, sample: Sample, claims: Sequence[Wanted]) -> np.ndarray:
    """Give the residuals of a sample; an analysis that refuses is far from every claim."""
    try:
        return residuals(calibration.observe(sample), claims)
    except AnalysisError:
        return np.full(len(claims), LOST)


def fit(name: str, claims: Sequence[Wanted], *, rounds: int = ROUNDS) -> Sample:
    """Give the sample with the constants that suit the claims best, the present ones being expected with 10 %."""
    calibration, sample = CALIBRATIONS[name], load_sample(name)
    most = [1.0 / get(sample, constant) if constant in AT_MOST_ONE else 2.0 for constant in calibration.constants]

    def distance(relative: np.ndarray) -> np.ndarray:
        return np.concatenate([observed(calibration, moved(sample, calibration, relative), claims), (relative - 1.0) / HELD])
    found = least_squares(distance, np.ones(len(most)), bounds=(0.5, most), diff_step=STEP, max_nfev=rounds)
    return moved(sample, calibration, found.x)


def moved(sample: Sample, calibration: Calibration, relative: np.ndarray) -> Sample:
    """Give the sample with its fitted constants multiplied."""
    return put(sample, {constant: get(sample, constant) * (1.0 + FINE.get(constant, 1.0) * (float(factor) - 1.0))
                        for constant, factor in zip(calibration.constants, relative, strict=True)})


def sensitivities(name: str, claims: Sequence[Wanted]) -> np.ndarray:
    """Give by how many half widths each observable moves when a constant (if FINE, less) grows by 1 %: (constants, observables)."""
    calibration, sample = CALIBRATIONS[name], load_sample(name)
    rows = []
    for number in range(len(calibration.constants)):
        ends = []
        for sign in (1.0, -1.0):
            relative = np.ones(len(calibration.constants))
            relative[number] += sign * STEP
            ends.append(observed(calibration, moved(sample, calibration, relative), claims))
        rows.append((ends[0] - ends[1]) / (2 * STEP) * 0.01)
    return np.array(rows)


def report(name: str, claims: Sequence[Wanted], after: Sample | None) -> list[str]:
    """Give the tables: what moves what, constants and observables before and after."""
    calibration, before = CALIBRATIONS[name], load_sample(name)
    matrix = sensitivities(name, claims)
    width = max(map(len, calibration.constants)) + 2
    head = " ".join(f"{each.row:>8}" for each in claims)
    lines = [f"{name}: shift of each row, in half widths of its bounds, when a constant grows by 1 % (energy of emission: 0.01 %)",
             " " * width + head]
    lines += [f"{constant:<{width}}" + " ".join(f"{value:8.2f}" for value in row)
              for constant, row in zip(calibration.constants, matrix, strict=True)]
    samples = [before, *([] if after is None else [after])]
    lines += ["", f"{'constant':<{width}}{'file':>14}" + ("" if after is None else f"{'fit':>14}")]
    lines += [f"{constant:<{width}}" + "".join(f"{get(sample, constant):14.6g}" for sample in samples)
              for constant in calibration.constants]
    results = [calibration.observe(sample) for sample in samples]
    lines += ["", f"{'row':<8}{'result':<30}{'wanted':>22}{'file':>12}" + ("" if after is None else f"{'fit':>12}")]
    lines += [f"{each.row:<8}{each.result:<30}{f'{each.middle:.4g} ± {each.half:.3g}':>22}"
              + "".join(f"{float(found[each.result]):12.5g}" for found in results) for each in claims]
    return lines


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the tables of one sample; gives 2 when there are no targets."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.score.calibrate", description=__doc__)
    parser.add_argument("sample", choices=sorted(CALIBRATIONS))
    parser.add_argument("--no-fit", action="store_true", help="only what moves what")
    parser.add_argument("--targets", type=Path, help="the targets file")
    options = parser.parse_args(arguments)
    place = options.targets or targets_file()
    if place is None:
        sys.stderr.write(f"The targets file is not beside the repository; name it in {PLACE_VARIABLE} or with --targets.\n")
        return 2
    rows = {row.id: row for row in load_rows(place)}
    claims = [number for name in CALIBRATIONS[options.sample].rows for number in wanted(rows[name])]
    after = None if options.no_fit else fit(options.sample, claims)
    sys.stdout.write("\n".join([*report(options.sample, claims, after), "",
                                "Nothing was written; the sample's file keeps its constants."]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
