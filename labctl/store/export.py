"""A run in the formats of other programs. Every function writes a new file and never overwrites one."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from labctl.core.errors import StoreError
from labctl.store import documents, nexus, phu
from labctl.store.header import JOURNAL_SUFFIX, RUN_SUFFIX
from labctl.store.layout import words
from labctl.store.run import Run

SPREADS = 1e-6      # relative difference between bin widths above which delays are not evenly spaced


def export(run: Run, how: str, target: Path | None = None, *, point: int | None = None) -> Path:
    """Write a run as "csv", "matrix", "nc", "hspy", "phu", "documents", "png" or "so-far"; gives the file.

    Without `target` it lies beside the run under its name. `point` picks one spectrum for "csv". Raises StoreError when the file
    exists, cannot be written, or the run does not hold what the format needs.
    """
    if how not in WRITERS:
        raise StoreError(f"{how!r} is none of the formats {', '.join(WRITERS)}.")
    target = Path(target) if target is not None else file_of(run, how, point)
    if target.exists():
        raise StoreError(f"{target} exists already and is never overwritten. Remove it, or give another name with --to.")
    with _explained(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        WRITERS[how][1](run, target, point)
    return target


def file_of(run: Run, how: str, point: int | None = None) -> Path:
    """Give the name an export gets by itself, beside the run."""
    marked = f"_point{point}" if point is not None and how == "csv" else ""
    return run.path.with_name(f"{run.path.stem}{marked}{WRITERS[how][0]}")


@contextmanager
def _explained(target: Path) -> Iterator[None]:
    """Remove half a file, and say what to do."""
    try:
        yield
    except OSError as exc:
        target.unlink(missing_ok=True)
        raise StoreError(f"{target} could not be written: {exc.strerror or exc}. The run itself is untouched; free space or choose "
                         "another folder with --to.") from exc
    except BaseException:
        target.unlink(missing_ok=True)
        raise


# ---------------------------------------------------------------- text
def _csv(run: Run, target: Path, point: int | None) -> None:
    """Write one row per point with every number and flag; or, of one point, the spectrum."""
    if point is not None:
        _one_spectrum(run, target, point)
        return
    columns: list[tuple[str, Any]] = [("point", range(len(run)))]
    for name in run.names:
        told = words(run.header, name)
        columns.append((f"{name} [{told['units']}]" if told["units"] else name, run[name]))
    columns += [(flag, run.flag(flag).astype(int)) for flag in run.flag_names]
    _rows(target, [[title for title, _ in columns], *zip(*(values for _, values in columns), strict=True)])


def _one_spectrum(run: Run, target: Path, point: int) -> None:
    name, axes, values = _spectra(run)
    if not 0 <= point < len(values):
        raise StoreError(f"{run.path} has no point {point}; its points are 0 to {len(values) - 1}.")
    label, unit, axis = axes
    told = words(run.header, name)
    _rows(target, [[f"{label} [{unit}]", f"{name} [{told['units']}]"], *zip(axis, values[point], strict=True)])


def _matrix(run: Run, target: Path, point: int | None) -> None:
    """Write spectra as columns, with the three header rows that Origin takes as long names, units and comments."""
    name, (label, unit, axis), values = _spectra(run)
    told = words(run.header, name)
    scan = [axis for axis in run.header.get("scan_axes") or () if axis in run.names]
    comments = ["; ".join(f"{where} = {run[where][row]:.9g} {words(run.header, where)['units']}".rstrip() for where in scan)
                or f"point {row}" for row in range(len(values))]
    rows = [[label, *[told["long_name"] or name] * len(values)], [unit, *[told["units"]] * len(values)], ["", *comments]]
    _rows(target, [*rows, *np.column_stack([axis, values.T]).tolist()])


def _spectra(run: Run) -> tuple[str, tuple[str, str, np.ndarray], np.ndarray]:
    """Give name, axis (label, unit, values) and spectra (points, pixels) of the default signal."""
    channels = run.channels
    if not channels:
        raise StoreError(f"{run.path} holds no spectra, one number per point only; --csv writes those.")
    wanted = run.header.get("default_signal", "")
    name = wanted if wanted in channels else channels[0]
    values, axis = run.counts(name), run.coordinate(name)
    if values.ndim != 2 or axis is None:
        raise StoreError(f"{name} of {run.path} has {values.ndim - 1} dimensions per point; a table takes spectra. Use --nc.")
    label, unit, numbers = axis
    return name, (label, unit, numbers), values


def _rows(target: Path, rows: Sequence[Sequence[Any]]) -> None:
    with target.open("x", newline="", encoding="utf-8-sig") as file:       # with the mark by which spreadsheets know UTF-8
        csv.writer(file).writerows(rows)


# ---------------------------------------------------------------- binary
def _netcdf(run: Run, target: Path, point: int | None) -> None:
    data = run.data.load()
    about = {"title": run.header.get("title", ""), "source": f"labctl run {run.run_id}", "history": run.headline}
    data.assign_attrs({**data.attrs, **about}).to_netcdf(target, engine="h5netcdf", mode="w")


def _hyperspy(run: Run, target: Path, point: int | None) -> None:
    """Copy the HyperSpy view of the run file, data and all, so that it stands alone."""
    if run.path.suffix != RUN_SUFFIX:
        raise StoreError(f"{run.path} is not finished; export it --so-far first.")
    with h5py.File(run.path, "r") as file, h5py.File(target, "x") as made:
        if "Experiments" not in file:
            raise StoreError(f"{run.path} holds no spectra.")
        made.attrs.update({name: file.attrs[name] for name in ("file_format", "file_format_version")})
        source: Any = file["Experiments/data"]
        group = made.create_group("Experiments/data")
        group.attrs.update(source.attrs)
        for name in source:
            if name != "data":
                file.copy(source[name], group)
        group.create_dataset("data", data=source["data"][()], compression="gzip", shuffle=True, chunks=True)


def _phu(run: Run, target: Path, point: int | None) -> None:
    """Write every histogram of the run as one curve, in visiting order, the channels of a point one after the other."""
    delays = [(name, found) for name in run.channels if (found := run.coordinate(name, "time_delay")) is not None]
    if not delays:
        raise StoreError(f"{run.path} holds no histogram over time_delay; a .phu file takes nothing else.")
    name, (_, unit, delay) = delays[0]
    steps = np.diff(delay) * {"s": 1.0, "ns": 1e-9, "ps": 1e-12}[unit]
    if not len(steps) or np.ptp(steps) > SPREADS * steps.mean():
        raise StoreError(f"The bins of {name} are not evenly spaced; a .phu file has one bin width.")
    curves = run.counts(name)
    per_point = int(np.prod(curves.shape[1:-1]))
    rates = np.repeat(run["sync_rate"], per_point).tolist() if "sync_rate" in run.names else ()
    counted = float(np.nanmedian(run["exposure_s"])) if "exposure_s" in run.names and len(run) else 0.0
    phu.write(target, curves.reshape(-1, curves.shape[-1]), float(steps.mean()), title=run.headline, sync_rate_hz=rates,
              acquisition_s=counted, start=datetime.fromisoformat(run.header["start_utc"]))


def _documents(run: Run, target: Path, point: int | None) -> None:
    with target.open("x", encoding="utf-8") as file:
        for name, document in documents.documents(run):
            file.write(json.dumps({"name": name, "doc": document}, allow_nan=False, ensure_ascii=False) + "\n")


def _png(run: Run, target: Path, point: int | None) -> None:
    run.figure().savefig(target)


def _so_far(run: Run, target: Path, point: int | None) -> None:
    if run.path.suffix != JOURNAL_SUFFIX:
        raise StoreError(f"{run.path} is finished; it is the run file itself.")
    nexus.render(run.path, target)


WRITERS: dict[str, tuple[str, Callable[[Run, Path, int | None], None]]] = {
    "csv": (".csv", _csv), "matrix": ("_matrix.csv", _matrix), "nc": (".nc", _netcdf), "hspy": (".hspy", _hyperspy),
    "phu": (".phu", _phu), "documents": (".jsonl", _documents), "png": (".png", _png), "so-far": (f"_so_far{RUN_SUFFIX}", _so_far),
}
