"""What no file of the window may contain."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from labctl.core import registry

GUI = Path(__file__).resolve().parents[2] / "labctl" / "gui"
FILES = sorted(GUI.rglob("*.py"))


@pytest.mark.parametrize(("pattern", "why"), [
    (r"\bexec_\(", "a dialog with a loop of its own takes the window away"),
    (r"QMessageBox|QInputDialog|QFileDialog\.get", "a modal box takes Abort away"),
    (r"time\.sleep", "the window must not stand still"),
    (r"PColorMeshItem", "it takes 400 ms a draw"),
    (r"useOpenGL", "it has not been tried on the machines at the bench"),
    (r"^\s*(from|import) (drivers|procedures|sim_instruments|pyvisa)\b", "the window knows no instrument and no experiment"),
    (r"^\s*(from|import) PyQt5", "the binding is chosen by qtpy"),
])
def test_no_file_contains(pattern, why):
    found = [f"{path.name}:{number}: {line.strip()}" for path in FILES
             for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1) if re.search(pattern, line)]
    assert not found, f"{why}: {found}"


SMOOTHED = r"self\.fit\b|self\._fits|self\._grid|self\._axes_lines|self\._curve: Any = pg\.PlotCurveItem\(antialias=True\)$"


def test_only_fits_and_curves_of_few_points_are_smoothed():
    """Noise of a thousand pixels takes half a second a draw when it is smoothed."""
    lines = [(path.name, line.strip()) for path in FILES for line in path.read_text(encoding="utf-8").splitlines()
             if re.search("antialias", line) and "import" not in line]
    assert lines
    assert [line for line in lines if "antialias=True" in line[1] and not re.search(SMOOTHED, line[1])] == []
    assert not [line for line in lines if "setConfigOption" in line[1]]


def test_presenters_and_models_know_no_widget():
    found = [path.name for folder in ("model", "presenter") for path in (GUI / folder).glob("*.py")
             if re.search(r"QtWidgets|pyqtgraph", path.read_text(encoding="utf-8"))]
    assert not found


@pytest.mark.parametrize("name", sorted(set(registry.points("procedure")) - {"background", "focus", "irf"}))
def test_no_experiment_is_named(name):
    found = [path.name for path in FILES if re.search(rf"[\"']{name}[\"']", path.read_text(encoding="utf-8"))]
    assert not found


SLOW = ("matplotlib", "xarray", "h5netcdf", "pandas", "pymeasure", "pint", "scipy.special", "scipy.optimize", "scipy.signal",
        "scipy.stats", "rich", "sim_instruments", "procedures")


def test_the_window_opens_without_slow_packages():
    """What a window imports before it is shown has to be there within a second and a half; the rest comes behind it."""
    code = f"import sys; import labctl.gui.app; print([name for name in {SLOW!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, encoding="utf-8",   # noqa: S603
                          env={**os.environ, "QT_QPA_PLATFORM": "offscreen"})
    assert done.stdout.strip() == "[]"
