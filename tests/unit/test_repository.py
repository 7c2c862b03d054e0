"""What holds for every file of the repository, whoever wrote it."""

from __future__ import annotations

import ast
import importlib
import re
import tomllib
from collections.abc import Callable
from importlib import resources
from pathlib import Path
from typing import Any

import pytest

TREE = Path(__file__).resolve().parents[2]
PACKAGES = ("labctl", "drivers", "procedures", "sim_instruments")
FOLDERS = (*PACKAGES, "tests", "docs", "benchmarks", ".ci")
TEXTS = {".py", ".md", ".toml", ".cff", ".yaml", ".cfg", ".ini", ""}
CLOCKS = {"labctl/core/real_clock.py", "sim_instruments/clock.py"}
MOST_LINES = 450

Check = Callable[[str, str], list[str]]


def shipped() -> list[str]:
    """Give the paths of all modules of the four packages, from the tree, with /."""
    return [path.relative_to(TREE).as_posix() for package in PACKAGES for path in sorted((TREE / package).rglob("*.py"))]


def texts() -> list[str]:
    """Give the paths of everything people wrote: code, tests, documents, settings."""
    found = [path for path in TREE.iterdir() if path.is_file()]
    for folder in FOLDERS:
        found += [path for path in (TREE / folder).rglob("*") if path.is_file() and "__pycache__" not in path.parts]
    chosen = [p for p in found if p.suffix in TEXTS and p.name not in {"LICENSE", ".git", "test_repository.py"}]
    return sorted(path.relative_to(TREE).as_posix() for path in chosen)


# ------------------------------------------------------------------ checks: (path, text) -> what is wrong
def called(node: ast.AST) -> str:
    """Give the dotted name of what a node calls, else an empty string."""
    return ast.unparse(node.func) if isinstance(node, ast.Call) else ""


def too_long(path: str, text: str) -> list[str]:
    lines = text.count("\n")
    return [f"{path}: {lines} lines, at most {MOST_LINES}"] if lines > MOST_LINES else []


def sleeps_or_prints(path: str, text: str) -> list[str]:
    banned = {"print", "input", "breakpoint"} | (set() if path in CLOCKS else {"time.sleep", "sleep"})
    return [f"{path}:{node.lineno}: {called(node)}()" for node in ast.walk(ast.parse(text))
            if isinstance(node, ast.Call) and called(node) in banned]


def silences_errors(path: str, text: str) -> list[str]:
    """Find `except:` and an `except Exception:` that does nothing."""
    found = []
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ExceptHandler):
            everything = node.type is None or ast.unparse(node.type) in {"Exception", "BaseException"}
            does_nothing = all(isinstance(step, ast.Pass | ast.Continue) for step in node.body)
            if node.type is None or (everything and does_nothing):
                found.append(f"{path}:{node.lineno}: an error is swallowed")
    return found


def leaves_to_chance(path: str, text: str) -> list[str]:
    """Find randomness that does not come from a seed."""
    found = []
    for node in ast.walk(ast.parse(text)):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if "random" in names or (isinstance(node, ast.ImportFrom) and node.module == "random"):
            found.append(f"{path}: imports random")
        if isinstance(node, ast.Call) and called(node).endswith("default_rng") and not (node.args or node.keywords):
            found.append(f"{path}:{node.lineno}: default_rng() without a seed")
    return found


REGISTRY = r"index[-_]url|[-_]find[-_]links|https?://[^\s)\"'>]*/simple\b"
MACHINE = re.compile(REGISTRY + r"|(?<![\w.~])/(?:home|root|work|users)/\w|\b[a-z]:\\users", re.IGNORECASE)
UNFINISHED = re.compile(r"\b(?:TODO|FIXME|XXX|HACK)\b")


def names_a_machine(path: str, text: str) -> list[str]:
    """Find package registries and paths of somebody's computer."""
    return [f"{path}: {match.group()!r}" for match in MACHINE.finditer(text)]


def is_unfinished(path: str, text: str) -> list[str]:
    return [f"{path}: {match.group()}" for match in UNFINISHED.finditer(text)]


def has_dead_links(path: str, text: str) -> list[str]:
    """Find relative links of a document that lead nowhere."""
    targets = re.findall(r"\]\((?!\w+:|#)([^)#\s]+)", text) if path.endswith(".md") else []
    return [f"{path}: {target}" for target in targets if not (TREE / path).parent.joinpath(target).exists()]


def has_broken_python(path: str, text: str) -> list[str]:
    """Find Python examples of a document that are not Python."""
    found = []
    for block in re.findall(r"^```python\n(.*?)^```", text, re.MULTILINE | re.DOTALL) if path.endswith(".md") else []:
        try:
            compile(block, path, "exec")
        except SyntaxError as exc:
            found.append(f"{path}: {exc}")
    return found


CODE: list[tuple[Check, str]] = [
    (too_long, "x = 1\n" * (MOST_LINES + 1)),
    (sleeps_or_prints, "import time\ntime.sleep(1)\n"),
    (sleeps_or_prints, "print('here')\n"),
    (silences_errors, "try:\n    f()\nexcept:\n    raise\n"),
    (silences_errors, "try:\n    f()\nexcept Exception:\n    pass\n"),
    (leaves_to_chance, "import random\n"),
    (leaves_to_chance, "import numpy as np\nr = np.random.default_rng()\n"),
]
TEXT: list[tuple[Check, str]] = [
    (names_a_machine, "path = '/home/ann/data'\n"),
    (names_a_machine, "pip install --index-url https://mirror.example/simple labctl\n"),
    (is_unfinished, "# TODO later\n"),
    (has_dead_links, "[here](no/such/file.md)\n"),
    (has_broken_python, "```python\nfor x in:\n```\n"),
]


def read(path: str) -> str:
    return (TREE / path).read_text(encoding="utf-8")


class TestFiles:
    """Each rule holds everywhere, and would notice if it did not."""

    @pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in CODE), ids=lambda check: check.__name__)
    def test_code(self, check: Check) -> None:
        assert [problem for path in shipped() for problem in check(path, read(path))] == []

    @pytest.mark.parametrize("check", dict.fromkeys(check for check, _ in TEXT), ids=lambda check: check.__name__)
    def test_text(self, check: Check) -> None:
        assert [problem for path in texts() for problem in check(path, read(path))] == []

    @pytest.mark.parametrize(("check", "planted"), CODE + TEXT)
    def test_rule_notices(self, check: Check, planted: str) -> None:
        name = "docs/planted.md" if planted.startswith(("[", "```")) else "labctl/planted.py"
        assert check(name, planted)
        assert not check(name, "x = 1\n")

    def test_every_folder_of_modules_is_a_package(self) -> None:
        folders = {Path(path).parent for path in shipped()}
        assert [str(folder) for folder in sorted(folders) if not (TREE / folder / "__init__.py").is_file()] == []


# ------------------------------------------------------------------ what pyproject.toml promises
def project() -> dict[str, Any]:
    return tomllib.loads(read("pyproject.toml"))["project"]


def plugs() -> list[tuple[str, str, str]]:
    """Give (group, name, "module:attribute") of every entry point."""
    groups = {"labctl.scripts": project()["scripts"], **project()["entry-points"]}
    return [(group, name, value) for group, table in groups.items() for name, value in table.items()]


class TestDistribution:
    """One distribution, installable, licensed, citable."""

    @pytest.mark.parametrize(("group", "name", "value"), [p for p in plugs() if p[0] != "labctl.benches"])
    def test_entry_point_resolves(self, group: str, name: str, value: str) -> None:
        module, _, attribute = value.partition(":")
        assert callable(getattr(importlib.import_module(module), attribute)), f"{group}: {name}"

    @pytest.mark.parametrize(("name", "package"), [(name, value) for group, name, value in plugs() if group == "labctl.benches"])
    def test_packaged_bench_is_there(self, name: str, package: str) -> None:
        assert resources.files(package).joinpath(f"{name}.toml").is_file()

    def test_every_driver_has_an_emulator(self) -> None:
        points = project()["entry-points"]
        assert points["labctl.drivers"].keys() == points["labctl.emulators"].keys()

    def test_licence_is_the_one_pyqt5_demands(self) -> None:
        assert project()["license"] == "GPL-3.0-or-later"
        assert "GNU GENERAL PUBLIC LICENSE" in read("LICENSE")
        assert "Version 3" in read("LICENSE")

    def test_version_is_written_once_and_cited_alike(self) -> None:
        version = project()["version"]
        assert f"\nversion: {version}\n" in read("CITATION.cff")
        assert f"## {version}" in read("CHANGELOG.md")

    def test_every_dependency_has_a_range(self) -> None:
        assert [need for need in project()["dependencies"] if ">=" not in need] == []
