"""What can be done with the queue from the window."""

from __future__ import annotations

from datetime import datetime, timedelta
from pathlib import Path

from qtpy import QtCore

from labctl.api import Item
from labctl.core.errors import LabctlError
from labctl.core.words import human_time
from labctl.gui.model.queue_model import QueueModel
from labctl.gui.model.session import QUEUE, Session
from labctl.gui.presenter.form import FormPresenter


class QueuePresenter(QtCore.QObject):
    """Reorders, removes, repeats, starts."""

    opened = QtCore.Signal(object)       # paths of runs that somebody wants to see, one or several to compare

    def __init__(self, session: Session, model: QueueModel, form: FormPresenter):
        super().__init__()
        self.session, self.model, self.form = session, model, form
        form.queued.connect(self._queued)

    @property
    def running(self) -> bool:
        """Whether the queue is being run."""
        return self.session.doing == QUEUE

    def _queued(self, item: Item) -> None:
        """Begin at once what was queued, unless others wait that nobody has started."""
        others = [each for each in self.model.items if each.status == "waiting"]
        self.model.reread()
        if self.running:
            self.session.say(f"queued: {item.procedure}, item {item.id}")
        elif others:
            self.session.say(f"queued: {item.procedure}, item {item.id}, behind {len(others)} that wait. Start the queue to run "
                             "them in order.", "warning")
        else:
            self.start()

    def start(self) -> None:
        """Run what waits."""
        if not self.session.busy:
            self.session.run_queue()

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
