"""Bring runs to their file whose process was killed, and files to a place where they can be written."""

from __future__ import annotations

import logging
import re
import shutil
import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from labctl.core.errors import LabctlError, StoreError
from labctl.core.plan import Problem
from labctl.store import names, nexus, places, processes, state
from labctl.store.header import JOURNAL_SUFFIX, RUN_SUFFIX
from labctl.store.journal import INTERRUPTED, RUNNING, Journal
from labctl.store.reader import JournalReader

log = logging.getLogger("labctl.store")


@dataclass(frozen=True)
class Recovered:
    """What became of one journal: `run` is its new file, None when it was left alone for the reason in `text`."""

    journal: Path
    run: Path | None
    text: str


def recover(folder: Path) -> list[Recovered]:
    """Render every journal below a folder that nobody writes any more and nobody ended; status "interrupted".

    Journals of this folder that were kept on the local disk (network shares, vanished folders) are looked for as well. Journals
    that ended in any way are not touched; of those with a living writer, or one on another computer, it is said. Journals stay.
    """
    return [told for path in left_over(folder) if (told := _recover(path)) is not None]


def left_over(folder: Path) -> Iterator[Path]:
    """Give the journals below a folder, and those elsewhere that belong there."""
    folder = Path(folder)
    if not folder.is_dir() and not folder.exists():
        raise StoreError(f"There is no folder {folder}.")
    yield from ([folder] if folder.is_file() else [path for path in names.files(folder) if path.suffix == JOURNAL_SUFFIX])
    for path in sorted((state.folder() / "journals").glob(f"*{JOURNAL_SUFFIX}")):
        home = home_of(path)
        if home is not None and home.resolve().is_relative_to(folder.resolve()):
            yield path


def home_of(journal: Path) -> Path | None:
    """Give where the run of a journal belongs when that is not beside the journal; None when it is, or cannot be told."""
    told = _strayed(journal).get("home")
    return Path(told) if told else None


def free_name(journal: Path) -> tuple[Path, str]:
    """Give the name for a run file of a journal, `<run>.nxs`, `<run>_r1.nxs` ..., and the file it supersedes ("" if none)."""
    home = home_of(journal) or journal
    first = home.with_suffix(RUN_SUFFIX)
    if not first.exists():
        return first, ""
    taken = {int(found[1]): path for path in first.parent.glob(f"{_escaped(first.stem)}_r*{RUN_SUFFIX}")
             if (found := re.fullmatch(r"_r(\d+)", path.stem[len(first.stem):]))}
    newest = taken[max(taken)] if taken else first
    return first.with_name(f"{first.stem}_r{max(taken, default=0) + 1}{RUN_SUFFIX}"), newest.name


def render_somewhere(journal: Path, target: Path, **what: Any) -> tuple[Path, list[Problem]]:
    """Render a journal to `target`, or, when that folder cannot be written, to the state folder; a problem says so then.

    Raises StoreError when neither can be written.
    """
    try:
        return nexus.render(journal, target, **what), []
    except StoreError as exc:
        folder = state.folder() / "runs"
        tried = (folder / f"{target.stem}{again}{RUN_SUFFIX}" for again in ("", *(f"_copy{number}" for number in range(2, 1000))))
        other = next(path for path in tried if not path.exists())
        try:
            made = nexus.render(journal, other, **what)
        except StoreError:
            raise exc from None
        return made, [Problem("file", f"{exc} Meanwhile the run file lies in {made}: move it where it belongs.", "warning")]


def _recover(path: Path) -> Recovered | None:
    try:
        if path.stat().st_size == 0:
            return Recovered(path, None, "empty: nothing was measured; it can be deleted when no run is being started")
        if _is_note(path):
            return None
        with JournalReader(path) as reader:
            status, writer = reader.status, reader.writer
        if status != RUNNING:
            return None
        living = processes.lives(writer)
        if living:
            return Recovered(path, None, f"still being written by process {writer.get('pid')}; left alone")
        if living is None:
            return Recovered(path, None, f"written on {writer.get('host') or 'another computer'}; recover it there")
        return _finish(path)
    except (LabctlError, OSError) as exc:
        log.warning("%s could not be recovered: %s", path, exc)
        return Recovered(path, None, f"could not be recovered: {exc}")


def _is_note(path: Path) -> bool:
    """Tell the mark that a share keeps of a journal on a local disk."""
    with path.open("rb") as file:
        return not file.read(16).startswith(b"SQLite")


def _finish(path: Path) -> Recovered:
    """Give a dead run its end record and its file."""
    merged = _reunited(path)
    with JournalReader(path) as reader:
        records, header = reader.records(), reader.header
    seconds = max((record.started_s for record in records), default=0.0)
    ended = datetime.fromisoformat(header["start_utc"]) + timedelta(seconds=seconds) if header.get("start_utc") else None
    text = f"the process was killed after {len(records)} points; recovered {datetime.now(UTC):%Y-%m-%d %H:%M} UTC"
    with Journal.open(path) as journal:
        journal.event("warning", seconds, text, now=True)
        journal.end(INTERRUPTED, end={
            "problems": [Problem("run", text).as_json()], "seconds": seconds, **({"end_utc": ended.isoformat()} if ended else {})})
    target, supersedes = free_name(path)
    run, moved = render_somewhere(path, target, supersedes=supersedes)
    words = [f"{len(records)} points", *(problem.text for problem in moved), *([merged] if merged else [])]
    return Recovered(path, run, "; ".join(words))


def _reunited(path: Path) -> str:
    """Put the points of the lost first part back, if the journal is a continuation and that part has come back."""
    first = Path(_strayed(path).get("continues", "") or path)
    if first == path or not first.exists():
        return "" if first == path else f"the points before lie in {first}, which cannot be read now"
    copy = places.spill_place(first)
    shutil.copyfile(first, copy)
    for log_file in (first.with_name(first.name + "-wal"),):
        if log_file.exists():
            shutil.copyfile(log_file, copy.with_name(copy.name + "-wal"))
    with JournalReader(copy) as reader, JournalReader(path) as ours:
        if reader.header.get("run_id") != ours.header.get("run_id"):
            copy.unlink()
            return f"{first} holds another run and was left out"
    database = sqlite3.connect(path, isolation_level=None)
    try:
        database.execute("ATTACH DATABASE ? AS first", (str(copy),))
        database.execute("INSERT OR IGNORE INTO point SELECT * FROM first.point")
        database.execute("INSERT INTO event (kind,elapsed_s,text,data) SELECT kind,elapsed_s,text,data FROM first.event")
        database.execute("DELETE FROM meta WHERE name='continues'")
    finally:
        database.close()
        for left in copy.parent.glob(f"{_escaped(copy.name)}*"):
            left.unlink()
    return f"with the points of {first}"


def _strayed(journal: Path) -> dict[str, str]:
    """Give what a journal says about other places. Ours stray into the state folder only: from elsewhere it is not believed."""
    return _meta(journal) if journal.resolve().is_relative_to(state.folder().resolve()) else {}


def _meta(journal: Path) -> dict[str, str]:
    try:
        with JournalReader(journal) as reader:
            return reader.meta()
    except (StoreError, OSError):
        return {}


def _escaped(name: str) -> str:
    return re.sub(r"([\[\]*?])", r"[\1]", name)
