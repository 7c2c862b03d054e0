"""Claimed results, read back from run files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

import numpy as np

from labctl.analysis.lines import Line, gaussian_line
from labctl.analysis.series import spectra_of
from labctl.core.errors import AnalysisError, LabctlError
from labctl.core.plan import Problem, Result
from labctl.reproduce.plan import Runs, Source, Value
from labctl.store.run import Run, load

WHOLE = ("analysis", "threshold_kink_fluence")     # what is said about these may be why something else is missing


def read_back(gives: Mapping[str, Source], files: Mapping[str, Path],
              problems: Mapping[str, tuple[Problem, ...]]) -> tuple[dict[str, Value], dict[str, str]]:
    """Read the claimed results from run files; gives them by name, and why the others are missing.

    `problems` are what was said about each run when it was reduced.
    """
    results: dict[str, Value] = {}
    missing: dict[str, str] = {}
    with ExitStack() as stack:
        runs = {key: stack.enter_context(load(path)) for key, path in files.items()}
        for name, source in gives.items():
            try:
                results[name] = named(runs, source, problems) if isinstance(source, str) else source(runs)
            except (LabctlError, KeyError, IndexError, ValueError) as exc:
                missing[name] = str(exc.args[0]) if exc.args else type(exc).__name__
    return results, missing


def named(runs: Runs, source: str, problems: Mapping[str, tuple[Problem, ...]] | None = None) -> Result:
    """Give a result by `NAME` or `STEP.NAME`; AnalysisError says what the analysis said about one that is missing."""
    key, _, name = source.rpartition(".")
    key = key or next(iter(runs))
    if name in runs[key].results:
        return runs[key].results[name]
    fields = (name, *WHOLE)
    told = [problem.text for problem in (problems or {}).get(key, ()) if problem.field in fields]
    raise AnalysisError(f"no {name}: {'; '.join(told) or 'the procedure gives none.'}")


def ratio(runs: Runs, over: str, under: str, *, percent: bool = False, less: float = 0.0) -> Result:
    """Give a result over another, less a number, in % where asked; the calibration that both share cancels."""
    top, bottom = named(runs, over), named(runs, under)
    share, scale = top.value / bottom.value, 100.0 if percent else 1.0
    errors = [(each.stderr or 0.0) / each.value for each in (top, bottom)]
    return Result(scale * (share - less), scale * abs(share) * float(np.hypot(errors[0], errors[1])), "%" if percent else "1",
                  f"{over} over {under}")


def mean_spectrum(run: Run) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Give wavelength (nm, vacuum), mean signal and its standard error over the points of a run; cosmic rays are bridged.

    Raises AnalysisError when a frame is saturated.
    """
    if run.flag("saturated").any():
        raise AnalysisError("a frame is saturated: the top of its line is cut off.")
    spectra, _ = spectra_of(run, np.arange(float(len(run))))
    light, error = spectra.total()
    return spectra.wavelength, light / len(run), error / len(run)


def line_of(run: Run, **where: float) -> Line:
    """Fit a Gaussian to the mean spectrum of a run, instrument removed; see `labctl.analysis.lines.gaussian_line`."""
    width = float(run.constants.get("detection.instrument_fwhm", 0.0))
    return gaussian_line(*mean_spectrum(run), instrument_fwhm_nm=width, **where)


def at_the_sample(run: Run) -> Result:
    """Give the power that a head at the sample reads in µW."""
    power = 1e6 * run["sample_head.power"]
    return Result(float(np.median(power)), float(power.std() / np.sqrt(len(power))), "uW", "head at the sample")
