"""Instruments without an interface: amplifier, OPA, pulsed diode, calibration lamps. A person sets them and confirms.

The connection is an `Operator` (labctl.core.operator). What a person confirmed is believed; what nobody has set is not known. Such
a source cannot be switched off from here: its emission counts as UNKNOWN, and only the shutter keeps its light from the sample.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, ClassVar

from drivers.device import check_limits
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError
from labctl.core.instrument import AxisSpec, Identity, Readout
from labctl.core.operator import Operator, Request

SETTING_S = 60.0           # how long a person takes, for estimates
PATIENCE_S = 600.0         # how long a person may be away
SHUTDOWN_S = 1700.0
POLL_S = 0.5


class NotConfirmed(InstrumentError):
    """The person did not do what was asked, or nobody is there."""


class ManualElement:
    """Something a person sets.

    `label` is what people call it; `axes` says what can be set: name = {unit = "nm", limits = [480, 2600]}; `emits` is true for
    sources; `repetition_rate_hz` is its constant rate; `serial` stands on its label.
    """

    detectors: ClassVar = {}
    actions: ClassVar = {}
    panel: ClassVar = [Readout("Emission", "emission_state")]
    emission: ClassVar[bool | None] = None        # nobody can know

    def __init__(self, operator: Operator | None, *, clock: Clock, name: str, label: str = "",
                 axes: Mapping[str, Mapping[str, Any]] | None = None, emits: bool = True, repetition_rate_hz: float = 0.0,
                 serial: str = ""):
        self.clock, self.name, self.operator = clock, name, operator
        self.label, self.emits, self.repetition_rate_hz, self.serial = label or name, emits, repetition_rate_hz, serial
        self.axes = {axis: self._spec(axis, options) for axis, options in (axes or {}).items()}
        self.confirmed: dict[str, float] = {}
        self._request: Request | None = None
        self._wanted: tuple[str, float] = ("", math.nan)

    def _spec(self, axis: str, options: Mapping[str, Any]) -> AxisSpec:
        """Declare an axis, with methods of its own to start and to read it."""
        try:
            low, high = (float(limit) for limit in options["limits"])
            unit = str(options.get("unit", ""))
        except (KeyError, TypeError, ValueError):
            raise InstrumentError(self.name, f"the axis {axis} needs limits = [low, high].", state="nothing was asked",
                                  remedy="Correct the options in the bench file.") from None
        setattr(self, f"start_{axis}", lambda value: self.start_move(axis, value))
        setattr(self, f"read_{axis}", lambda: self.confirmed.get(axis, math.nan))
        return AxisSpec(unit, (low, high), read=f"read_{axis}", start=f"start_{axis}", long_name=f"{self.label}: {axis}")

    # ------------------------------------------------------------ moves
    def start_move(self, axis: str, value: float) -> None:
        """Ask the person to set an axis; ask `moving` for the answer. Nothing is asked twice."""
        spec = self.axes[axis]
        check_limits(self.name, axis, value, spec.limits, spec.unit)
        if self.confirmed.get(axis) == value:
            return
        self._wanted = axis, value
        self.confirmed.pop(axis, None)
        self._request = self._ask(f"Set the {axis} of the {self.label} to {value:g} {spec.unit}, then confirm.", {axis: value})

    def _ask(self, text: str, settings: Mapping[str, float]) -> Request:
        if self.operator is None:
            raise NotConfirmed(self.name, f"nobody is there to be asked: {text}", state="as it was before",
                               remedy="Do it by hand beforehand and answer with --yes.")
        return self.operator.request(self.name, text, settings)

    @property
    def moving(self) -> bool:
        """True until the person has answered; raises NotConfirmed if the answer is no."""
        request = self._request
        if request is None:
            return False
        if request.refused:
            self._request = None
            raise NotConfirmed(self.name, f"not confirmed ({request.refused}): {request.text}", state="not known",
                               remedy="Set it by hand, then start again.")
        if request.done:
            axis, value = self._wanted
            self.confirmed[axis], self._request = value, None
        return not request.done

    def stop(self) -> None:
        """Wait for the person no more."""
        self._request = None

    def eta(self, old: float, new: float) -> float:
        """Give the seconds that a person takes."""
        return 0.0 if old == new else SETTING_S

    due_before_move_s = PATIENCE_S
    """Seconds that a person may be away: a move is a fault only after that."""

    @property
    def emission_state(self) -> str:
        """Whether it emits: nobody can know, which is to be taken for yes."""
        return "UNKNOWN" if self.emits else "no source"

    # ------------------------------------------------------------ what every driver offers
    def identify(self) -> Identity:
        """Name it as the bench file does: there is nobody to ask."""
        return Identity("set by hand:", self.label, self.serial)

    def settings(self) -> dict[str, Any]:
        """Give what a person has confirmed in this session."""
        return {"set_by_hand": True, "emission": self.emission_state, "repetition_rate_hz": self.repetition_rate_hz,
                "confirmed": {axis: self.confirmed.get(axis) for axis in self.axes}}

    def park(self) -> None:
        """Nothing: the shutter keeps its light from the sample."""
        self.stop()

    def make_safe(self) -> None:
        """Nothing more can be done from here than the shutter does; its emission stays UNKNOWN."""
        self.park()

    def shutdown(self) -> None:
        """Ask the person to switch it off; raises NotConfirmed."""
        self.park()
        request = self._ask(f"Switch the {self.label} off, then confirm.", {"emission": 0.0})
        give_up = self.clock.now() + SHUTDOWN_S
        while not request.done:
            if request.refused or self.clock.now() > give_up:
                raise NotConfirmed(self.name, f"not confirmed ({request.refused or 'no answer'}): {request.text}",
                                   state="it may emit", remedy="Switch it off by hand.")
            self.clock.wait(POLL_S)
        self.confirmed.clear()
