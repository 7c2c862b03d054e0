"""An open bench as scripts and notebooks hold it: quantities by name, and a picture of where everything stands."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from html import escape
from pathlib import Path

from labctl.bench import bench
from labctl.core.errors import Aborted, CalibrationNeeded, LabctlError, Refused
from labctl.core.plan import Problem
from labctl.core.pump_units import LEVELS
from labctl.core.quantities import long_name, shown, to_float
from labctl.core.suggest import suggestion
from labctl.engine import by_hand
from labctl.engine.signals import signals
from labctl.store.markup import table


class Bench(bench.Bench):
    """An open bench. `bench["pump.fluence"] = "20 uJ/cm^2"` moves, `bench["pump.fluence"]` reads; leaving its `with` parks it."""

    def __getitem__(self, name: str) -> float:
        """Read a quantity now, in its unit (`labctl.core.quantities`); Refused when the bench does not have it."""
        self._insist_on([name])
        return self.read(name)

    def __setitem__(self, name: str, value: float | str) -> None:
        """Set one quantity: see `set`."""
        self.set({name: value})

    def __contains__(self, name: object) -> bool:
        return name in self.axes

    def __iter__(self) -> Iterator[str]:
        return iter(self.axes)

    def set(self, targets: Mapping[str, float | str]) -> dict[str, float]:
        """Set quantities together, each a number in its own unit or a text with one; gives what was read back.

        What lights the sample is moved behind the closed shutter. Everything is checked first: Refused says every value, limit and
        remedy, and nothing has moved. On Ctrl-C the bench is parked, then KeyboardInterrupt raised. What was set stays chosen for
        `labctl.scan` until something else is.
        """
        self._insist_on(targets)
        values, problems = {}, []
        for name, value in targets.items():
            try:
                values[name] = to_float(value, self.axes[name].unit)
            except ValueError as exc:
                problems.append(Problem(name, f"{exc}. Nothing was moved."))
        if problems:
            raise Refused(problems)
        self._calibrate_for(values)
        with signals() as control:
            try:
                return by_hand.move(self, values, control)
            except Aborted:
                by_hand.park(self)
                raise KeyboardInterrupt(f"{self.name}: moving {', '.join(values)} was interrupted; the bench is parked") from None

    def _insist_on(self, names: Mapping[str, object] | list[str]) -> None:
        unknown = [name for name in names if name not in self.axes]
        if unknown:
            raise Refused([Problem(name, f"bench {self.name} has no {name}. {suggestion(name, self.axes)}") for name in unknown])

    def _calibrate_for(self, values: Mapping[str, float]) -> None:
        """Take the calibration that a level of the pump needs, if a simulated bench lacks it; a real bench refuses later."""
        for name in (name for name in values if name in LEVELS and self.simulated):
            try:
                self.reach(name, values)
            except CalibrationNeeded as exc:
                from labctl.api import running  # which opens benches, so that it stands above this module

                running.calibrate_for(self, exc.kind, Path(self.config.data.root))
            except LabctlError:
                return                             # the check before the move says it with the limit

    # ---------------------------------------------------------------- in a notebook
    def standing(self) -> dict[str, float | None]:
        """Give where every quantity stood when it was last set or read; None where nobody has asked. Asks no instrument."""
        return {name: getattr(axis, "position", getattr(axis, "value", None)) for name, axis in self.axes.items()}

    def __repr__(self) -> str:
        kind = "simulated" if self.simulated else "real"
        return f"<Bench {self.name}, {kind}, {len(self.axes)} quantities, detectors {', '.join(self.detectors) or 'none'}>"

    def _repr_html_(self) -> str:
        rows = []
        for name, at in self.standing().items():
            chosen = self.by_hand.get(name)
            low, high = getattr(self.axes[name], "limits", (None, None))
            span = "" if low is None or high is None else f"{shown(low, name)} to {shown(high, name)}"
            rows.append((name, long_name(name), "" if at is None else shown(at, name),
                         "" if chosen is None else shown(chosen, name), span))
        title = escape(f"{self.name}, {'simulated' if self.simulated else 'real'}")
        reads = escape(", ".join(self.detectors) or "no detector")
        return f"<b>{title}</b> · reads {reads}{table(('quantity', '', 'last seen at', 'chosen', 'limits'), rows)}"
