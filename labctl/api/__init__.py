"""What scripts, notebooks, the command line and the GUI use: open a bench, run a procedure, load a run."""

from __future__ import annotations

from labctl.api.bench import Bench
from labctl.api.live import alignment, keep_frame, look
from labctl.api.opening import load_bench_file, open_bench, open_config
from labctl.api.queueing import enqueue, run_queue
from labctl.api.running import calibrate, make_procedure, rehearse, resume, run
from labctl.api.scanning import scan
from labctl.engine.arrangement import Arrangement
from labctl.engine.by_hand import act, light, move
from labctl.engine.live import Live, Wish
from labctl.engine.queue import Ended, Terms
from labctl.engine.rerun import Run, load
from labctl.engine.runner import Order, Outcome
from labctl.store.waiting import Item, Waiting

__all__ = [
    "Arrangement", "Bench", "Ended", "Item", "Live", "Order", "Outcome", "Run", "Terms", "Waiting", "Wish", "act", "alignment",
    "calibrate", "enqueue", "keep_frame", "light", "load", "load_bench_file", "look", "make_procedure", "move", "open_bench",
    "open_config", "rehearse", "resume", "run", "run_queue", "scan",
]
