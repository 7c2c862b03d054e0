"""What can be done with the queue from the window."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from qtpy import QtCore

from labctl.api import Item
from labctl.core.errors import LabctlError
from labctl.core.words import human_time
from labctl.engine.dangers import DANGERS
from labctl.gui.model.queue_model import QueueModel
from labctl.gui.model.session import QUEUE, Session
from labctl.gui.presenter.form import FormPresenter
from labctl.store.find import journal_of
from labctl.store.header import JOURNAL_SUFFIX

UNSEEN = ("nobody could look at it before, as something it needs was missing",)


class QueuePresenter(QtCore.QObject):
    """Reorders, removes, repeats, starts."""

    opened = QtCore.Signal(object)       # paths of runs that somebody wants to see, one or several to compare
    asks = QtCore.Signal(object)         # tuple of words: dangerous steps that somebody has to confirm; empty when nothing is asked
    offers = QtCore.Signal(object)       # tuple of words: runs that were cut off; empty when there are none

    def __init__(self, session: Session, model: QueueModel, form: FormPresenter):
        super().__init__()
        self.session, self.model, self.form = session, model, form
        self._found: dict[str, Path | None] = {}     # journals of runs that were cut off
        self._confirmed: set[int] = set()            # items whose dangerous steps somebody wants; read in the bench's thread, too
        form.queued.connect(self._queued)
        session.opened.connect(self.offer)
        session.queue_changed.connect(self.offer)
        form.offered.connect(self.offer)             # its procedure has a title now

    @property
    def running(self) -> bool:
        """Whether the queue is being run."""
        return self.session.doing == QUEUE

    def _queued(self, item: Item) -> None:
        """Begin at once what was queued, unless others wait that nobody has started."""
        others = [each for each in self.model.items if each.status == "waiting" or each.abandoned]
        self.model.reread()
        if self.running:
            self.session.say(f"queued: {item.procedure}, item {item.id}")
            if self._unconfirmed():
                self._ask()
        elif others:
            self.session.say(f"queued: {item.procedure}, item {item.id}, behind {len(others)} that wait. Start the queue to run "
                             "them in order.", "warning")
        else:
            self.start()

    def start(self) -> None:
        """Run what waits; dangerous steps in it are confirmed first."""
        if self._unconfirmed():
            self._ask()
        elif not self.session.busy:
            self.session.run_queue(self._allowed)
        elif not self.running:
            doing = self.session.doing or "something else"
            self.session.say(f"the queue waits: the bench is busy with {doing}. Start it afterwards.", "warning")

    # ---------------------------------------------------------------- dangerous steps
    def _allowed(self, item: Item) -> bool:
        return item.id in self._confirmed or item.options.get(DANGERS) == []

    def _unconfirmed(self) -> list[Item]:
        return [item for item in self.model.items if (item.status == "waiting" or item.abandoned) and not self._allowed(item)]

    def _ask(self) -> None:
        title = self.session.procedures.title
        self.asks.emit(tuple(f"{title(item.procedure)}, item {item.id}: {'; '.join(item.options.get(DANGERS, UNSEEN))}"
                             for item in self._unconfirmed()))

    def confirm(self) -> None:
        """Take all that waits as wanted, dangerous steps included, and run it."""
        self._confirmed.update(item.id for item in self._unconfirmed())
        self.asks.emit(())
        self.start()

    def decline(self) -> None:
        """Leave it waiting; a queue that is being run ends before it."""
        self.asks.emit(())
        self.session.say("not confirmed: what waits stays in the queue; Start asks again", "warning")

    def can_go_on(self, item: Item) -> bool:
        """Whether a run has points left to measure: its journal is kept until it is complete."""
        ended = item.status in ("aborted", "failed") or item.abandoned
        return ended and bool(item.run_id) and self._journal(item) is not None

    def _journal(self, item: Item) -> Path | None:
        """Give the journal of a run that has ended; who was killed left no file whose name tells it, so it is looked for."""
        if item.run:
            beside = Path(item.run).with_suffix(JOURNAL_SUFFIX)
            return beside if beside.is_file() else None
        if item.run_id not in self._found:
            root = Path(item.options.get("out") or self.session.root)
            self._found[item.run_id] = journal_of(item.run_id, root) if root.is_dir() else None
        return self._found[item.run_id]

    def go_on(self, item: Item) -> None:
        """Go on with an aborted or failed run at its first missing point."""
        if not self.can_go_on(item):
            self.session.say("only a run that was aborted or cut off, or has failed, and has its journal, can go on", "warning")
            return
        self.model.waiting.wait_again(item.id, "goes on where it was")
        self.model.reread()
        if not self.running:
            self.start()

    # ---------------------------------------------------------------- runs that were cut off
    def cut_off(self) -> list[Item]:
        """Give the runs of this bench that were under way in a program that has died."""
        names = self.session.bench_name, str(self.session.path)
        return [item for item in self.model.items if item.abandoned and item.bench in names]

    def offer(self) -> None:
        """Say which runs were cut off, so that somebody decides what becomes of them."""
        kept = {True: "what it has measured is kept", False: "it had not measured anything yet"}
        self.offers.emit(tuple(f"{self.session.procedures.title(item.procedure)}, item {item.id}, was cut off when its program "
                               f"ended: {kept[self.can_go_on(item)]}" for item in self.cut_off()))

    def finish_cut_off(self) -> None:
        """Go on with the runs that were cut off, each at its first missing point."""
        for item in self.cut_off():
            self.model.waiting.wait_again(item.id, "goes on where it was cut off")
        self.model.reread()
        self.offer()
        self.start()

    def leave_cut_off(self) -> None:
        """Count them as aborted: they stay in the queue, and can go on later."""
        for item in self.cut_off():
            self.model.waiting.end(item.id, "aborted", "was cut off, and left so")
        self.model.reread()
        self.offer()

    def journal(self, run_id: str) -> Path | None:
        """Give the journal of a run of the queue that had begun earlier."""
        found = next((item for item in self.model.items if item.run_id == run_id and item.run), None)
        return self._found.get(run_id) if found is None else self._journal(found)

    def move(self, item: Item, by: int) -> None:
        """Move a waiting run up (-1) or down (+1)."""
        waiting = [each.id for each in self.model.items if each.status == "waiting"]
        if item.id in waiting:
            self.model.waiting.move(item.id, waiting.index(item.id) + 1 + by)
            self.model.reread()

    def remove(self, items: list[Item]) -> None:
        """Take runs out of the queue; their files stay."""
        try:
            self.model.waiting.remove([item.id for item in items])
        except LabctlError as exc:
            self.session.say(str(exc), "warning")
        self.model.reread()

    def again(self, item: Item) -> None:
        """Put the settings of a run into the form, and say what differs from what stood there."""
        self.form.choose(item.procedure)
        for field in self.form.fields:
            self.form.texts[field.name] = field.write(field.default)
        changed = self.form.fill(item.settings)
        self.session.say(f"run again: {item.procedure}" + (f"; differs from the defaults: {'; '.join(changed)}" if changed else ""))

    def compare(self, items: list[Item]) -> None:
        """Show the runs of items side by side; one alone is opened."""
        paths = [Path(item.run) for item in items if item.run]
        if paths:
            self.opened.emit(paths)
        else:
            self.session.say("choose one run or several that have a file", "warning")

    @property
    def summary(self) -> str:
        """Say how many run, how many wait, and when everything will be over."""
        speed = self.session.speed or 1.0
        waiting = [item for item in self.model.items if item.status == "waiting"]
        if not waiting and not self.running:
            return "nothing waits"
        left = sum(item.seconds or 0.0 for item in waiting) / speed + (self.session.run.left_s / speed if self.running else 0.0)
        ends = f" · ends {datetime.now() + timedelta(seconds=left):%H:%M}" if self.running and self.session.speed else ""
        return f"{int(self.running)} running · {len(waiting)} waiting · {human_time(left)} in total{ends}"
