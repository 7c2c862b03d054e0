"""Running a night: into the queue as a whole, through it under its terms, and told in the morning."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from labctl.api import Bench, load_bench_file
from labctl.api.opening import MakeOperator
from labctl.api.queueing import Hands
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.core.quantities import to_float
from labctl.engine import rehearsal
from labctl.engine.control import Control
from labctl.engine.events import Listeners
from labctl.engine.queue import FAILED, Ended, Terms, Worker, latest
from labctl.engine.runner import draw_seed
from labctl.nights import file, report
from labctl.nights.check import Checkup, check
from labctl.nights.expand import expand
from labctl.nights.notify import Messenger, lacking
from labctl.store.waiting import OVER, WAITING, Item, Waiting

Say = Callable[[str], None]


@dataclass(frozen=True)
class Opened:
    """A night file that has been read; `key` is its identity: the same file with the same text goes on where it was."""

    night: file.Night
    path: Path
    key: str
    terms: Terms

    def mine(self, item: Item) -> bool:
        """Tell whether an item of the queue belongs to this night."""
        return item.options.get("night") == self.key


def read(path: str | Path, now: datetime | None = None) -> Opened:
    """Read a night file. Raises Refused with every problem; nothing is opened."""
    path = Path(path).resolve()
    night, text = file.load(path)
    told = night.night
    terms = Terms(told.on_failure, told.end, latest(told.until, now), to_float(told.longest_lit, "s") if told.longest_lit else None,
                  told.max_failures, tuple(told.stop_when))
    return Opened(night, path, hashlib.sha256(f"{path}\n{text}".encode()).hexdigest()[:16], terms)


def checkup(opened: Opened, begin: datetime, bench: Bench | None = None) -> Checkup:
    """Plan every run of the night, none of which has begun. Raises Refused for what cannot even be planned."""
    found = check(expand(opened.night), until=opened.terms.until, begin=begin, most_lit_s=opened.terms.most_lit_s,
                  out=opened.night.out, opened=bench)
    return replace(found, problems=(*found.problems, *lacking(opened.night.notify)))


def enqueue(opened: Opened, checked: Checkup, waiting: Waiting) -> list[Item]:
    """Put the whole night at the end of the queue, all of it or nothing."""
    night = opened.night
    seed = draw_seed() if night.seed is None else night.seed
    root = Path(night.out or load_bench_file(night.bench)[0].data.root).resolve()
    items = []
    for number, run in enumerate(checked.runs):
        wanted = run.wanted
        _, _, where = load_bench_file(wanted.bench)
        bench = wanted.bench if where.is_absolute() and where.stem == wanted.bench else str(where.resolve())
        options: dict[str, Any] = {**wanted.options, "night": opened.key, "night_file": str(opened.path), "entry": wanted.label,
                                   "seed": seed + number, "out": str(root), "figure": night.night.figures}
        if wanted.computed:
            options["computed"] = {name: list(told) for name, told in wanted.computed.items()}
        options |= {name: text for name, text in (("when", wanted.when), ("stop_when", wanted.stop_when)) if text}
        settings = {name: str(value) for name, value in wanted.settings.items()}
        items.append(Item(0, bench, wanted.procedure, settings, options, seconds=run.seconds, lit_s=run.lit_s))
    return waiting.add_all(items)


def take_up(opened: Opened, waiting: Waiting, *, anew: bool = False) -> list[Item]:
    """Give the items of a night that has been begun, none for a new one; with `anew` those are given up.

    Raises Refused when the file was changed while runs of it still wait.
    """
    items = waiting.items()
    same_file = [item for item in items if item.options.get("night_file") == str(opened.path)]
    if anew:
        waiting.remove([item.id for item in same_file])
        return []
    other = [item for item in same_file if not opened.mine(item) and item.status not in OVER]
    if other:
        raise Refused([Problem("file", f"{opened.path.name} was changed while {len(other)} of its runs still wait. Put it back to "
                                       "go on with them, or give them up with --anew.")])
    return [item for item in same_file if opened.mine(item)]


def _clock(checked: Checkup, begin: datetime) -> str:
    """Say when everything will be over at the latest."""
    unknown = f", and {checked.unknown} of unknown length" if checked.unknown else ""
    return f"{len(checked.runs)} runs, over by {checked.ends(begin)[-1]:%a %H:%M} at the latest{unknown}"


class Night:
    """A night that is run: what is heard of it, its report and its messages."""

    def __init__(self, opened: Opened, waiting: Waiting, say: Say, *, rehearsed: bool = False):
        self.opened, self.waiting, self.say, self.rehearsed = opened, waiting, say, rehearsed
        self.messenger = Messenger(opened.night.notify)
        self.paths: tuple[Path, ...] = ()
        self._lines: dict[tuple[int, str, str], report.Line] = {}       # what has been read of runs that are over

    def items(self) -> list[Item]:
        """Give its runs as they stand in the queue."""
        return [item for item in self.waiting.items() if self.opened.mine(item)]

    def over(self, item: Item) -> None:
        """Take note of a run that is over: write the report as it is by now, and tell who wants to know."""
        self.write("under way", page=False)
        if item.status == WAITING:           # tried once more, or held up
            return
        label = item.options.get("entry")
        figure = Path(item.run).with_suffix(".png") if item.run else None
        pictures = [figure] if figure is not None and figure.is_file() else []
        occasion = "failure" if item.status in (*FAILED, "unsafe") else "entry"
        self.messenger.tell(occasion, f"labctl {self.opened.night.name}: {label} {item.status}",
                            item.message or "no further message", pictures)

    def write(self, how: str, *, page: bool = True) -> None:
        """Write the report, the page with its pictures only at the end; a disk that does not take it must not end the night."""
        items = self.items()
        done = sum(item.status == "done" for item in items)
        said = [how, f"{done} of {len(items)} runs done", f"file {self.opened.path}"]
        try:
            title = f"Night {self.opened.night.name}{', rehearsed' if self.rehearsed else ''}"
            self.paths = report.write(self._stem(items), title, said,
                                      [self._line(item) for item in items], page=page)
        except OSError as exc:
            self.say(f"warning: the report cannot be written: {exc}")

    def _line(self, item: Item) -> report.Line:
        """Read what a run has left, once when it is over: a long night would else read every file after every run."""
        key = (item.id, item.status, item.run)
        if key not in self._lines:
            self._lines[key] = report.line(item)
        return self._lines[key]

    def _stem(self, items: list[Item]) -> Path:
        told = self.opened.night.night.report
        root = Path(str(items[0].options["out"])) if items else Path()
        usual = Path("nights") / f"{self.opened.night.name}_{self.opened.key[:6]}"
        if self.rehearsed:
            return root / rehearsal.FOLDER / usual
        return self.opened.path.parent / told if told else root / usual

    def end(self, ended: Ended) -> None:
        """Write the last report and the last message, and wait a little for it to be sent."""
        self.write(f"ended: {ended.reason}")
        items = self.items()
        text = "\n".join([ended.reason, *(f"{item.options.get('entry')}: {item.status} {item.message}" for item in items),
                          *map(str, self.paths)])
        figures = [Path(item.run).with_suffix(".png") for item in items if item.run]
        self.messenger.tell("end", f"labctl {self.opened.night.name}: {ended.status}", text,
                            [path for path in figures if path.is_file()][-1:])
        self.messenger.finish()
        for failure in self.messenger.failures:
            self.say(f"warning: {failure}")


def run_night(path: str | Path, *, anew: bool = False, speed: float | None = None, operator: MakeOperator | None = None,
              listeners: Listeners | None = None, control: Control | None = None, say: Say = lambda text: None,
              bench: Bench | None = None, now: datetime | None = None) -> tuple[Ended, Night]:
    """Run a night file, or go on with it where a crash, an abort or the latest time has left it; gives how it ended, and the night.

    The whole night is checked before the first photon. `now` is when it begins, to rehearse a night by day. Raises Refused with
    every problem before anything moves.
    """
    opened = read(path, now)
    with Waiting() as waiting:
        items = take_up(opened, waiting, anew=anew)
        if not items:
            items = _begin(opened, waiting, say, now, bench)
        elif all(item.status in OVER and item.status != "aborted" for item in items):
            raise Refused([Problem("file", f"{opened.path.name}: all {len(items)} runs of this night are over. To measure them "
                                           "once more, use --anew.")])
        elif any(item.status != WAITING for item in items):
            say(f"goes on: {sum(item.status in OVER for item in items)} of {len(items)} runs are over")
        for item in items:
            if item.status == "aborted":
                waiting.wait_again(item.id, "goes on where it was")
        lit_s = sum(item.lit_s or 0.0 for item in items if item.status in OVER and item.run)
        return _through(Night(opened, waiting, say), Hands(speed, operator, say, bench, now), now, listeners, control, lit_s=lit_s)


def rehearse_night(path: str | Path, *, listeners: Listeners | None = None, control: Control | None = None,
                   say: Say = lambda text: None, now: datetime | None = None) -> tuple[Ended, Night]:
    """Run a whole night on the twins of its benches, in virtual time: what it would find, and whether its formulas can be computed.

    Nothing real is opened, nobody is told, the queue is left alone. Runs and report lie below `rehearsals` in the data root.
    """
    opened = read(path, now)
    alone = opened.night.model_copy(update={"notify": file.Notify()})
    with TemporaryDirectory() as folder, Waiting(Path(folder) / "queue.sqlite") as waiting:
        night = Night(replace(opened, night=alone), waiting, say, rehearsed=True)
        _begin(opened, waiting, say, now, None)
        return _through(night, Hands(announce=say, start=now, rehearse=True), now, listeners, control, lock="queue rehearsal")


def _begin(opened: Opened, waiting: Waiting, say: Say, now: datetime | None, bench: Bench | None) -> list[Item]:
    """Check a night that is new, and put it into the queue."""
    begin = now or datetime.now().astimezone()
    checked = checkup(opened, begin, bench)
    checked.refuse_if_wrong()
    for problem in checked.problems:
        say(f"warning: {problem}")
    say(_clock(checked, begin))
    return enqueue(opened, checked, waiting)


def _through(night: Night, hands: Hands, now: datetime | None, listeners: Listeners | None, control: Control | None,
             **more: Any) -> tuple[Ended, Night]:
    """Run what waits of a night, to its end or the night's."""
    if now is not None:
        more["today"] = lambda: now
    ended = Worker(night.waiting, hands, night.opened.terms, listeners=listeners, control=control, say=night.say,
                   mine=night.opened.mine, over=night.over, **more).run()
    night.end(ended)
    return replace(ended, items=tuple(night.items())), night
