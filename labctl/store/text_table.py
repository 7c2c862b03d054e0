"""Text of other programs as a table: separators, decimal commas, headings, units and remarks are found out, not asked for.

What a table is: the longest run of lines with equally many cells, most of them numbers. What stands above are names, units
(a line of their own or in brackets) and remarks. Empty and unreadable cells are NaN.
"""

from __future__ import annotations

import itertools
import re
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from labctl.core.errors import StoreError

LARGEST_TEXT = 256 * 2**20
FEWEST_ROWS = 2
DISGUISED = 10              # rows at the top that may be headings made of numbers
SAMPLE = 200                # lines by which separator and decimal sign are chosen
STYLES = tuple((sign, comma) for sign in ("\t", ";", ",", "|", None) for comma in (False, True) if (sign, comma) != (",", True))
COMMENT = re.compile(r"^\s*(#|%|//|!|;|\*|'|\")+\s*")
NUMBER = re.compile(r"^[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?$")
MISSING = {"", "nan", "na", "n/a", "--", "-", "inf", "none", "null", "#n/a", "#div/0!", "1.#qnan", "1.#inf"}
IN_BRACKETS = re.compile(r"^(.*?)\s*[\[({]\s*([^\[\](){}]*)\s*[\])}]\s*$")
COUNTS = re.compile(r"(?i)^(counts?|cts|photons?|events)$")
UNIT_ALONE = re.compile(
    r"(?i)^[(\[]?\s*(fs|ps|ns|[uµμ]s|ms|s|min|h|nm|[uµμ]m|mm|cm|m|å|angstrom|ev|mev|[fpnuµμm]?j(/cm\^?[2²]|\s*cm\^?[-⁻][2²])?|[nuµμm]?w"
    r"(/cm\^?[2²])?|deg(rees?)?|°|rad|a\.?\s?u\.?|arb\.?\s?u(nits?)?\.?|counts?(/s)?|cts|cps|1/cm|cm\^?-1|k|v|hz|%|1/s)\s*[)\]]?$")


@dataclass(frozen=True)
class TextTable:
    """Columns of numbers (rows, columns) with a name and a unit each, either may be empty; `remarks` is all text around them."""

    names: tuple[str, ...]
    units: tuple[str, ...]
    values: np.ndarray
    remarks: str


def read_table(path: Path) -> TextTable:
    """Read a table from a text file in any usual encoding; raises StoreError when it holds none."""
    if path.stat().st_size > LARGEST_TEXT:
        raise StoreError(f"{path} has {path.stat().st_size / 1e6:.0f} MB; text up to {LARGEST_TEXT / 2**20:.0f} MB is read.")
    return parse(_decoded(path.read_bytes()))


def _decoded(raw: bytes) -> str:
    """Decode UTF-8 and UTF-16 with or without a mark, else Windows' Latin, in which every byte is a letter."""
    if raw[:2] in (b"\xff\xfe", b"\xfe\xff"):
        return raw.decode("utf-16", errors="replace")
    if raw[1::2].count(0) > len(raw) // 4:
        return raw.decode("utf-16-le", errors="replace")
    try:
        return raw.decode("utf-8-sig")
    except UnicodeDecodeError:
        return raw.decode("cp1252", errors="replace")


def parse(text: str) -> TextTable:
    """Find the table in a text; raises StoreError when there is none."""
    lines = [line for line in text.splitlines() if line.strip()]
    separator, comma = _style(lines)
    cells = [_cells(line, separator) for line in lines]
    rows = _longest_block(cells, separator, comma)
    if len(rows) < FEWEST_ROWS:
        raise StoreError("it is no table: no two lines of it hold equally many numbers.")
    values = np.array([[_number(cell, comma) for cell in cells[row]] for row in rows], dtype=float)
    values = values[_headings_of_numbers(values[:, 0]):] if values.shape[1] > 1 else values
    width = values.shape[1]
    names, units = _heading(lines[: rows[0]], separator, width)
    remarks = "\n".join([*lines[: rows[0]], *lines[rows[-1] + 1:]])
    kept = [column for column in range(width) if np.any(np.isfinite(values[:, column]))]
    return TextTable(tuple(names[c] for c in kept), tuple(units[c] for c in kept), values[:, kept], remarks)


def _style(lines: Sequence[str]) -> tuple[str | None, bool]:
    """Choose separator and decimal comma by which most numbers are read in the middle of the text; ties go to the first."""
    middle = max(len(lines) // 2 - SAMPLE // 2, 0)
    sample = lines if len(lines) < 2 * SAMPLE else lines[middle: middle + SAMPLE]
    best, chosen = 0, (None, False)
    for separator, comma in STYLES:
        cells = [_cells(line, separator) for line in sample]
        rows = _longest_block(cells, separator, comma)
        read = sum(_value(cell, comma) is not None for row in rows for cell in cells[row])
        if read > best:
            best, chosen = read, (separator, comma)
    return chosen


# ---------------------------------------------------------------- cells
def _cells(line: str, separator: str | None) -> list[str]:
    """Cut a line; quotes go."""
    words = line.split() if separator is None else line.split(separator)
    return [word.strip().strip("\"'").strip() for word in words]


def _value(cell: str, comma: bool) -> float | None:
    """Read a cell as a number; None when it is none."""
    text = cell.replace("−", "-").replace("\u00a0", "").replace("D+", "E+").replace("D-", "E-")
    if comma:
        text = text.replace(".", "").replace(",", ".") if text.count(",") == 1 else text.replace(",", "")
    elif "," in text and re.fullmatch(r"[+-]?\d{1,3}(,\d{3})+(\.\d*)?", text):
        text = text.replace(",", "")                # 12,345.6 between separators that are no commas
    return float(text) if NUMBER.match(text) else None


def _number(cell: str, comma: bool) -> float:
    found = _value(cell, comma)
    return np.nan if found is None else found


def _longest_block(cells: Sequence[Sequence[str]], separator: str | None, comma: bool) -> list[int]:
    """Give the lines of the longest run of equally many cells, numbers with some missing or with words between them."""
    widths = []
    for row in cells:
        numbers = [_value(cell, comma) is not None for cell in row]
        plain = any(numbers) and all(is_number or cell.lower() in MISSING for cell, is_number in zip(row, numbers, strict=True))
        widths.append(len(row) if plain or (separator is not None and sum(numbers) >= 2) else 0)
    groups = itertools.groupby(range(len(widths)), key=lambda index: widths[index])
    blocks = [list(block) for width, block in groups if width]
    return max(blocks, key=lambda block: len(block) * min(widths[block[0]], 2), default=[])


def _headings_of_numbers(axis: np.ndarray) -> int:
    """Give the first row of the axis proper: powers or temperatures written above a table break its ascent near the top."""
    steps = np.diff(axis)
    if np.mean(steps > 0) < 0.9 and np.mean(steps < 0) < 0.9:
        return 0
    against = np.flatnonzero(steps <= 0 if np.mean(steps > 0) >= 0.9 else steps >= 0)
    early = against[against < DISGUISED]
    return int(early[-1]) + 1 if len(early) and not np.any(against >= DISGUISED) else 0


# ---------------------------------------------------------------- headings
def _heading(above: Sequence[str], separator: str | None, width: int) -> tuple[list[str], list[str]]:
    """Find names and units of the columns among the lines above the table, the nearest first."""
    rows = [words for line in above[-4:] if (words := _titles(COMMENT.sub("", line), separator, width)) is not None]
    names, units = [""] * width, [""] * width
    at = next((place for place in range(len(rows) - 1, -1, -1) if _units(rows[place], below_names=place > 0)), None)
    if at is not None:
        units, rows = [word.strip("()[] ") for word in rows[at]], rows[:at]     # Origin's order: long names, units, comments
    for words in reversed(rows):
        if any(words) and not all(NUMBER.match(word.replace(",", ".")) for word in words if word):
            names = list(words)
            break
    pairs = [(name, unit) if unit else _with_unit(name) for name, unit in zip(names, units, strict=True)]
    return [name for name, _ in pairs], [unit for _, unit in pairs]


def _units(words: Sequence[str], *, below_names: bool) -> bool:
    """Tell whether a heading line holds units: all of them, or below a line of names some that are known (the other 'w.E.')."""
    said = [word for word in words if word]
    known = [bool(UNIT_ALONE.match(word)) for word in said]
    clear = any(is_unit and not COUNTS.match(word) for is_unit, word in zip(known, said, strict=True))
    return clear and (all(known) or below_names)


def _with_unit(title: str) -> tuple[str, str]:
    """Split a title into name and unit: 'Time (ns)', 'P / mW', 'power_uW', 'Time, ns', 'exposure_s'."""
    told = IN_BRACKETS.match(title)
    if told is not None and told.group(1):
        return told.group(1).strip(), told.group(2).strip()
    if (slash := re.match(r"^(.*\S)\s*/\s*(\S.*)$", title)) is not None and UNIT_ALONE.match(slash.group(2)):
        return slash.group(1).strip(), slash.group(2)
    for pattern in (r"^(\S+)\s+(\S+)$", r"^(.*[^_,\s])\s*[_,]\s*([^_\s,]+)$"):        # not 'PL at 1 ns'
        if (tail := re.match(pattern, title)) is not None and UNIT_ALONE.match(tail.group(2)):
            return tail.group(1), tail.group(2)
    if UNIT_ALONE.match(title) and not COUNTS.match(title):
        return "", title
    return title, "counts" if COUNTS.match(title) else ""


def _titles(line: str, separator: str | None, width: int) -> list[str] | None:
    """Cut a heading line into as many titles as there are columns; None when it is something else."""
    if width == 1:
        return [line.strip()] if len(line) < 40 and not re.search(r"[:=]", line) else None
    for cut in dict.fromkeys((separator, "\t", ";", ",", "|", None)):
        words = _cells(line, cut) if cut is not None else [word.strip() for word in re.split(r"\s{2,}", line.strip())]
        if len(words) == width:
            return words
        if cut is not None and cut == separator and 1 < len(words) < width:
            return [*words, *[""] * (width - len(words))]
    joined = re.sub(r"\s+(?=[\[({])", "~", line.strip()).split()            # "Wavelength (nm) Intensity (a.u.)"
    words = []
    for word in joined:                              # "Time ns Counts": the unit belongs to the word before it
        follows = bool(words) and UNIT_ALONE.match(word) and not COUNTS.match(word) and len(joined) > width
        words[-1:] = [f"{words[-1]} ({word})"] if follows else [*words[-1:], word]
    words = [word.replace("~", " ") for word in words]
    return words if len(words) == width else [*words, *[""] * (width - len(words))] if 1 < len(words) < width else None
