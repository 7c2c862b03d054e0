"""Find a run by path, run number or the beginning of its id."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import h5py

from labctl.core.errors import StoreError
from labctl.store import names
from labctl.store.header import JOURNAL_SUFFIX, RUN_SUFFIX
from labctl.store.reader import JournalReader

SHORTEST_PREFIX = 4


@dataclass(frozen=True)
class Label:
    """What a file says about itself."""

    path: Path
    run_id: str
    number: int


def find_run(text: str, root: Path) -> Path:
    """Give the newest file of the run that `text` means: a path, a run number below `root`, or the beginning of a run id.

    Raises StoreError when there is none or more than one.
    """
    path = Path(text).expanduser()
    if path.is_file():
        return path
    if path.suffix in (RUN_SUFFIX, JOURNAL_SUFFIX) or len(path.parts) > 1:
        raise StoreError(f"There is no run file {path}.")
    if not Path(root).is_dir():
        raise StoreError(f"There is no data folder {root}. Say with --out where the runs lie.")
    found = _numbered(int(text), root) if text.isdecimal() else []
    if not found and re.fullmatch(rf"[0-9a-f]{{{SHORTEST_PREFIX},32}}", text.lower()):
        found = [told for told in _labels(names.files(root)) if told.run_id.startswith(text.lower())]
    return _only(text, found, root)


def journal_of(run_id: str, root: Path) -> Path | None:
    """Give the journal of a run below `root`, where it is still kept; those written last are looked at first."""
    journals = (path for path in names.files(root) if path.suffix == JOURNAL_SUFFIX)
    newest = sorted(journals, key=lambda path: path.stat().st_mtime, reverse=True)
    return next((path for path in newest if (told := label(path)) is not None and told.run_id == run_id), None)


def label(path: Path) -> Label | None:
    """Read run id and number of a file; None when it is no readable run."""
    try:
        if path.suffix == JOURNAL_SUFFIX:
            with JournalReader(path) as reader:
                header = reader.header
            return Label(path, str(header["run_id"]), int(header["run_number"]))
        with h5py.File(path, "r") as file:
            told: dict[str, Any] = dict(file.attrs)
        return Label(path, str(told["labctl_run_id"]), int(told["labctl_run_number"]))
    except (OSError, KeyError, ValueError, StoreError):
        return None


def _labels(paths: Iterable[Path]) -> list[Label]:
    return [told for path in paths if (told := label(path)) is not None]


def _numbered(number: int, root: Path) -> list[Label]:
    """Open only the files whose name holds the number."""
    likely = [path for path in names.files(root) if number in {int(digits) for digits in re.findall(r"\d+", path.stem)}]
    return [told for told in _labels(likely) if told.number == number]


def _only(text: str, found: list[Label], root: Path) -> Path:
    runs = {told.run_id for told in found}
    if not runs:
        raise StoreError(f"There is no run {text} below {root}. Give a path, a run number, or at least {SHORTEST_PREFIX} letters "
                         "of a run id; say with --out where the runs lie.")
    if len(runs) > 1:
        listed = ", ".join(str(told.path) for told in found)
        raise StoreError(f"{text} means {len(runs)} runs below {root}: {listed}. Give more of the run id, or the path.")
    return max(found, key=lambda told: rank(told.path)).path


def rank(path: Path) -> int:
    """Order the files of one run: a run file comes after its journal, a later rendering (_r2) after an earlier one."""
    again = re.search(r"_r(\d+)$", path.stem)
    return (1 + (int(again[1]) if again else 0)) if path.suffix == RUN_SUFFIX else 0
