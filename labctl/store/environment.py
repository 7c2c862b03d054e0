"""What the software was when a run was taken: versions, platform, commit."""

from __future__ import annotations

import functools
import platform
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

PACKAGES = ("labctl", "pymeasure", "pyvisa", "pyvisa-sim", "numpy", "scipy", "h5py", "xarray", "pydantic")


@functools.cache
def environment() -> dict[str, Any]:
    """Give Python, platform, package versions, git commit and whether the tree differed from it (None outside a checkout)."""
    commit, dirty = _git()
    return {
        "python": sys.version.split()[0], "platform": platform.platform(), "packages": {name: _version(name) for name in PACKAGES},
        "git_commit": commit, "git_dirty": dirty,
    }


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _git() -> tuple[str | None, bool | None]:
    """Ask git about the tree this file stands in; an installed package has none."""
    folder = Path(__file__).resolve().parent
    try:
        commit = _ask(folder, "rev-parse", "HEAD")
        tracked = _ask(folder, "ls-files", "--error-unmatch", Path(__file__).name)
        return (commit, bool(_ask(folder, "status", "--porcelain", "--untracked-files=no"))) if tracked else (None, None)
    except (OSError, subprocess.SubprocessError):
        return None, None


def _ask(folder: Path, *words: str) -> str:
    done = subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True,      # noqa: S603, S607  the user's git
                          timeout=5, check=True)
    return done.stdout.strip()
