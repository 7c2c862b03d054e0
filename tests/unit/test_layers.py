"""Who may import whom: the contracts hold on the tree, and each of them catches a planted violation."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
PACKAGES = ("labctl", "drivers", "procedures", "sim_instruments")

LAYERS = "layers of labctl"
DRIVERS = "drivers know only labctl.core"
PROCEDURES = "procedures know only labctl.core and labctl.analysis"
EMULATORS = "emulators and twin know nothing of labctl"
BY_NAME = "labctl finds what plugs into it by name, not by import"
CLAIMS = "published claims are read by labctl.reproduce alone"
TOP = "nothing inside imports the labctl package itself"
QT = "no Qt outside labctl.gui"
NO_INSTRUMENT = "the window speaks to no instrument"

PLANTED = [
    (LAYERS, "labctl/core/planted_store.py", "from labctl.store import planted_marker"),
    (LAYERS, "labctl/core/planted_numbers.py", "import labctl.analysis"),
    (LAYERS, "labctl/analysis/planted_bench.py", "import labctl.bench.config"),
    (LAYERS, "labctl/store/planted_engine.py", "def render():\n    from labctl.engine import planted_marker"),
    (LAYERS, "labctl/bench/planted_engine.py", "import labctl.engine"),
    (LAYERS, "labctl/engine/planted_api.py", "import labctl.api"),
    (LAYERS, "labctl/engine/planted_cli.py", "import labctl.cli"),
    (DRIVERS, "drivers/planted_bench.py", "from labctl.bench import config"),
    (DRIVERS, "drivers/planted_analysis.py", "import labctl.analysis"),
    (DRIVERS, "drivers/planted_emulator.py", "from sim_instruments import planted_marker"),
    (PROCEDURES, "procedures/planted_driver.py", "from drivers import planted_marker"),
    (PROCEDURES, "procedures/planted_engine.py", "def plan():\n    import labctl.engine"),
    (EMULATORS, "sim_instruments/planted_core.py", "from labctl.core import photons"),
    (EMULATORS, "sim_instruments/planted_driver.py", "from drivers import planted_marker"),
    (BY_NAME, "labctl/bench/planted_emulator.py", "from sim_instruments import planted_marker"),
    (BY_NAME, "labctl/cli/planted_procedure.py", "from procedures import planted_marker"),
    (CLAIMS, "labctl/analysis/planted_claims.py", "from labctl.data import TARGETS"),
    (CLAIMS, "labctl/cli/planted_claims.py", "def show():\n    import labctl.data"),
    (CLAIMS, "procedures/planted_claims.py", "import labctl.data"),
    (TOP, "labctl/cli/planted_top.py", "import labctl"),
    (TOP, "drivers/planted_top.py", "from labctl import run"),
    (TOP, "procedures/planted_top.py", "from labctl import load"),
    (NO_INSTRUMENT, "labctl/gui/planted_device.py", "from labctl.bench.devices import Device"),
    (NO_INSTRUMENT, "labctl/gui/views/planted_visa.py", "import pyvisa"),
    (QT, "labctl/store/planted_qt.py", "from PyQt5 import QtWidgets"),
    (QT, "labctl/cli/planted_qt.py", "def show():\n    import qtpy.QtWidgets"),
    (QT, "drivers/planted_plot.py", "import pyqtgraph"),
]


def python(code: str, folder: Path) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter that finds the packages in `folder` first."""
    wide = {**os.environ, "COLUMNS": "200", "PYTHONIOENCODING": "utf-8", "PYTHONDONTWRITEBYTECODE": "1"}
    return subprocess.run(  # noqa: S603  our own interpreter, our own code
        [sys.executable, "-c", code], cwd=folder, env=wide, capture_output=True, encoding="utf-8", check=False, timeout=60)


def lint_imports(tree: Path, cache: Path) -> tuple[int, dict[str, str]]:
    """Run import-linter on a tree; gives its exit code and, by name of the broken contract, what is said about it."""
    done = python(
        "import sys\n"
        "from importlinter.cli import lint_imports\n"
        f"sys.exit(lint_imports(no_logo=True, cache_dir={str(cache)!r}))\n", tree)
    said = done.stdout.partition("Broken contracts")[2]
    parts = re.split(r"^(.+)\n-{5,}$", said, flags=re.MULTILINE)[1:]
    broken = dict(zip(parts[::2], parts[1::2], strict=True))
    assert done.returncode in (0, 1), done.stdout + done.stderr
    assert bool(broken) == bool(done.returncode), done.stdout + done.stderr
    return done.returncode, broken


@pytest.fixture(scope="module")
def planted_tree(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Copy the packages and plant every violation at once, each in a module of its own."""
    copy = tmp_path_factory.mktemp("planted")
    shutil.copy(TREE / "pyproject.toml", copy)
    for package in PACKAGES:
        shutil.copytree(TREE / package, copy / package, ignore=shutil.ignore_patterns("__pycache__", "*.toml"))
    for _, where, code in PLANTED:
        (copy / where).write_text(f"{code}\n", encoding="utf-8")
    (copy / "labctl" / "unplaced").mkdir()
    (copy / "labctl" / "unplaced" / "__init__.py").touch()
    return copy


@pytest.fixture(scope="module")
def planted_report(planted_tree: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    return lint_imports(planted_tree, tmp_path_factory.mktemp("cache"))[1]


class TestContracts:
    """import-linter, configured in pyproject.toml."""

    def test_hold_on_the_tree(self, tmp_path: Path) -> None:
        code, broken = lint_imports(TREE, tmp_path)
        assert code == 0, broken

    @pytest.mark.parametrize(("contract", "where", "code"), PLANTED, ids=[where for _, where, _ in PLANTED])
    def test_planted_import_is_caught(self, planted_report: dict[str, str], contract: str, where: str, code: str) -> None:
        module = where.removesuffix(".py").replace("/", ".")
        assert re.search(rf"- +{re.escape(module)} -> ", planted_report[contract]), f"{code!r} in {where} went unnoticed"

    def test_package_without_a_place_is_caught(self, planted_report: dict[str, str]) -> None:
        assert "unplaced" in planted_report[LAYERS]


# ------------------------------------------------------------------ what an import contract cannot say
def modules(tree: Path, *packages: str) -> Iterator[tuple[str, ast.Module]]:
    """Give path (from the tree, with /) and syntax of every module."""
    for package in packages:
        for path in sorted((tree / package).rglob("*.py")):
            yield path.relative_to(tree).as_posix(), ast.parse(path.read_text(encoding="utf-8"))


def imported(nodes: list[ast.AST]) -> set[str]:
    """Give the full names of what these nodes import."""
    found = set()
    for node in nodes:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return found


def run_at_import(node: ast.AST) -> Iterator[ast.AST]:
    """Give every node below that runs when the module is imported: not function bodies, not `if TYPE_CHECKING:`."""
    for child in ast.iter_child_nodes(node):
        typing_only = isinstance(child, ast.If) and "TYPE_CHECKING" in ast.unparse(child.test)
        if not isinstance(child, ast.FunctionDef | ast.AsyncFunctionDef | ast.Lambda) and not typing_only:
            yield child
            yield from run_at_import(child)


# Whoever is about one of them may import it; a module about figures is then itself as heavy as matplotlib to others.
DRAWING = (*(f"labctl.analysis.{name}" for name in ("figure", "fit_figure", "panels", "panels_polar", "panels_time")),
           "labctl.reproduce.pictures")
HEAVY = ("matplotlib", "xarray", "h5netcdf", "pymeasure.experiment", "PyQt5", "qtpy", "pyqtgraph", *DRAWING)
NEEDS_IT = {
    "labctl/core/declared.py": ("pymeasure.experiment",),
    **{module.replace(".", "/") + ".py": ("matplotlib", *DRAWING) for module in DRAWING},
}


def heavy_at_import(tree: Path) -> list[str]:
    """List the modules that import something slow as soon as they are imported themselves."""
    return [
        f"{path}: {name}" for path, syntax in modules(tree, *PACKAGES) if not path.startswith("labctl/gui/")
        for name in sorted(imported(list(run_at_import(syntax))))
        if name.startswith(HEAVY) and not name.startswith(NEEDS_IT.get(path, ()))
    ]


def naming_sim_instruments(tree: Path) -> list[str]:
    """List the modules of labctl, drivers and procedures with the simulation's name in a string that is not a docstring."""
    found = []
    for path, syntax in modules(tree, "labctl", "drivers", "procedures"):
        documents = {id(node.value) for node in ast.walk(syntax) if isinstance(node, ast.Expr)}
        strings = [node.value for node in ast.walk(syntax) if isinstance(node, ast.Constant) and id(node) not in documents]
        found += [path] * any("sim_instruments" in text for text in strings if isinstance(text, str))
    return found


def naming_claims(tree: Path) -> list[str]:
    """List the modules that name the published claims in a string that is not a docstring: a way around the contract."""
    found = []
    for path, syntax in modules(tree, *PACKAGES):
        documents = {id(node.value) for node in ast.walk(syntax) if isinstance(node, ast.Expr)}
        strings = [node.value for node in ast.walk(syntax) if isinstance(node, ast.Constant) and id(node) not in documents]
        found += [path] * any(name in text for text in strings if isinstance(text, str) for name in ("targets.yaml", "labctl.data"))
    return found


def foreign_to_core(tree: Path) -> list[str]:
    """List what the vocabulary imports beside the standard library, numpy and, in two files, pymeasure."""
    allowed = set(sys.stdlib_module_names) | {"numpy", "labctl"}
    extra = {"labctl/core/declared.py": {"pymeasure"}, "labctl/core/quantities.py": {"pymeasure"}}
    return [
        f"{path}: {name}" for path, syntax in modules(tree, "labctl/core")
        for name in sorted({full.partition(".")[0] for full in imported(list(ast.walk(syntax)))} - allowed - extra.get(path, set()))
    ]


class TestBeyondContracts:
    """Rules about strings and about when an import happens; each is tried on a planted violation, too."""

    def test_only_connect_names_the_simulation(self, planted_tree: Path) -> None:
        assert naming_sim_instruments(TREE) == ["labctl/bench/connect.py"]
        (planted_tree / "labctl/engine/planted_name.py").write_text('NAME = "sim_instruments.twin"\n', encoding="utf-8")
        assert "labctl/engine/planted_name.py" in naming_sim_instruments(planted_tree)

    def test_only_their_own_package_names_the_claims(self, planted_tree: Path) -> None:
        assert naming_claims(TREE) == ["labctl/data/__init__.py"]
        planted = 'from importlib import resources\nTEXT = resources.files("labctl.data").joinpath("targets.yaml")\n'
        (planted_tree / "labctl/analysis/planted_targets.py").write_text(planted, encoding="utf-8")
        assert "labctl/analysis/planted_targets.py" in naming_claims(planted_tree)

    def test_heavy_packages_are_imported_when_needed(self, planted_tree: Path) -> None:
        assert heavy_at_import(TREE) == []
        guarded = "try:\n    import xarray\nexcept ImportError:\n    pass\n"
        (planted_tree / "labctl/store/planted_heavy.py").write_text(guarded, encoding="utf-8")
        assert "labctl/store/planted_heavy.py: xarray" in heavy_at_import(planted_tree)

    def test_the_vocabulary_needs_only_numpy(self, planted_tree: Path) -> None:
        assert foreign_to_core(TREE) == []
        (planted_tree / "labctl/core/planted_science.py").write_text("def f():\n    import scipy.optimize\n", encoding="utf-8")
        assert foreign_to_core(planted_tree) == ["labctl/core/planted_science.py: scipy"]

    def test_help_loads_nothing_heavy(self) -> None:
        done = python(
            "import sys\n"
            "from labctl.cli.main import main\n"
            "sys.argv = ['labctl', '--help']\n"
            "try:\n    main()\nexcept SystemExit as end:\n    assert not end.code, end.code\n"
            "heavy = {'matplotlib', 'xarray', 'scipy', 'h5py', 'pymeasure', 'pint', 'PyQt5'}\n"
            "print(sorted(heavy & set(sys.modules)), file=sys.stderr)\n", TREE)
        assert done.returncode == 0, done.stderr
        assert done.stderr.strip() == "[]"
        assert "run" in done.stdout
