"""Names of run files: from a template over fixed keys, below the data root, with a run number nobody else gets."""

from __future__ import annotations

import contextlib
import re
import socket
import string
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath
from typing import Any

from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.store import places
from labctl.store.header import JOURNAL_SUFFIX, RUN_SUFFIX

NUMBERED = re.compile(r"0?\d{0,2}d?")   # how the run number may be written: {run:04d}; a width of nine digits would fill the memory
KEYS = ("date", "time", "sample", "procedure", "bench", "user", "run")
MOST_TRIES = 1000
LONGEST_PART = 200                       # bytes; most file systems take 255, and suffixes are added
_FORBIDDEN = set('<>:"\\|?*')            # Windows refuses these; "/" separates folders
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{i}" for port in ("COM", "LPT") for i in range(1, 10))}


@dataclass(frozen=True)
class Place:
    """Where a new run goes: the journal (reserved, still empty), the run file to be, and the run's number.

    On a network share `home` is the file that reserves the number there; the journal then lies in the state folder.
    """

    journal: Path
    run: Path
    number: int
    home: Path | None = None


def reserve(root: Path, template: str, fields: Mapping[str, Any], *, first: int = 1) -> Place:
    """Reserve the next run number and the name made from it.

    `fields` gives sample, procedure, bench, user (text) and start (datetime). The number is one above the highest below `root`, and
    at least `first`; two processes never get the same. Raises Refused when the template or a name in it cannot be used, or the
    folder not be written.
    """
    problems = check(root, template, fields)
    if problems:
        raise Refused(problems)
    root = Path(root)
    try:
        root.mkdir(parents=True, exist_ok=True)
        number = max(_highest(root, template), first - 1)
        for _ in range(MOST_TRIES):
            number += 1
            with _claimed(root, number) as mine:
                if mine and number > _highest(root, template):
                    return _make(root, template, fields, number)
    except OSError as exc:
        text = f"{root} cannot be written: {exc.strerror or exc}. Choose another folder with --out."
        raise Refused([Problem("out", text)]) from exc
    raise Refused([Problem("out", f"{root}: {MOST_TRIES} run numbers after {number - MOST_TRIES} are claimed by other processes. "
                                  "Remove the files .run-*.claimed there when no run is active.")])


def check(root: Path, template: str, fields: Mapping[str, Any]) -> list[Problem]:
    """Say what is wrong with a template and the names that go into it; touches no file."""
    try:
        parts = [(key, how, changed) for _, key, how, changed in string.Formatter().parse(template) if key is not None]
    except ValueError as exc:
        return [Problem("data.file", f"{template!r} is not a template: {exc}.")]
    keys = {key for key, _, _ in parts}
    if odd := [f"{{{key}:{how}}}" for key, how, changed in parts
               if changed or not (NUMBERED.fullmatch(how or "") if key == "run" else not how)]:
        return [Problem("data.file", f"{template!r} formats {', '.join(odd)}; only the number may be formatted, as {{run:04d}}.")]
    known = ", ".join(f"{{{key}}}" for key in KEYS)
    if unknown := sorted(keys - set(KEYS)):
        return [Problem("data.file", f"{template!r} uses {', '.join(unknown)}; a file name is made of {known}.")]
    if "run" not in keys:
        return [Problem("data.file", f"{template!r} has no {{run:04d}}, so every run would get the same name.")]
    problems = [
        Problem(key, f"{value!r} cannot be part of a file name: it contains {_bad(value)}. Choose another name.")
        for key, value in _texts(fields).items() if key in keys and _bad(value)
    ]
    if problems:
        return problems
    try:
        relative = _relative(template, fields, 1)
    except (ValueError, KeyError) as exc:
        return [Problem("data.file", f"{template!r} cannot be filled in: {exc}.")]
    if wrong := [text for part in relative.split("/") if (text := _bad_part(part))]:
        return [Problem("data.file", f"the run would be called {relative!r}, but {wrong[0]}. Change the template or the names.")]
    if not (Path(root) / relative).resolve().is_relative_to(Path(root).resolve()):
        return [Problem("data.file", f"the run would be written to {relative!r}, outside of {root}.")]
    return []


def files(root: Path) -> Iterator[Path]:
    """Give every run file and journal below a data root, hidden ones left out."""
    for path in sorted(Path(root).rglob("*")):
        if path.suffix in (RUN_SUFFIX, JOURNAL_SUFFIX) and not path.name.startswith("."):
            yield path


# ---------------------------------------------------------------- numbers
def _highest(root: Path, template: str) -> int:
    """Find the highest run number below the root, by name; files of another template count by their last number."""
    pattern = _pattern(template)
    numbers = []
    for path in files(root):
        relative = path.relative_to(root).as_posix().removesuffix(path.suffix)
        found = pattern.fullmatch(relative)
        if found:
            numbers.append(int(found["run"]))
        elif (last := re.search(r"(?<!\d)\d{1,5}(?!\d)(?=\D*$)", re.sub(r"_r\d+$", "", path.stem))) is not None:
            numbers.append(int(last[0]))             # longer ones are dates and times
    return max(numbers, default=0)


def _pattern(template: str) -> re.Pattern[str]:
    parts, seen = [], False
    for literal, key, _, _ in string.Formatter().parse(template):
        parts.append(re.escape(literal))
        if key == "run" and not seen:
            parts.append(r"(?P<run>\d+)")
            seen = True
        elif key is not None:
            parts.append(r"[^/]*")
    return re.compile("".join(parts) + r"(_r\d+)?")


@contextlib.contextmanager
def _claimed(root: Path, number: int) -> Iterator[bool]:
    """Hold a number while its journal is made: only one process can create the claim."""
    claim = root / f".run-{number:04d}.claimed"
    try:
        claim.open("x").close()
    except FileExistsError:
        yield False
        return
    try:
        yield True
    finally:
        claim.unlink(missing_ok=True)


def _make(root: Path, template: str, fields: Mapping[str, Any], number: int) -> Place:
    stem = root / PurePosixPath(_relative(template, fields, number))
    stem.parent.mkdir(parents=True, exist_ok=True)
    journal, run = stem.with_name(stem.name + JOURNAL_SUFFIX), stem.with_name(stem.name + RUN_SUFFIX)
    journal.open("x").close()
    if not places.network_share(root):
        return Place(journal, run, number)
    local = places.spill_place(journal)
    local.parent.mkdir(parents=True, exist_ok=True)
    journal.write_text(f"The journal of this run is kept on the local disk of {socket.gethostname()}: {local}\n", encoding="utf-8")
    return Place(local, run, number, journal)


# ---------------------------------------------------------------- words
def _texts(fields: Mapping[str, Any]) -> dict[str, str]:
    return {key: unicodedata.normalize("NFC", str(fields.get(key, ""))) for key in ("sample", "procedure", "bench", "user")}


def _relative(template: str, fields: Mapping[str, Any], number: int) -> str:
    start: datetime = fields["start"]
    words = {**_texts(fields), "date": f"{start:%Y-%m-%d}", "time": f"{start:%H%M%S}", "run": number}
    return unicodedata.normalize("NFC", template.format(**words))


def _bad(text: str) -> str:
    """Name what in a field cannot stand in a file name; empty when nothing."""
    if found := sorted({c for c in text if c in _FORBIDDEN or c == "/" or unicodedata.category(c).startswith("C")}):
        return " ".join(repr(c) for c in found)
    return "'..'" if ".." in text else ""


def _bad_part(part: str) -> str:
    """Say why a folder or file name cannot be used; empty when it can."""
    if part in ("", ".", ".."):
        return "a part of it is empty or leads elsewhere"
    if part.startswith("."):
        return f"{part!r} would be hidden"
    if found := _FORBIDDEN.intersection(part):
        return f"{part!r} contains {' '.join(sorted(found))}"
    if part[-1] in ". " or part.split(".")[0].strip().upper() in _DEVICES:
        return f"Windows cannot have a file {part!r}"
    return f"{part[:20]!r}... is too long" if len(part.encode()) > LONGEST_PART else ""
