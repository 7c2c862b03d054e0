"""The mark a bench gets when a park or safe action failed, and that only `labctl bench safe` takes away."""

from __future__ import annotations

import json
import logging
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.store import state
from labctl.store.whole import write_whole

log = logging.getLogger("labctl.store")


def _path(bench: str) -> Path:
    return state.folder() / "unsafe" / f"{bench}.json"


def mark(bench: str, problems: Sequence[Problem]) -> None:
    """Mark a bench as unsafe, with what failed; where the mark cannot be kept that is logged, and who calls says the rest."""
    path = _path(bench)
    told = {"since": datetime.now(UTC).isoformat(), "problems": [problem.as_json() for problem in problems]}
    try:
        state.make(path.parent)
        write_whole(path, json.dumps(told))
    except (OSError, Refused) as exc:
        log.error("%s is unsafe, but that could not be kept in %s (%s): the next run will not be refused.", bench, path, exc)


def clear(bench: str) -> None:
    """Take the mark away: every instrument has answered."""
    _path(bench).unlink(missing_ok=True)


def refuse_if_marked(bench: str, *, simulated: bool) -> None:
    """Raise Refused when the last park or safe of this bench failed; simulated benches start afresh every time."""
    path = _path(bench)
    if simulated or not path.exists():
        return
    try:
        told = json.loads(path.read_text(encoding="utf-8"))
        what = "; ".join(problem["text"] for problem in told["problems"])
        said = f"at {told['since']}: {what}"
    except (ValueError, KeyError, TypeError):       # a mark is a mark, whatever became of its words
        said = "by an earlier run; what failed cannot be read any more."
    raise Refused([Problem("bench", f"{bench} was left unsafe {said} "
                                    f"Look at the bench, then run 'labctl bench safe {bench}'.")])
