"""What labctl remembers between runs, on local disk: calibrations (and later catalogue, dose ledger, unsafe marks)."""

from __future__ import annotations

import json
import os
import re
from datetime import datetime
from pathlib import Path

from labctl.core.calibration import Calibration
from labctl.core.errors import Refused, StoreError
from labctl.core.plan import Problem
from labctl.store.whole import write_whole


def folder() -> Path:
    """Give the state folder: $LABCTL_STATE, else the user's own; it is made when something is first written."""
    if named := os.environ.get("LABCTL_STATE"):
        return Path(named)
    import platformdirs

    return Path(platformdirs.user_state_dir("labctl", appauthor=False))


def make(place: Path) -> None:
    """Make a folder of the state, and the state folder around it: for its owner alone (where the system knows owners).

    Raises Refused where it cannot be made or written.
    """
    root = folder()
    try:
        if place.is_relative_to(root) and not root.exists():
            root.parent.mkdir(parents=True, exist_ok=True)
            root.mkdir(mode=0o700, exist_ok=True)
        place.mkdir(parents=True, exist_ok=True)
        reason = "" if os.access(place, os.W_OK) else "it may not be written"
    except OSError as exc:
        reason = exc.strerror or str(exc)
    if reason and not place.is_relative_to(root):
        raise Refused([Problem("out", f"the folder {place} cannot be used: {reason}. Make it writable, or choose another.")])
    if reason:
        text = (f"the state folder {place} cannot be used: {reason}. Dose, calibrations and locks are kept there. Make it "
                "writable, or set LABCTL_STATE to a folder that is.")
        raise Refused([Problem("state", text)])


def save_calibration(state: Path, bench: str, calibration: Calibration) -> Path:
    """Keep a calibration under `calibrations/<bench>/<kind>/`, none of the older ones lost; gives the file.

    Raises StoreError when it cannot be written.
    """
    place = _place(state, bench, calibration.kind)
    stamp = re.sub(r"[^0-9]", "", calibration.date.split("+")[0])
    try:
        make(place)
        number = 1 + max((_number(path) for path in place.glob("*.json")), default=0)
        text = json.dumps(calibration.to_json(), indent=1)
        while True:
            target = place / f"{number:06d}_{stamp}.json"
            try:
                write_whole(target, text, new=True)
            except FileExistsError:
                number += 1
            else:
                return target
    except (OSError, Refused) as exc:
        reason = exc.strerror if isinstance(exc, OSError) and exc.strerror else exc
        raise StoreError(f"The calibration {calibration.kind} could not be kept in {place}: {reason}. "
                         "The run itself is safe; free space or set LABCTL_STATE, then take the calibration again.") from exc


def newest_calibrations(state: Path, bench: str, kind: str) -> list[Calibration]:
    """Give the calibrations of one kind, newest first: real ones by their date, simulated ones as they were kept.

    The virtual clock of a simulated bench runs ahead by as much as the run took, so that of two simulated dates the later one may
    be the older. Raises StoreError for a file that cannot be read: passing over it would silently bring back an older calibration.
    """
    found = []
    for path in _place(state, bench, kind).glob("*.json"):
        if (calibration := _read(path)) is not None:
            date = 0.0 if calibration.simulated else datetime.fromisoformat(calibration.date).timestamp()
            found.append((date, _number(path), calibration))
    return [calibration for *_, calibration in sorted(found, key=lambda told: told[:2], reverse=True)]


def _place(state: Path, bench: str, kind: str) -> Path:
    for name in (bench, kind):
        if not re.fullmatch(r"[\w][\w.+ -]*", name) or ".." in name:
            raise StoreError(f"{name!r} cannot be the name of a folder; rename the bench.")
    return state / "calibrations" / bench / kind


def _number(path: Path) -> int:
    head = path.name.split("_")[0]
    return int(head) if head.isdecimal() else 0


def _read(path: Path) -> Calibration | None:
    """Read one; None for a name that was reserved but never filled."""
    try:
        text = path.read_text(encoding="utf-8")
        calibration = Calibration.from_json(json.loads(text)) if text else None
        if calibration is not None and datetime.fromisoformat(calibration.date).tzinfo is None:
            raise ValueError(f"its date {calibration.date} has no time zone")
    except (OSError, ValueError, KeyError, TypeError) as exc:
        raise StoreError(f"The calibration {path} cannot be read ({exc}). Delete it, or take the calibration again.") from exc
    return calibration
