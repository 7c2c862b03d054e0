"""Text of other programs: separators, decimal signs, names, units and remarks are found out."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.errors import StoreError
from labctl.store.text_table import parse, read_table


@pytest.mark.parametrize(("text", "names", "units", "first"), [
    ("500,1\n501,2\n502,3\n", ["", ""], ["", ""], [500, 1]),
    ("Wavelength;PL\n502,5;3,5\n501,5;2\n500,5;1\n", ["Wavelength", "PL"], ["", ""], [502.5, 3.5]),
    ("Time (ns),Counts\n0.0,10\n0.5,9\n", ["Time", "Counts"], ["ns", "counts"], [0, 10]),
    ("Time ns Counts\n1 2\n2 3\n", ["Time", "Counts"], ["ns", "counts"], [1, 2]),
    ("Power\tSignal\tErr\nuJ/cm^2\ta.u.\ta.u.\n\tof today\tx\n1,0\t2,5\t0,1\n2,0\t3,5\t0,1\n", ["Power", "Signal", "Err"],
     ["uJ/cm^2", "a.u.", "a.u."], [1, 2.5, 0.1]),
    ("Leistung\tIntensität\nmW\tw.E.\n1,5\t2\n2,5\t4,25\n", ["Leistung", "Intensität"], ["mW", "w.E."], [1.5, 2]),
    ("# power: 5 mW\n# date 2024-01-02\n#Pump power (uW)  Output (cts/s)\n1.5 30\n2.5 60\n", ["Pump power", "Output"],
     ["uW", "cts/s"], [1.5, 30]),
    ("Fluence / µJ cm-2; I / a.u.\n1,5;2,5\n2,5;4\n", ["Fluence", "I"], ["µJ cm-2", "a.u."], [1.5, 2.5]),
    ("P_uW,I\n1,2\n2,3\n", ["P", "I"], ["uW", ""], [1, 2]),
    ("angle_deg intensity sigma\n0 1 .1\n10 2 .1\n", ["angle", "intensity", "sigma"], ["deg", "", ""], [0, 1, 0.1]),
    ("PL at 1 ns,t\n1,2\n2,3\n", ["PL at 1 ns", "t"], ["", ""], [1, 2]),
    ('"Angle","Power"\n"0","1.0"\n"15","2.0"\n', ["Angle", "Power"], ["", ""], [0, 1]),
    ("Spot,Pump (uJ/cm2),Out\nA,1,2\nB,2,3\nC,3,4\n", ["Pump", "Out"], ["uJ/cm2", ""], [1, 2]),
    ("x|y\n1|2\n3|4\n", ["x", "y"], ["", ""], [1, 2]),
    ("Length (µm)\tASE\n100\t1,200\n200\t12,345.5\n", ["Length", "ASE"], ["µm", ""], [100, 1200]),
    ("1.234,5;2\n2.345,6;3\n", ["", ""], ["", ""], [1234.5, 2]),
    ("0,6.94e-8,6.95e-7\n0,1.46,1.46\n0.0,1970,18313\n0.25,2120,20083\n0.5,2100,19000\n0.75,1,1\n1,1,1\n1.25,1,1\n1.5,1,1\n"
     + "".join(f"{2 + k},1,1\n" for k in range(20)), ["", "", ""], ["", "", ""], [0, 1970, 18313]),
])
def test_style_is_found_out(text: str, names: list[str], units: list[str], first: list[float]) -> None:
    table = parse(text)
    assert (list(table.names), list(table.units), table.values[0].tolist()) == (names, units, first)


def test_missing_cells_are_missing_and_text_around_is_kept() -> None:
    table = parse("Sample A, pumped at 400 nm\nx,y\n1,2\n2,\n3,n/a\n4,5\nend of data\n")
    assert np.isnan(table.values[1:3, 1]).all()
    assert table.values[:, 0].tolist() == [1, 2, 3, 4]
    assert "400 nm" in table.remarks
    assert "end of data" in table.remarks


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
def test_encodings(tmp_path, encoding: str) -> None:
    (tmp_path / "a.txt").write_bytes("Fluence (µJ/cm²);PL\n1,5;2\n2,5;3\n".encode(encoding))
    assert read_table(tmp_path / "a.txt").units[0] == "µJ/cm²"


@pytest.mark.parametrize("text", ["", "hello\nworld\n", "1, 2, 3\n", "\x00\x01" * 200])
def test_text_without_a_table_is_refused(text: str) -> None:
    with pytest.raises(StoreError, match="no table"):
        parse(text)


def test_any_text_is_answered() -> None:
    """Whatever stands in a file: a table of finite width, or the reason why not."""
    rng = np.random.default_rng(11)
    letters = np.array(list("0123456789.,;eE+-\t \nab#%()/µ\"'|"))
    for _ in range(300):
        text = "".join(rng.choice(letters, int(rng.integers(1, 200))))
        try:
            table = parse(text)
        except StoreError:
            continue
        assert table.values.shape[1] == len(table.names) == len(table.units)
