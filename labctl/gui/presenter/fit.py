"""The analysis of a run while it runs: the same `reduce` as afterwards, in a thread of its own, a quarter of the time at most."""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass
from typing import Any

from labctl.core import registry
from labctl.core.errors import AnalysisError, LabctlError
from labctl.core.pacing import Courtesy
from labctl.core.reduction import Reduction
from labctl.gui.model.intake import LatestBox
from labctl.gui.model.measured import LiveRun
from labctl.store.view import View

log = logging.getLogger("labctl.gui")

LEAST_S = 1.0               # between two fits
REST = 3.0                  # times as long as it took, it rests: the window draws meanwhile
TOO_LARGE = "the run is too large to be analysed while it runs; it is analysed at its end"


@dataclass(frozen=True)
class Found:
    """What a fit has given: of which run, a reduction or the reason why there is none, and how long it took."""

    run_id: str
    reduction: Reduction | None
    refusal: str
    seconds: float


def analyse(name: str, parameters: dict[str, Any], view: View) -> tuple[Reduction | None, str]:
    """Reduce what there is; gives a reduction, or the reason why there is none yet."""
    try:
        return registry.find("procedure", name)(**parameters).reduce(view), ""
    except AnalysisError as exc:
        return None, str(exc)
    except LabctlError as exc:
        return None, f"cannot be analysed here: {exc}"
    except Exception as exc:        # of half a run anything may be missing; of the whole one it would be a defect
        log.debug("no fit of what there is so far", exc_info=True)
        return None, f"not enough points yet ({type(exc).__name__})"


class LiveFit:
    """Fits what has been measured so far, and lets the window go first. `tick` is called by the window and never waits."""

    def __init__(self, courtesy: Courtesy | None = None) -> None:
        self._courtesy = courtesy or Courtesy()
        self._box: LatestBox[Found] = LatestBox()
        self._thread: threading.Thread | None = None
        self._not_before = 0.0
        self._fitted = ("", -1)

    def tick(self, measured: LiveRun | None) -> bool:
        """Take in a finished fit, and begin another if there is something new; tells whether there is anything to be drawn."""
        found, fresh = self._box.take(), False
        if found is not None:
            self._not_before = time.monotonic() + max(LEAST_S, REST * found.seconds)
            if measured is not None and measured.live and measured.header.get("run_id") == found.run_id:
                measured.reduction = found.reduction if found.reduction is not None else measured.reduction
                measured.refusal = found.refusal if found.reduction is None and measured.reduction is None else ""
                fresh = True
        if measured is not None and measured.live and not self.busy and time.monotonic() >= self._not_before:
            self._begin(measured)
        return fresh

    @property
    def busy(self) -> bool:
        """Whether a fit is under way."""
        return self._thread is not None and self._thread.is_alive()

    def _begin(self, measured: LiveRun) -> None:
        now = str(measured.header.get("run_id", "")), measured.changes
        if now == self._fitted or not len(measured):
            return
        self._fitted = now
        if not measured.complete:
            measured.refusal = TOO_LARGE
            return
        header, view = measured.header, measured.view
        parameters = {name: told["value"] for name, told in header.get("parameters", {}).items()}

        def work() -> None:
            began = time.monotonic()
            with self._courtesy.politely():
                reduction, refusal = analyse(str(header.get("procedure", "")), parameters, view)
            self._box.put(Found(now[0], reduction, refusal, time.monotonic() - began))

        self._thread = threading.Thread(target=work, name="analysis", daemon=True)
        self._thread.start()
