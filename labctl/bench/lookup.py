"""Where a bench file is looked for, given what the user typed."""

from __future__ import annotations

from importlib import resources
from pathlib import Path

import platformdirs

from labctl.core import registry
from labctl.core.errors import Refused
from labctl.core.plan import Problem
from labctl.core.suggest import suggestion


def user_folder() -> Path:
    """Give the folder of the user's own bench files."""
    return Path(platformdirs.user_config_dir("labctl")) / "benches"


def packaged(name: str) -> Path:
    """Give the path of a bench file that came with a package."""
    package = registry.points("bench")[name].value.strip()
    return Path(str(resources.files(package))) / f"{name}.toml"


def folders() -> list[Path]:
    """Give the folders searched for NAME.toml, first hit wins."""
    return [Path(), Path("benches"), user_folder()]


def find_bench(name_or_path: str) -> Path:
    """Find a bench file.

    A path if it has a separator or ends in `.toml`; else `./NAME.toml`, `./benches/`, the user's configuration folder, then
    packaged benches. Raises Refused with the nearest names.
    """
    if "/" in name_or_path or "\\" in name_or_path or name_or_path.endswith(".toml"):
        path = Path(name_or_path)
        if path.is_file():
            return path
        raise Refused([Problem("bench", f"there is no file {path}.")])
    for folder in folders():
        path = folder / f"{name_or_path}.toml"
        if path.is_file():
            return path
    if name_or_path in registry.points("bench"):
        return packaged(name_or_path)
    raise Refused([Problem("bench", f"there is no bench {name_or_path!r}. {suggestion(name_or_path, known_benches())}")])


def known_benches() -> dict[str, Path]:
    """Give every bench that `--bench NAME` would find, by name."""
    found = {name: packaged(name) for name in registry.points("bench")}
    for folder in reversed(folders()):
        if folder.is_dir():
            for path in sorted(folder.glob("*.toml")):
                if path.name != "pyproject.toml" and path.read_text(encoding="utf-8", errors="replace").find("[instruments") >= 0:
                    found[path.stem] = path
    return found
