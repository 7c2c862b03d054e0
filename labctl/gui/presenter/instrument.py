"""What a card says of its instrument, and what can be done from it by hand."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from qtpy import QtCore

from labctl import api
from labctl.bench.panel import CLOSED, EMISSION, OFF, ON, OPEN, SHOWN_LEVEL, UNKNOWN, Action, Card, Setting, Watch, moving, position
from labctl.core.instrument import Meter
from labctl.core.plan import Reading
from labctl.core.quantities import long_name, shown
from labctl.core.words import human_time
from labctl.gui.model.session import Session
from labctl.gui.presenter.fields import Field, shown_in
from labctl.gui.theme import State, state

SILENT_S = 5.0           # an instrument that owes an answer for longer is shown as not answering
FOREVER_S = 1e6
STALE_S = 3.0            # an older answer is not shown while a run is under way
LIGHT = (EMISSION, CLOSED, OPEN)      # told by the state of a card
INTERLOCK = "interlock_tripped"


@dataclass(frozen=True)
class Shown:
    """What a card shows now."""

    state: State
    value: str = ""
    unit: str = ""
    setpoint: str = ""
    detail: str = ""
    meter: float | None = None       # share of its range, None where there is no meter


def name_of(role: str) -> str:
    """Write a role as people say it."""
    return role.replace("_", " ").capitalize() if not role.isupper() and len(role) > 3 else role.upper()


class InstrumentPresenter(QtCore.QObject):
    """Says what cards show, and sets by hand what a person wants while nothing runs."""

    def __init__(self, session: Session):
        super().__init__()
        self.session = session
        self.wanted: dict[str, float] = {}          # set-points, by quantity: of the run, or by hand
        self.read: dict[str, float] = {}            # what the last point of the run has read
        self._plan: Sequence[Mapping[str, Any]] = ()
        session.prepared.connect(self._begin)
        session.point.connect(self._remember)
        session.job_ended.connect(lambda ended: self.wanted.clear())

    def _begin(self, header: Mapping[str, Any]) -> None:
        self._plan, self.read = header.get("plan", ()), {}
        self._go_on(0)

    def _remember(self, reading: Reading) -> None:
        self.wanted.update(reading.point.set)
        self.read = dict(reading.values)
        self._go_on(reading.index + 1)

    def _go_on(self, number: int) -> None:
        """The bench is on its way to a point of the plan, unless the plan decides as it goes."""
        if number < len(self._plan):
            self.wanted.update(self._plan[number].get("set", {}))

    # ---------------------------------------------------------------- what a card shows
    def shown(self, card: Card) -> Shown:
        """Give what a card shows now."""
        watch = self.session.watch
        if watch is None or self.session.bench is None:
            return Shown(state("off", "disconnected"))
        value, unit, setpoint = self._main(card, watch)
        detail, meter = self._rest(card, watch, value)
        return Shown(self._state(card, watch), value, unit, setpoint, detail, meter)

    def _state(self, card: Card, watch: Watch) -> State:
        bench = self.session.bench
        errors = [found.error for line in card.lines if (found := watch.value(card.role, line.attribute)).error]
        if bench is not None and bench.devices[card.role].lane.dead:
            return state("fault", "lost")
        if watch.silent_s(card.role) > SILENT_S:
            return state("fault", "no answer")
        if watch.value(card.role, INTERLOCK).value is True:
            return state("fault", "interlock open")
        if card.shutter:
            return {ON: state("emission", "open"), OFF: state("ok", "closed"), UNKNOWN: state("warning", "unknown")}[watch.beam()]
        if card.source:
            words = {ON: state("emission", "emitting"), OFF: state("off", "emission off"), UNKNOWN: state("warning", "unknown")}
            return words[watch.emission(card.role)]
        if errors:
            return state("warning", "not readable")
        if self.session.busy and bench is not None and moving(bench, card.role):
            return state("busy", "moving")
        return state("ok", "ready")

    def _main(self, card: Card, watch: Watch) -> tuple[str, str, str]:
        """Give the large value, its unit, and the set-point beside it."""
        if card.shutter:
            return {ON: "Open", OFF: "Closed", UNKNOWN: "Unknown"}[watch.beam()], "", ""
        for setting in card.settings:
            stands = self._stands(card, setting, watch)
            wanted = self.wanted.get(setting.name)
            if stands is not None or wanted is not None:
                unit, factor = shown_in(setting.unit, setting.high)
                arrow = f"→ {wanted * factor:.6g}" if wanted is not None else ""
                return ("…" if stands is None else f"{stands * factor:.5g}"), unit, arrow
        for name, unit in card.signals:
            if self.session.busy and name in self.read:
                return *said(self.read[name], unit), ""
        for line in card.lines:
            found = watch.value(card.role, line.attribute)
            if found.value is not None and line.attribute not in LIGHT:
                text, unit = said(found.value, getattr(line, "unit", ""))
                return text, unit, ""
        return "", "", ""

    def _stands(self, card: Card, setting: Setting, watch: Watch) -> float | None:
        """Give where a quantity stands: in a run by its last read-back; of an idle bench by what the instrument has just said.

        An instrument that has been parked stands elsewhere than the last point has left it, and what is made of several is not
        known then.
        """
        bench = self.session.bench
        if bench is None or (not self.session.busy and setting.name == SHOWN_LEVEL):
            return None
        said = watch.value(card.role, setting.read) if setting.read else None
        if not self.session.busy and said is not None and isinstance(said.value, int | float):
            return float(said.value)
        return position(bench, setting.name)

    def _rest(self, card: Card, watch: Watch, main: str) -> tuple[str, float | None]:
        parts, meter = [], None
        for line in card.lines:
            found = watch.value(card.role, line.attribute)
            if self.session.busy and watch.age(card.role, line.attribute) > STALE_S:
                continue                                # a run is not disturbed for this, and an old number would deceive
            if found.error:
                parts.append(f"{line.name}: {found.error}")
            elif found.value is not None and line.attribute not in LIGHT:
                text, unit = said(found.value, getattr(line, "unit", ""))
                if isinstance(line, Meter) and isinstance(found.value, int | float) and meter is None:
                    meter = (float(found.value) - line.low) / (line.high - line.low)
                if text != main:
                    parts.append(f"{line.name} {text} {unit}".rstrip())
        if not parts and self.session.busy and not self._read_in_run(card):
            ages = [watch.age(card.role, line.attribute) for line in card.lines if line.attribute not in LIGHT]
            parts = [f"as of {human_time(min(ages))} ago"] if ages and min(ages) < FOREVER_S else []
        return " · ".join(parts), meter

    def _read_in_run(self, card: Card) -> bool:
        """Whether the large value of a card is one that the run has just told."""
        bench = self.session.bench
        stands = bench is not None and any(position(bench, setting.name) is not None for setting in card.settings)
        return card.shutter or stands or any(name in self.read for name, _ in card.signals)

    # ---------------------------------------------------------------- by hand
    @property
    def idle(self) -> bool:
        """Whether anything may be set by hand."""
        return self.session.bench is not None and not self.session.busy

    def field(self, setting: Setting) -> Field:
        """Give the field in which a set-point is typed."""
        unit, factor = shown_in(setting.unit, setting.high)
        low = None if setting.low == float("-inf") else setting.low
        high = None if setting.high == float("inf") else setting.high
        return Field(setting.name, long_name(setting.name), "number", setting.unit, unit, factor, low, high)

    def move(self, targets: Mapping[str, float]) -> None:
        """Set quantities; those that light the sample move behind the closed shutter."""
        if not self.idle:
            self.session.say("not moved: the bench is busy", "warning")
            return
        self.wanted.update(targets)
        words = ", ".join(f"{name} {value:.6g}" for name, value in targets.items())
        self.session.say(f"set by hand: {words}")
        self.session.do(f"moving {words}", lambda bench, control: api.move(bench, dict(targets), control))

    def act(self, action: Action) -> None:
        """Carry out an action."""
        if self.idle:
            self.session.say(f"by hand: {action.words}")
            self.session.do(action.words, lambda bench, control: api.act(bench, action.name, control))

    def light(self, on: bool) -> None:
        """Open or close the pump shutter; closing is ordered at once, whatever the bench is doing."""
        if on and self.idle:
            self.session.say("pump shutter opened by hand: this light counts as dose", "warning")
            self.session.do("opening the shutter", lambda bench, control: api.light(bench, True, control))
        elif not on and self.idle:
            self.session.do("closing the shutter", lambda bench, control: api.light(bench, False, control))

    def what_opens(self) -> str:
        """Say what would fall on the sample if the shutter were opened now."""
        bench = self.session.bench
        if bench is None:
            return "Open"
        power, how = bench.power_now()
        area, _ = bench.spot_size()
        rate = bench.constants().get("repetition_rate_hz", 0.0)
        wavelength = position(bench, "pump.wavelength")
        parts = [f"{wavelength:.0f} nm"] if wavelength else []
        if power is None:
            parts.append("unknown power")
        else:
            most = "" if how in ("measured", "calibrated") else "≤ "
            parts.append(f"{most}{shown(float(f'{power:.3g}'), 'pump.power')}")
            if area and rate:
                parts.append(f"{most}{shown(float(f'{power / area / rate:.2g}'), 'pump.fluence')}")
        return "Open: {}".format("\n".join(parts))


def said(value: Any, unit: str) -> tuple[str, str]:
    """Write an answer as people read it: value and unit."""
    if isinstance(value, bool):
        return ("yes" if value else "no"), ""
    if isinstance(value, int | float):
        shown_unit, factor = shown_in(unit, value)
        return f"{value * factor:.5g}".replace("-", "\u2212"), shown_unit
    if isinstance(value, list | tuple):
        return ", ".join(str(each) for each in value) or "none", ""
    return str(value), unit
