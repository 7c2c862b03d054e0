"""The fault matrix is whole: every row has its test, and every mutant still fits the code."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

HERE = Path(__file__).parent
MATRIX = tomllib.loads((HERE / "matrix.toml").read_text(encoding="utf-8"))


def test_every_row_has_a_test():
    assert list(MATRIX) == [f"row{number:02d}" for number in range(1, 61)]
    text = "".join(path.read_text(encoding="utf-8") for path in HERE.glob("test_*.py"))
    numbers = re.findall(r"\b(\d+): {\"kind\"|\((\d+), \"", text)          # of the tables in test_wire_faults.py
    shown = set(re.findall(r"row\d\d", text)) | {f"row{int(one or other):02d}" for one, other in numbers}
    assert sorted(set(MATRIX) - shown) == []


def test_every_mutant_still_fits_the_code():
    """What a mutant takes away has to stand exactly once where it is looked for: else it would prove nothing."""
    told = tomllib.loads((HERE / "mutants.toml").read_text(encoding="utf-8"))
    assert len({entry["row"] for entry in told.values()}) >= 15
    for name, entry in told.items():
        text = (HERE.parent.parent / entry["file"]).read_text(encoding="utf-8")
        assert text.count(entry["before"]) == 1, name
        assert entry["row"] in MATRIX or entry["row"] in ("P2", "P3", "P4", "P6"), name
