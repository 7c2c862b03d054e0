"""What the header says and does: the state of the run, the light, and the ways to stop."""

from __future__ import annotations

import time
from datetime import datetime, timedelta

from labctl.bench.panel import OFF, ON, UNKNOWN, position
from labctl.core.quantities import shown
from labctl.core.words import human_time
from labctl.gui.model import session as model
from labctl.gui.model.session import Session
from labctl.gui.theme import State, state

ABORT_TEXT = "■  ABORT  F12"
LOOKING = ("live", "align")          # jobs that show light and save nothing
TELL_S = 4.0             # how long the answers to an order stay in the header
STATES = {model.OPENING: ("busy", "OPENING"), model.IDLE: ("ok", "IDLE"), model.ARMED: ("busy", "ARMED"),
          model.RUNNING: ("busy", "RUNNING"), model.PAUSED: ("warning", "PAUSED"), model.FINISHING: ("busy", "FINISHING"),
          model.BROKEN: ("fault", "NOT OPEN")}
ENDED = {"done": ("ok", "DONE"), "aborted": ("warning", "ABORTED"), "failed": ("fault", "FAILED"), "unsafe": ("fault", "UNSAFE")}


class RunPresenter:
    """Reads the session, and passes on what a person wants of the run."""

    def __init__(self, session: Session):
        self.session = session

    # ---------------------------------------------------------------- what a person wants
    def abort(self) -> None:
        """Stop at once and park everything, the shutter first; always possible, waits for nobody."""
        self.session.order("park", "Abort pressed")

    def make_safe(self) -> None:
        """As abort, and switch off what emits."""
        self.session.order("safe", "Make safe pressed")

    def pause(self) -> None:
        """Pause before the next point with the shutter closed, or go on."""
        if self.can_pause:
            self.session.pause(self.session.state != model.PAUSED)

    # ---------------------------------------------------------------- what the header shows
    @property
    def can_pause(self) -> bool:
        """Whether there is anything to pause."""
        return self.session.state in (model.ARMED, model.RUNNING, model.PAUSED)

    @property
    def pause_text(self) -> str:
        """What the button would do."""
        return "Go on" if self.session.state == model.PAUSED else "Pause"

    @property
    def abort_text(self) -> str:
        """The same words always; while an order is carried out, for how long it has been."""
        order = self.session.stopping
        if order is not None and not order.done:
            return f"■  STOPPING {order.seconds:.1f} s"
        return ABORT_TEXT

    @property
    def state(self) -> State:
        """The state of the run; of an idle bench how the last one ended."""
        order = self.session.stopping
        if order is not None and not order.done:
            return state("warning", "STOPPING")
        if self.session.state == model.IDLE and self.session.busy:
            return state("busy", "LIVE" if self.session.doing in LOOKING else "BUSY")
        if self.session.state == model.IDLE and self.session.run.status in ENDED:
            return state(*ENDED[self.session.run.status])
        return state(*STATES[self.session.state])

    def emissions(self) -> list[tuple[str, State, bool]]:
        """Give for every source its role, state, and whether it counts as emitting."""
        watch = self.session.watch
        if watch is None:
            return []
        words = {ON: ("emission", "ON"), OFF: ("off", "OFF"), UNKNOWN: ("emission", "UNKNOWN")}
        return [(role, state(*words[watch.emission(role)]), watch.emission(role) != OFF) for role in watch.sources]

    def beam(self) -> tuple[State, bool]:
        """Give the state of the light at the sample, and whether it counts as lit."""
        found = UNKNOWN if self.session.watch is None else self.session.watch.beam()
        if self.session.watch is None and self.session.bench is None:
            return state("off", "BEAM: NOT OPEN"), False
        words = {ON: ("emission", "BEAM AT SAMPLE"), OFF: ("off", "BEAM OFF"), UNKNOWN: ("emission", "BEAM UNKNOWN")}
        return state(*words[found]), found != OFF

    def light(self) -> str:
        """Say which light it is: wavelength and mean power at the sample, as far as they are known."""
        bench = self.session.bench
        if bench is None:
            return ""
        wavelength = position(bench, "pump.wavelength")
        power, how = bench.power_now()
        parts = [] if not wavelength else [f"{wavelength:.1f} nm"]
        if power is not None:
            most = "" if how in ("measured", "calibrated") else "≤ "
            parts.append(f"{most}{shown(float(f'{power:.3g}'), 'pump.power')} at the sample")
        return f"pump {' · '.join(parts)}" if parts else ""

    @property
    def title(self) -> str:
        """Name the run and how far it is."""
        run = self.session.run
        if self.session.state in (model.ARMED, model.RUNNING, model.PAUSED, model.FINISHING) or run.status:
            return f"{self.session.procedures.title(run.procedure)} · point {run.done} of {run.total}"
        if self.session.busy:
            return f"{self.session.doing} · not saved" if self.session.doing in LOOKING else self.session.doing
        return "nothing is running"

    @property
    def time_left(self) -> str:
        """Say how far it is, how much longer it takes on this computer's clock, and when it will be over."""
        run, session = self.session.run, self.session
        if session.state not in (model.ARMED, model.RUNNING, model.PAUSED):
            return "" if not run.status else f"{run.share:.0%}"
        told = [f"{run.share:.0%}"]
        left_s = self.left_on_the_wall()
        if left_s is None:
            told.append(f"{human_time(run.left_s)} left on the bench's clock")
        else:
            told.append(f"{human_time(left_s)} left")
            if session.state != model.PAUSED:
                told.append(f"ends {datetime.now() + timedelta(seconds=left_s):%H:%M}")
        return " · ".join(told)

    def left_on_the_wall(self) -> float | None:
        """Give the seconds left on this computer's clock; None before a bench as fast as the computer has done a few points."""
        run, speed = self.session.run, self.session.speed
        if not self.session.config.simulated:
            return run.left_s
        if speed:
            return run.left_s / speed
        if run.done < 3 or not run.share:
            return None
        return (time.monotonic() - run.started) * (1 - run.share) / run.share

    @property
    def share(self) -> float:
        """How much of the run is done."""
        return self.session.run.share
