"""Live light for whoever shows it: looking, keeping a frame, aligning."""

from __future__ import annotations

from collections.abc import Mapping

from labctl.bench.bench import Bench
from labctl.core.errors import Refused
from labctl.engine import keeping, preparing
from labctl.engine import live as live_light
from labctl.engine.control import Control
from labctl.engine.engine import RunEnd
from labctl.engine.events import Listeners
from labctl.engine.live import Live, Wish
from labctl.engine.runner import Order, Outcome


def look(bench: Bench, live: Live, order: Order, *, listeners: Listeners | None = None, control: Control | None = None) -> RunEnd:
    """Look at live light until `live.stop()`; nothing is saved, all light counts. Raises Refused before anything moves."""
    return live_light.run(bench, live, order, listeners=listeners, control=control)


def keep_frame(bench: Bench, live: Live, index: int, order: Order) -> Outcome:
    """Make a run of a frame of live light that is still in its ring; no light falls. Call it in the bench's thread."""
    return keeping.keep(bench, live, index, order)


def alignment(bench: Bench, sample: str = "", at: Mapping[str, float] | None = None) -> Wish:
    """Give the wish for aligning: the pump at the alignment limit of the sample's file, else at the least there is.

    `at` may name the pump's wavelength. Raises Refused when the pump cannot be held there.
    """
    found, problems = preparing.sample_file(bench, sample)
    if problems:
        raise Refused(problems)
    return live_light.alignment(bench, found, at)
