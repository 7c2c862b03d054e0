"""Open a run: finished file or journal, the same to whoever asks."""

from __future__ import annotations

import functools
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from labctl.core.errors import AnalysisError, StoreError
from labctl.core.plan import Point, Result
from labctl.core.plots import Plot, from_json
from labctl.core.reduction import CurveData
from labctl.store import foreign, seal
from labctl.store.find import find_run
from labctl.store.header import JOURNAL_SUFFIX, RUN_SUFFIX
from labctl.store.journal_source import JournalSource
from labctl.store.nexus_source import NexusSource
from labctl.store.reader import Event
from labctl.store.table import Table
from labctl.store.view import View

FOLDERS_UP = 4       # from a run to the data root that its runs share: the pattern of file names has folders of its own

if TYPE_CHECKING:
    import xarray
    from matplotlib.figure import Figure


class Source(Protocol):
    """Where a run is read from."""

    path: Path
    header: Mapping[str, Any]
    end: Mapping[str, Any]
    status: str
    results: dict[str, Result]
    curves: dict[str, CurveData]

    def events(self) -> list[Event]:
        """Give the log."""
        ...

    def table(self, kind: str) -> Table:
        """Give the points of one kind."""
        ...

    def dataset(self, kind: str) -> xarray.Dataset:
        """Give the points of one kind as xarray."""
        ...

    def close(self) -> None:
        """Close what is open."""
        ...


def load(path: str | Path) -> Run:
    """Open a run file (.nxs), a journal (.journal, also while it is written), or a file of another program.

    Those are .sif, .spe, .phu, .ptu, HDF5, and text of two or more columns (`labctl.store.imports`). Raises StoreError when there
    is no such run or it cannot be read. Close the run, or use it in a `with` block.
    """
    return Run(source_of(Path(path)))


def source_of(path: Path) -> Source:
    """Open a file with the reader it needs: a run of ours, or a file of another program."""
    if not path.exists():
        raise StoreError(f"There is no run {path}.")
    if path.suffix == JOURNAL_SUFFIX:
        return JournalSource(path)
    if path.suffix.lower() == RUN_SUFFIX and (seal.bears(path) or foreign.is_ours(path)):
        return NexusSource(path)
    from labctl.store.imports import ForeignSource

    return ForeignSource(path)


class Run(View):
    """A run: the view of its scan points, and everything that is known about it."""

    def __init__(self, source: Source):
        super().__init__(source.header, source.table)
        self._source = source

    @property
    def path(self) -> Path:
        """The file it was read from."""
        return self._source.path

    @property
    def header(self) -> Mapping[str, Any]:
        """Everything that was known before the first point (labctl.store.header)."""
        return self._source.header

    @property
    def end(self) -> Mapping[str, Any]:
        """The end record: problems, seconds, instruments at the end; empty while running."""
        return self._source.end

    @property
    def run_id(self) -> str:
        """The run's identity, 32 hex digits; all files of one run share it."""
        return str(self.header["run_id"])

    @property
    def status(self) -> str:
        """How it ended: done, aborted, failed, unsafe, interrupted; "running" when nobody wrote an end."""
        return self._source.status

    @property
    def seed(self) -> int:
        """The seed of all randomness."""
        return int(self.header["seed"])

    @property
    def results(self) -> Mapping[str, Result]:
        """The procedure's results; empty for a journal and for a run that was not reduced."""
        return self._source.results

    @property
    def curves(self) -> Mapping[str, CurveData]:
        """The curves to which the results were fitted, with the fits."""
        return self._source.curves

    @functools.cached_property
    def plots(self) -> tuple[Plot, ...]:
        """The plots that the procedure declared."""
        return tuple(from_json(told) for told in self.header.get("plots", ()))

    def other(self, name: str) -> View:
        """Give another run of the same data folder, by number, path or the beginning of its id; AnalysisError says why not."""
        reasons: list[str] = []
        for folder in self.path.resolve().parents[:FOLDERS_UP]:
            try:
                return load(find_run(name, folder))
            except StoreError as exc:
                reasons.append(str(exc))
        raise AnalysisError(f"The run {name!r} that a parameter names is not there. {reasons[-1]}")

    def figure(self) -> Figure:
        """Draw the plots with results and fits: a matplotlib Figure, to be shown or saved."""
        from labctl.analysis import figure
        from labctl.core.reduction import Reduction

        reduction = Reduction(self.results, self.curves)
        return figure.figure(self, self.plots, reduction, title=self.header.get("title", ""), subtitle=self.headline)

    def to_lumispy(self) -> Any:
        """Give the spectra as a LumiSpy (HyperSpy) signal with the exact axes; `to_eV()` and fits are methods of it.

        Needs the extra `labctl[lumispy]`. Raises StoreError without it, and for runs without spectra.
        """
        from labctl.store.lumispy_signal import make_signal

        return make_signal(self.data, self.header)

    @property
    def truth(self) -> Mapping[str, Any]:
        """What the twin knew (simulated runs only), for scoring an analysis."""
        return self.end.get("truth") or {}

    @functools.cached_property
    def plan(self) -> tuple[Point, ...]:
        """The points as they were planned."""
        return tuple(Point.from_json(point) for point in self.header["plan"])

    @functools.cached_property
    def events(self) -> list[Event]:
        """The run's log, oldest first."""
        return self._source.events()

    @property
    def data(self) -> xarray.Dataset:
        """The scan points as xarray Dataset on their axes, with units and @medium. A file is read only as far as it is used."""
        return self._source.dataset("scan")

    def dataset(self, kind: str) -> xarray.Dataset:
        """Give the points of another kind ("reference", "dark", "zero") like `data`."""
        return self._source.dataset(kind)

    @property
    def headline(self) -> str:
        """One line that says which run this is."""
        start = datetime.fromisoformat(self.header["start_utc"])
        bench = self.header.get("bench", {})
        kind = ", rehearsal" if bench.get("rehearsal") else ", simulated" if bench.get("simulated") else ""
        where = f"{bench.get('name', '')}{kind}"
        which = "" if "foreign" in self.header else f"run {self.header.get('run_number', 0)}"
        words = (which, self.header["procedure"], self.header.get("sample", ""), where, f"{start:%Y-%m-%d %H:%M} UTC", self.status)
        return " · ".join(dict.fromkeys(word for word in words if word))

    def close(self) -> None:
        """Close the file."""
        self._source.close()

    def __enter__(self) -> Run:
        return self

    def __exit__(self, *exc: object) -> None:
        self.close()

    def __repr__(self) -> str:
        return f"<Run {self.headline}, {len(self)} points, {self.path}>"

    def _repr_html_(self) -> str:
        from labctl.store.markup import run_as_html

        return run_as_html(self)
