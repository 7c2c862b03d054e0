"""Claimed results, read back from run files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from labctl.core.errors import AnalysisError, LabctlError
from labctl.core.plan import Problem, Result
from labctl.reproduce.plan import Runs, Source, Value
from labctl.store.run import load

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
