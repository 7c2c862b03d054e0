"""Take one line of protection away at a time, in a copy of the tree, and see the fault matrix notice.

`make mutants` prints for every mutant of mutants.toml its row, what was taken away, and what the row's test says without and with
the mutant. A mutant whose test stays green is a protection that nothing proves: exit code 1.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import tomllib
from dataclasses import dataclass
from pathlib import Path

HERE = Path(__file__).parent
TREE = HERE.parent.parent
NEEDED = ("labctl", "drivers", "procedures", "sim_instruments", "tests", "pyproject.toml")
LONGEST_S = 240.0          # a test that hangs without its protection is red too


@dataclass(frozen=True)
class Mutant:
    """One line taken away: `before` becomes `after` in `file`, and `test` (arguments of pytest) has to turn red."""

    name: str
    row: str
    file: str
    before: str
    after: str
    test: str

    def apply(self, tree: Path) -> str:
        """Change the file in a tree; gives its text before. Raises ValueError unless `before` stands there exactly once."""
        path = tree / self.file
        text = path.read_text(encoding="utf-8")
        if text.count(self.before) != 1:
            raise ValueError(f"{self.name}: {self.before!r} stands {text.count(self.before)} times in {self.file}, not once")
        path.write_text(text.replace(self.before, self.after), encoding="utf-8")
        return text


def mutants() -> list[Mutant]:
    """Read the table."""
    told = tomllib.loads((HERE / "mutants.toml").read_text(encoding="utf-8"))
    return [Mutant(name, **entry) for name, entry in told.items()]


def copy_of_the_tree(folder: Path) -> Path:
    """Copy what the tests need."""
    for name in NEEDED:
        source = TREE / name
        if source.is_dir():
            shutil.copytree(source, folder / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, folder / name)
    return folder


def verdict(tree: Path, test: str) -> str:
    """Run a test in a tree; gives "pass", "FAIL", or "hangs"."""
    command = [sys.executable, "-B", "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", *test.split()]
    try:
        done = subprocess.run(command, cwd=tree, env={**os.environ, "PYTHONPATH": str(tree)}, capture_output=True,  # noqa: S603
                              timeout=LONGEST_S, check=False)
    except subprocess.TimeoutExpired:
        return "hangs"
    return {0: "pass", 1: "FAIL"}.get(done.returncode, f"pytest exit code {done.returncode}")


def main(wanted: list[str]) -> int:
    """Try every mutant, or those whose name or row is given; gives the number of those that nothing noticed."""
    chosen = [mutant for mutant in mutants() if not wanted or mutant.name in wanted or mutant.row in wanted]
    survived = 0
    write = sys.stdout.write
    write(f"{'row':<6} {'taken away':<34} {'without':<8} {'with':<8}\n")
    with tempfile.TemporaryDirectory(prefix="mutants_") as folder:
        tree = copy_of_the_tree(Path(folder))
        whole: dict[str, str] = {}
        for mutant in chosen:
            whole[mutant.test] = whole.get(mutant.test) or verdict(tree, mutant.test)
            text = mutant.apply(tree)
            mutated = verdict(tree, mutant.test)
            (tree / mutant.file).write_text(text, encoding="utf-8")
            noticed = whole[mutant.test] == "pass" and mutated in ("FAIL", "hangs")
            survived += not noticed
            write(f"{mutant.row:<6} {mutant.name:<34} {whole[mutant.test]:<8} {mutated:<8}"
                  f"{'' if noticed else '  <- NOT AS WANTED'}\n")
            sys.stdout.flush()
    write(f"{len(chosen) - survived} of {len(chosen)} mutants are noticed\n")
    return survived


if __name__ == "__main__":
    sys.exit(min(main(sys.argv[1:]), 1))
