"""The mark a bench gets when a park or safe action failed, and that only `labctl bench safe` takes away."""

from __future__ import annotations

import json
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path

from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.store import state


def _path(bench: str) -> Path:
    return state.folder() / "unsafe" / f"{bench}.json"


def mark(bench: str, problems: Sequence[Problem]) -> None:
    """Mark a bench as unsafe, with what failed."""
    path = _path(bench)
    state.make(path.parent)
    told = {"since": datetime.now(UTC).isoformat(), "problems": [problem.as_json() for problem in problems]}
    path.write_text(json.dumps(told), encoding="utf-8")


def clear(bench: str) -> None:
    """Take the mark away: every instrument has answered."""
    _path(bench).unlink(missing_ok=True)


def refuse_if_marked(bench: str, *, simulated: bool) -> None:
    """Raise Refused when the last park or safe of this bench failed; simulated benches start afresh every time."""
    path = _path(bench)
    if simulated or not path.exists():
        return
    told = json.loads(path.read_text(encoding="utf-8"))
    what = "; ".join(problem["text"] for problem in told["problems"])
    raise Refused([Problem("bench", f"{bench} was left unsafe at {told['since']}: {what} "
                                    f"Look at the bench, then run 'labctl bench safe {bench}'.")])
