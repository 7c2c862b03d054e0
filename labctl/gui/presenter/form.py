"""What is typed into the form of a procedure, what is wrong with it, and what a run of it would take."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from qtpy import QtCore

from labctl import api
from labctl.core import registry
from labctl.core.errors import LabctlError, Refused
from labctl.core.plan import Problem
from labctl.engine.prospect import Prospect, Pump, prospect
from labctl.gui.model.planner import Planner
from labctl.gui.model.session import Session
from labctl.gui.presenter.fields import NUMBER, Field, fields, own_defaults
from labctl.gui.presenter.orders import Orders
from labctl.gui.presenter.pump import also, foreign, read, sets_the_pump
from labctl.store.environment import environment

if TYPE_CHECKING:
    from labctl.core.procedure import Procedure

log = logging.getLogger("labctl.gui")

REST_MS = 250                    # after the last key before a plan is made
ORDERS = ("planned", "down", "up-down", "random", "interleaved")


class FormPresenter(QtCore.QObject):
    """The form's content and judgement; draws nothing."""

    offered = QtCore.Signal()            # a further procedure can be chosen
    rebuilt = QtCore.Signal()            # another procedure was chosen
    judged = QtCore.Signal()             # problems, estimate or readiness have changed

    def __init__(self, session: Session):
        super().__init__()
        self.session = session
        self._first = ""                                    # chosen as soon as it has been loaded
        self.name = ""
        self.procedure: type[Procedure] | None = None
        self.fields: tuple[Field, ...] = ()
        self.texts: dict[str, str] = {}
        self.order = ORDERS[0]
        self.prospect: Prospect | None = None
        self.refusal: tuple[Problem, ...] = ()
        self.planning = False
        self._wrong: dict[str, str] = {}
        self._last: dict[str, dict[str, str]] = {}          # by procedure: what was last queued
        self._kept: dict[str, dict[str, str]] = {}          # by procedure: what stood in the form when another was chosen
        self._pumps: dict[str, Pump] = {}                   # by procedure: of its newest plan
        self._pumped: dict[str, set[str]] = {}              # by procedure: fields that a plan has shown to set the pump
        self._planner, self.orders = Planner(), Orders(session)
        self.queued, self.rehearsed = self.orders.queued, self.orders.rehearsed
        self.orders.changed.connect(self.judged)
        self.orders.renewed.connect(self.replan)
        self._asked = 0
        self._rest = QtCore.QTimer(self)
        self._rest.setSingleShot(True)
        self._rest.setInterval(REST_MS)
        self._rest.timeout.connect(self._plan)
        session.opened.connect(self.replan)
        session.job_ended.connect(lambda ended: self._ask_again())

    # ---------------------------------------------------------------- procedures
    def begin(self, name: str) -> None:
        """Load all procedures, this one first, and show its form as soon as it is there."""
        names = sorted(registry.points("procedure"))
        if not self.name:
            self._first = name if name in names else names[0]
        self.session.procedures.load(sorted(names, key=lambda each: each != self._first))

    def _offer(self) -> None:
        """Take up what has been loaded."""
        if not self.session.procedures.tick():
            return
        self.offered.emit()
        if self._first and not self.session.procedures.awaits(self._first):
            loaded = [each.name for each in self.session.procedures.choices]
            first = self._first if self._first in loaded else next(iter(loaded), "")
            if first:
                self.choose(first)

    # ---------------------------------------------------------------- what a person does
    def choose(self, name: str) -> None:
        """Show the form of another procedure; what was typed into the last one is kept."""
        self._first = ""
        self.session.procedures.know(name)
        self.offered.emit()
        if self.name:
            self._kept[self.name] = dict(self.texts)
        procedure: type[Procedure] = registry.find("procedure", name)
        self.name, self.procedure = name, procedure
        self.fields = fields(procedure, own_defaults(procedure, self.session.config.procedures.get(name, {})))
        self.texts = {field.name: field.write(field.default) for field in self.fields} | self._kept.get(name, {})
        self._judge_all()
        self.rebuilt.emit()
        self.replan()

    def type(self, name: str, text: str) -> None:
        """Take what was typed, as it is."""
        self.texts[name] = text
        self._judge(self.field(name))
        self.replan()

    def fill(self, values: Mapping[str, Any]) -> list[str]:
        """Take the values of another run; gives what changed, in words. Names that the procedure does not have are left out."""
        changed = []
        for field in self.fields:
            if field.name in values:
                text = self._text_of(field, values[field.name])
                if text != self.texts[field.name]:
                    changed.append(f"{field.label}: {self.texts[field.name]} → {text} {field.shown_unit}".rstrip())
                self.texts[field.name] = text
        self._judge_all()
        self.rebuilt.emit()
        self.replan()
        return changed

    def fill_as_in(self, name: str, header: Mapping[str, Any]) -> bool:
        """Take procedure and values of a run file called `name`, and say what is not as it was then; False when it is unknown."""
        procedure = str(header.get("procedure", ""))
        if procedure not in registry.points("procedure"):
            self.session.say(f"{name} was taken with {procedure}, which is not installed here", "error")
            return False
        then, now = (told.get("packages", {}).get("labctl", "") for told in (header.get("environment", {}), environment()))
        if then != now:
            self.session.say(f"{name} was taken with labctl {then or 'of an unknown version'}, this is {now}", "warning")
        self.choose(procedure)
        changed = self.fill({key: told["value"] for key, told in header.get("parameters", {}).items()})
        what = f"; changed: {'; '.join(changed)}" if changed else ", nothing had to be changed"
        self.session.say(f"form as in {name}{what}")
        return True

    @staticmethod
    def _text_of(field: Field, value: Any) -> str:
        """Write a stored value; text that a person had typed is read first."""
        try:
            return field.write(field.read(f"{value} {field.unit}".strip()) if isinstance(value, str) and field.unit else
                               field.read(value) if isinstance(value, str) else value)
        except (ValueError, TypeError):
            return str(value)

    def reset(self, name: str, source: str = "default") -> None:
        """Put a field back to its default, or to what was last queued ("last")."""
        field = self.field(name)
        last = self._last.get(self.name, {})
        self.type(name, last.get(name, self.texts[name]) if source == "last" else field.write(field.default))

    def enqueue(self) -> None:
        """Put the run at the end of the queue; it begins when nothing else waits."""
        if not self.ready or self.session.bench is None:
            return
        self._last[self.name] = dict(self.texts)
        self.orders.enqueue(self.name, self.settings(), self.order)

    def rehearse(self) -> None:
        """Rehearse it on the twin."""
        if not self._wrong and self.name:
            self.orders.rehearse(self.name, self.settings())

    # ---------------------------------------------------------------- what the form shows
    def field(self, name: str) -> Field:
        """Give a field by name."""
        return next(field for field in self.fields if field.name == name)

    def changed(self, name: str) -> bool:
        """Whether a field differs from its default."""
        field = self.field(name)
        return self.texts[name] != field.write(field.default)

    @property
    def pump(self) -> Pump:
        """What the newest plan of this procedure wants of the pump."""
        return self._pumps.get(self.name, Pump())

    def also(self, name: str) -> str:
        """Say what the value of a field that sets the pump is in other units; empty for other fields, and while any is wrong."""
        pumped = not self._wrong and name in self._pumped.get(self.name, ())
        return also(self.field(name), self.texts[name], self.pump.units) if pumped else ""

    def wrong(self, name: str) -> str:
        """Say what is wrong with a field, alone or with others; empty when nothing is."""
        if name in self._wrong:
            return self._wrong[name]
        return next((problem.text for problem in self.problems if problem.field == name and problem.level == "error"), "")

    @property
    def problems(self) -> tuple[Problem, ...]:
        """Everything that is known about the run as a whole."""
        return self.refusal or (self.prospect.problems if self.prospect is not None else ())

    @property
    def ready(self) -> bool:
        """Whether the run could be queued."""
        return not self.reason

    @property
    def reason(self) -> str:
        """Say why it could not be queued; empty when it could."""
        if self._wrong:
            first = next(iter(self._wrong))
            return f"{self.field(first).label}: {self._wrong[first]}"
        if self.session.bench is None:
            return "the bench is not open yet"
        error = next((problem for problem in self.problems if problem.level == "error"), None)
        if error is not None:
            return error.text
        return "" if self.prospect is not None else "the plan is being made"

    def settings(self) -> dict[str, str]:
        """Give every parameter as text with full precision, as the queue keeps it; only what differs from the bench's default."""
        values = {field.name: self._value(field) for field in self.fields
                  if field.name not in self._wrong and self.changed(field.name)}
        return {name: value if isinstance(value, str) else repr(value) for name, value in values.items()}

    # ---------------------------------------------------------------- judging
    def _value(self, field: Field) -> Any:
        """Read a field in its own unit; one that sets the pump understands all units of the pump."""
        text = self.texts[field.name]
        return read(field, text, self.pump.units) if field.name in self._pumped.get(self.name, ()) else field.read(text)

    def _judge(self, field: Field) -> None:
        try:
            self._value(field)
            self._wrong.pop(field.name, None)
        except ValueError as exc:
            self._wrong[field.name] = str(exc)

    def _judge_all(self) -> None:
        self._wrong.clear()
        for field in self.fields:
            self._judge(field)

    def _ask_again(self) -> None:
        """The bench has changed, the form has not: the old plan counts until the new one is made."""
        self.planning = True
        self._rest.start()

    def replan(self) -> None:
        """Make a new plan as soon as nobody types any more."""
        self.prospect, self.refusal = None, ()
        self.planning = True
        self._rest.start()
        self.judged.emit()

    def _plan(self) -> None:
        bench, name, config = self.session.bench, self.name, self.session.config
        if self._wrong or bench is None or not name:
            self.planning = False
            return
        settings, root, sample = self.settings(), self.session.root, self.session.sample
        self._asked = self._planner.ask(lambda: prospect(api.make_procedure(name, settings, config), bench, root, sample=sample))

    def tick(self) -> None:
        """Take up what the planner has found; in the window's thread."""
        self._offer()
        self.orders.tick()
        answer = self._planner.answer()
        if answer is None or answer.number != self._asked or self._rest.isActive():
            return
        self.planning = False
        self.prospect, error, self.refusal = answer.value, answer.error, ()
        if self.prospect is not None:
            self._learn_pump(self.prospect)
        if error is not None:
            self.refusal = error.problems if isinstance(error, Refused) else (Problem("plan", str(error)),)
            if not isinstance(error, LabctlError):
                log.error("defect while planning %s", self.name, exc_info=error)
        self.judged.emit()

    def _learn_pump(self, found: Prospect) -> None:
        """Remember which fields the plan has taken its levels from: only for them other units of the pump mean something."""
        before, self._pumps[self.name] = self.pump.units, found.pump
        fields = (field for field in self.fields if field.kind == NUMBER and field.name not in self._wrong)
        self._pumped.setdefault(self.name, set()).update(
            field.name for field in fields if sets_the_pump(field, self._value(field), found.pump))
        if found.pump.units != before and any(foreign(self.texts[name]) for name in self._pumped[self.name]):
            self.replan()                    # what was typed in another unit of the pump now means something else

    def close(self) -> None:
        """End the threads."""
        self._rest.stop()
        self._planner.close()
        self.orders.close()
