"""What stands in the header of a run: everything that is known before the first point."""

from __future__ import annotations

import inspect
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from labctl.bench.bench import Bench
from labctl.core.plan import plan_hash
from labctl.core.secrets import without_secrets
from labctl.core.steps import drive
from labctl.engine.arrangement import Arrangement
from labctl.engine.planning import AS_PLANNED, Plan, describe
from labctl.store.environment import environment

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure


def header(procedure: Procedure, bench: Bench, plan: Plan, *, name: str, run_id: str, number: int, seed: int, sample: str,
           dose: Mapping[str, Any], user: str = "", note: str = "", arrangement: Arrangement = AS_PLANNED, rehearsal: bool = False,
           rehearsed: Mapping[str, str] | None = None) -> dict[str, Any]:
    """Write down everything that is known before the first move."""
    return {
        "run_id": run_id, "run_number": number, "procedure": name, "title": procedure.title or name,
        "parameters": procedure.describe(), "plan": [point.as_json() for point in plan.points], "plan_hash": plan_hash(plan.points),
        "bounds": plan.bounds_as_json(),
        "scan_axes": list(procedure.scan_axes), "shape": list(procedure.shape) if procedure.shape else None,
        "plots": [plot.as_json() for plot in procedure.plots], "default_signal": "counts", "channels": {}, "companions": {},
        "instruments_start": {role: {"identity": str(identity)} for role, identity in bench.identities.items()},
        "serials": bench.serials,
        "calibrations": [c.to_json() for c in bench.calibrations.values() if c is not None],
        "bench": {"name": bench.name, "text": without_secrets(bench.text), "backend": bench.config.backend,
                  "simulated": bench.simulated, "rehearsal": rehearsal},
        "sample": sample, "user": user, "note": note, "seed": seed, "start_utc": bench.clock.utc().isoformat(),
        "environment": environment(), "procedure_source": _source(procedure), "constants": bench.constants(),
        "filters": bench.filters.as_json(), "estimate": describe(plan.estimate), "arrangement": arrangement.as_json(),
        "dose": dose, "rehearsal": rehearsed,
    }


def described(bench: Bench, detectors: Sequence[str], had: Mapping[str, Any] | None = None) -> dict[str, Any]:
    """Describe the arrays to come, and the instruments as the run finds them.

    `had` is what an interrupted run had said of its arrays: its points refer to that, wherever a spectrograph stands now.
    """
    channels = dict(had or {})
    for name in detectors:
        for channel in bench.detectors[name].channels():
            channels.setdefault(channel.name, {
                "unit": channel.unit, "dims": list(channel.dims), "shape": list(channel.shape), "dtype": channel.dtype,
                "long_name": channel.long_name,
                "coords": {dim: {"values": c.values.tolist(), "unit": c.unit, "long_name": c.long_name, "medium": c.medium}
                           for dim, c in channel.coords.items()},
            })
    arrays = [name for name, channel in channels.items() if channel["dims"]]
    default = arrays[0] if arrays else next(iter(channels), "")
    return {"channels": channels, "default_signal": default, "instruments_start": drive(bench.clock, bench.snapshot())}


def _source(procedure: Procedure) -> str:
    try:
        return inspect.getsource(inspect.getmodule(type(procedure)) or type(procedure))
    except (OSError, TypeError):
        return ""
