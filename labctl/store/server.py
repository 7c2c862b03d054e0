"""Run files for Tiled clients: every run a container of xarray datasets, with its results and parameters as metadata.

Tiled's own HDF5 adapter answers 500 to the reference attributes by which netCDF finds its axes, so the runs are served as what they
are read as. Nothing can be written.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from labctl.core.errors import StoreError
from labctl.store.catalogue import Catalogue, Entry, Query
from labctl.store.run import Run, load

SHORTEST_TOKEN = 12
MOST_RUNS = 100_000
KINDS = ("scan", "reference", "dark", "zero")


class Runs(Mapping[str, Any]):
    """The runs of a catalogue by "<number>_<procedure>_<id>"; each file is opened when somebody asks for it."""

    def __init__(self, entries: list[Entry]):
        self._entries = {f"{entry.number:04d}_{entry.procedure}_{entry.run_id[:8]}": entry for entry in entries}
        self._open: dict[str, Any] = {}

    def __getitem__(self, key: str) -> Any:
        if key not in self._open:
            self._open[key] = _container(load(self._entries[key].path))
        return self._open[key]

    def __iter__(self) -> Iterator[str]:
        return iter(self._entries)

    def __len__(self) -> int:
        return len(self._entries)


def tree(folder: Path) -> Any:
    """Give the Tiled tree of the finished runs below a folder."""
    from tiled.adapters.mapping import MapAdapter  # pyright: ignore[reportMissingImports]

    with Catalogue(folder) as catalogue:
        catalogue.refresh()
        entries = [entry for entry in catalogue.find(Query(limit=MOST_RUNS)) if entry.path.suffix == ".nxs"]
    return MapAdapter(Runs(entries), metadata={"labctl": "runs"})


def application(folder: Path, token: str) -> Any:
    """Give the ASGI application: anybody may read when there is no token, nobody may write."""
    from tiled.server.app import build_app  # pyright: ignore[reportMissingImports]

    return build_app(tree(folder), authentication=_authentication(token), server_settings={})


def run_server(folder: Path, host: str, port: int, token: str, *, announce: Callable[[str], None]) -> None:
    """Serve until interrupted; raises StoreError when Tiled is missing or the token could be guessed."""
    if find_spec("tiled") is None:
        raise StoreError("Tiled is not installed; `pip install labctl[server]` brings it.")
    if token and (len(token) < SHORTEST_TOKEN or not token.isalnum()):
        raise StoreError(f"A token has at least {SHORTEST_TOKEN} letters and digits, nothing else; 'openssl rand -hex 16' makes "
                         "one.")
    import uvicorn  # pyright: ignore[reportMissingImports]

    made = application(folder, token)
    announce(f"serving {folder} on http://{host}:{port} (read-only{', with token' if token else ''}); Ctrl-C ends it")
    uvicorn.run(made, host=host, port=port, log_level="warning")


def _authentication(token: str) -> Any:
    """Say who may read; said in either case, for Tiled keeps what was said last for the next application of this process."""
    from tiled.config import Authentication  # pyright: ignore[reportMissingImports]

    return Authentication(single_user_api_key=token or None, allow_anonymous_access=not token)


def _container(run: Run) -> Any:
    """Give one run: a dataset for each kind of points, what is known about it as metadata."""
    from tiled.adapters.mapping import MapAdapter  # pyright: ignore[reportMissingImports]
    from tiled.adapters.xarray import DatasetAdapter  # pyright: ignore[reportMissingImports]

    kinds = [kind for kind in KINDS if kind == "scan" or len(run.select(kind))]
    sets = {("data" if kind == "scan" else kind): DatasetAdapter.from_dataset(_plain(run.dataset(kind))) for kind in kinds}
    about = {name: run.header.get(name) for name in ("run_id", "run_number", "procedure", "title", "sample", "user", "note",
                                                     "start_utc", "seed", "plan_hash", "serials")}
    results = {name: result.as_json() for name, result in run.results.items()}
    return MapAdapter(sets, metadata={**about, "status": run.status, "parameters": run.parameters, "results": results})


def _plain(data: Any) -> Any:
    """Leave out attributes that are no text, number or list of these: Tiled writes them as JSON."""
    data = data.copy()
    for variable in (data, *data.variables.values()):
        variable.attrs = {name: value for name, value in variable.attrs.items() if isinstance(value, str | int | float)}
    return data
