"""Published claims with criteria that a machine can check: whether a set of named results satisfies them.

A criterion is `{result, lo, hi}` (inclusive, None is open), `{predicate, results}` (one expression over named results), or
`{skip}` with the reason why nothing is checked. The value is judged, not value ± error.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from labctl.analysis.criterion import ExpressionError, evaluate

FUNCTIONS: dict[str, Callable[..., Any]] = {"abs": abs, "min": min, "max": max, "len": len, "diff": np.diff}


class ClaimError(Exception):
    """A criterion cannot be read."""


@dataclass(frozen=True)
class Judgement:
    """`passed` is None when nothing was checked: `missing` results, or the `reason` for which the claim is skipped."""

    passed: bool | None
    missing: tuple[str, ...] = ()
    reason: str = ""


def judge(check: Mapping[str, Any], results: Mapping[str, Any]) -> Judgement:
    """Check one criterion; `results` are numbers, truth values or 1-D arrays by name. NaN fails.

    Raises ClaimError when the criterion is none of the known forms, or says more than comparisons of results.
    """
    if "skip" in check:
        return Judgement(None, reason=str(check["skip"]))
    wanted = needed(check)
    missing = tuple(name for name in wanted if results.get(name) is None)
    if missing:
        return Judgement(None, missing, f"no {', '.join(missing)}")
    values = {name: results[name] for name in wanted}
    if any(not np.all(np.isfinite(np.asarray(value, dtype=float))) for value in values.values()):
        return Judgement(False, reason="not a number")
    if "result" in check:
        value = float(values[check["result"]])
        low, high = (-np.inf if check["lo"] is None else check["lo"]), (np.inf if check["hi"] is None else check["hi"])
        return Judgement(bool(low <= value <= high))
    try:
        return Judgement(bool(evaluate(str(check["predicate"]), values, FUNCTIONS)))
    except ExpressionError as exc:
        raise ClaimError(str(exc)) from None
    except (IndexError, ValueError, ZeroDivisionError) as exc:      # an empty array, or one of too few values
        return Judgement(False, reason=f"{check['predicate']}: {exc}")


def needed(check: Mapping[str, Any]) -> tuple[str, ...]:
    """Give the names of the results a criterion asks for. Raises ClaimError when it is none of the known forms."""
    if "skip" in check:
        return ()
    if "result" in check and {"lo", "hi"} <= set(check):
        return (str(check["result"]),)
    if {"predicate", "results"} <= set(check):
        return tuple(map(str, check["results"]))
    raise ClaimError(f"a criterion holds result with lo and hi, predicate with results, or skip; not {', '.join(check)}")
