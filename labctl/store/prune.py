"""Which journals are of no more use than to resume their run: those whose every point stands in a whole run file."""

from __future__ import annotations

from pathlib import Path

from labctl.core.errors import LabctlError
from labctl.store import seal
from labctl.store.header import JOURNAL_SUFFIX, RUN_SUFFIX
from labctl.store.journal import RUNNING
from labctl.store.reader import JournalReader
from labctl.store.recover import home_of, left_over
from labctl.store.run import load

KINDS = ("scan", "reference", "dark", "zero")


def prunable(folder: Path) -> list[Path]:
    """Give the journals below a folder that can be deleted without losing a point; running ones never."""
    return [path for path in left_over(folder) if path.suffix == JOURNAL_SUFFIX and _is_in_a_file(path)]


def _is_in_a_file(journal: Path) -> bool:
    try:
        with JournalReader(journal) as reader:
            if reader.status == RUNNING:
                return False
            run_id, wanted = reader.header.get("run_id"), {record.number for record in reader.records()}
        home = home_of(journal) or journal
        files = [path for path in home.parent.glob(f"*{RUN_SUFFIX}") if path.stem.startswith(home.stem)]
        return any(_holds(path, str(run_id), wanted) for path in files)
    except (LabctlError, OSError):
        return False            # what cannot be read is not thrown away


def _holds(path: Path, run_id: str, wanted: set[int]) -> bool:
    if seal.check(path) == "altered":
        return False
    with load(path) as run:
        return run.run_id == run_id and wanted <= {int(number) for kind in KINDS for number in run.select(kind).numbers}
