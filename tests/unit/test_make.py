"""`make run` and `make test` on machines that lack something: one line says what, and nothing is left half made."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TREE = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(shutil.which("make") is None, reason="Windows has no make; README.md gives the commands")

NO_ENSUREPIP = 'case "$*" in *ensurepip*) exit 1;; *version_info*) exit 0;; esac; echo "called: $*" >&2; exit 9'
TOO_OLD = 'case "$*" in *version_info*) exit 1;; *python_version*) echo 3.9.2;; esac'


class Machine:
    """A folder with the Makefile, and a PATH of which we decide what is on it."""

    def __init__(self, folder: Path):
        self.folder, self.bin = folder / "labctl", folder / "bin"
        self.bin.mkdir()
        shutil.copytree(TREE / ".ci", self.folder / ".ci")
        for name in ("Makefile", "pyproject.toml"):
            shutil.copy(TREE / name, self.folder)
        for name in ("sh", "make", "touch", "env"):
            self.bin.joinpath(name).symlink_to(str(shutil.which(name)))
        self.program("id", "echo 1000")

    def program(self, name: str, script: str) -> None:
        """Put a program on the PATH."""
        path = self.bin / name
        path.write_text(f"#!{shutil.which('sh')}\n{script}\n", encoding="utf-8")
        path.chmod(0o755)

    def make(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(  # noqa: S603  our own Makefile
            [str(self.bin / "make"), *words], cwd=self.folder, env={"PATH": str(self.bin), "HOME": str(self.folder)},
            capture_output=True, encoding="utf-8", check=False, timeout=30)


@pytest.fixture
def machine(tmp_path: Path) -> Machine:
    return Machine(tmp_path)


class TestRun:
    def test_without_ensurepip_it_prints_the_apt_line_and_leaves_nothing(self, machine: Machine) -> None:
        machine.program("python3", NO_ENSUREPIP)
        done = machine.make("run")
        assert (done.returncode, done.stdout) == (2, "apt install python3-venv\n")
        assert not (machine.folder / ".venv").exists()

    def test_without_python_it_names_that_too(self, machine: Machine) -> None:
        done = machine.make("run")
        assert (done.returncode, done.stdout) == (2, "apt install python3 python3-venv\n")

    def test_an_old_python_is_refused_by_version(self, machine: Machine) -> None:
        machine.program("python3", TOO_OLD)
        done = machine.make("run")
        assert done.returncode == 2
        assert "needs Python 3.11" in done.stderr
        assert "3.9.2" in done.stderr

    def test_it_never_installs_system_packages(self, machine: Machine) -> None:
        machine.program("python3", NO_ENSUREPIP)
        machine.program("id", "echo 0")
        machine.program("apt-get", "echo apt-get was called; exit 1")
        assert machine.make("run").stdout == "apt install python3-venv\n"


class TestTest:
    def test_without_root_it_prints_the_one_line(self, machine: Machine) -> None:
        machine.program("python3", NO_ENSUREPIP)
        machine.program("apt-get", "echo apt-get was called; exit 1")
        machine.program("sudo", "exit 1")
        done = machine.make("test")
        assert (done.returncode, done.stdout) == (2, "apt install python3-venv git\n")

    @pytest.mark.parametrize("way", ["root", "sudo"])
    def test_with_root_or_sudo_it_installs(self, machine: Machine, way: str) -> None:
        machine.program("python3", NO_ENSUREPIP)
        if way == "root":
            machine.program("id", "echo 0")
        else:
            machine.program("sudo", 'shift; echo "as root: $*"; exec "$@"')
        machine.program("true", "exit 0")
        machine.program("apt-get", 'echo "apt-get $*"')
        done = machine.make("system")
        assert done.returncode == 0, done.stderr
        assert "apt-get install -y -qq --no-install-recommends python3-venv git xvfb xdotool\n" in done.stdout
        assert ("as root" in done.stdout) == (way == "sudo")
