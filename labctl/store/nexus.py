"""Render a journal into a NeXus file (HDF5): built beside its place, synced, then given its name; never written to again."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import h5py

from labctl.core.errors import StoreError
from labctl.core.plan import Result
from labctl.core.reduction import CurveData
from labctl.store import catalogue, hyperspy_view, nexus_bench, nexus_data, nexus_process, places, provenance, seal, state, whole
from labctl.store.header import SCHEMA, to_json
from labctl.store.journal_source import JournalSource
from labctl.store.layout import Arranged
from labctl.store.nexus_data import Node

NOTHING: Mapping[str, Any] = MappingProxyType({})
DEFINITION = "NXoptical_spectroscopy"
DEFINITION_VERSION = "2024.02"
DEFINITION_URL = "https://fairmat-nfdi.github.io/nexus_definitions/classes/applications/NXoptical_spectroscopy.html"
SIDE_GROUPS = ("reference", "dark", "zero")


def render(journal: Path, target: Path, *, results: Mapping[str, Result] = NOTHING,
           curves: Mapping[str, CurveData] = NOTHING, supersedes: str = "") -> Path:
    """Write the run file of a journal, whatever its status; gives `target`.

    `supersedes` names an earlier file of the same run that this one replaces. The journal is only read, so a running one can be
    rendered too (status "running"). Raises StoreError when `target` exists or cannot be written; nothing is left behind then.
    """
    target = Path(target)
    if target.exists():
        raise StoreError(f"{target} exists already and is never overwritten. Give another name.")
    beside = target.with_name(f".{target.name}.{os.getpid()}.partial")
    built = _build_place(beside)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        built.parent.mkdir(parents=True, exist_ok=True)
        with JournalSource(journal) as source, h5py.File(built, "w", libver=("earliest", "v110")) as file:
            _write(file, source, results, curves, supersedes)
            facts = catalogue.facts_of(source.header, source.status)
        seal.add(built, facts)
        if built != beside:
            shutil.copyfile(built, beside)
        publish(beside, target)
    except OSError as exc:
        reason = os.strerror(exc.errno) if exc.errno else str(exc)
        raise StoreError(f"{target} could not be written: {reason}. Every point is safe in {journal}; free space on the disk of "
                         f"{target.parent} or choose another folder, then 'labctl recover {journal.parent}'.") from exc
    finally:
        for left in {beside, built}:
            with contextlib.suppress(OSError):
                left.unlink(missing_ok=True)
    return target


def _build_place(beside: Path) -> Path:
    """Build on a local disk: HDF5 writes a file in many small pieces and locks it, both of which shares do badly."""
    return state.folder() / "journals" / beside.name if places.network_share(beside) else beside


def publish(beside: Path, target: Path) -> None:
    """Sync a finished file and give it its name, unless that is taken; raises FileExistsError then."""
    whole.sync(beside)
    try:
        os.link(beside, target)                  # refuses an existing target, which a rename would overwrite
    except FileExistsError:
        raise
    except OSError:                              # a file system without hard links
        target.open("xb").close()
        os.replace(beside, target)
    whole.sync_folder(target.parent)


def _write(file: Node, source: JournalSource, results: Mapping[str, Result], curves: Mapping[str, CurveData],
           supersedes: str) -> None:
    header, end = source.header, source.end
    version = str(header.get("environment", {}).get("packages", {}).get("labctl", ""))
    file.attrs.update(_root(header, source.status, version))
    if supersedes:
        file.attrs["labctl_supersedes"] = supersedes
    entry = nexus_data.group(file, "entry", "NXentry", default="data")
    _describe(entry, header, end, version)
    scan = source.arranged("scan")
    nexus_data.write(entry, "data", scan, title=header.get("title", ""))
    for kind in SIDE_GROUPS:
        if len(source.table(kind).numbers()):
            nexus_data.write(entry, kind, source.arranged(kind), title=f"{header.get('title', '')}: {kind} points")
    nexus_bench.write(entry, header, scan, version)
    provenance.write(entry, header, end, source.events())
    if end.get("truth"):
        provenance.write_tree(nexus_data.group(entry, "truth", "NXcollection"), end["truth"])
    if results or curves:
        nexus_process.write(entry, results, curves, version)
    if _has_spectra(scan):
        hyperspy_view.write(file, scan, title=header.get("title", ""), sample=header.get("sample", ""))


def _root(header: Mapping[str, Any], status: str, version: str) -> dict[str, Any]:
    """Give the attributes of the file by which a catalogue finds runs without opening any group."""
    return {
        "NX_class": "NXroot", "default": "entry", "creator": "labctl", "creator_version": version,
        "file_time": datetime.now(UTC).isoformat(timespec="seconds"), "labctl_schema": SCHEMA,
        "labctl_run_id": header.get("run_id", ""), "labctl_run_number": header.get("run_number", 0),
        "labctl_procedure": header.get("procedure", ""), "labctl_sample": header.get("sample", ""),
        "labctl_start": header.get("start_utc", ""), "labctl_status": status, "labctl_user": header.get("user", ""),
        "labctl_simulated": int(header.get("bench", {}).get("simulated", False)),     # netCDF has no boolean
        "labctl_rehearsal": int(header.get("bench", {}).get("rehearsal", False)),
    }


def _describe(entry: Node, header: Mapping[str, Any], end: Mapping[str, Any], version: str) -> None:
    """Write what the definition asks of the entry itself."""
    definition = nexus_data.text(entry, "definition", DEFINITION)
    definition.attrs.update({"version": DEFINITION_VERSION, "URL": DEFINITION_URL})
    nexus_data.text(entry, "experiment_type", "photoluminescence")
    nexus_data.text(entry, "title", header.get("title", ""))
    nexus_data.text(entry, "start_time", header.get("start_utc", ""))
    if end.get("end_utc"):
        nexus_data.text(entry, "end_time", end["end_utc"])
    nexus_data.text(entry, "identifier_experiment", header.get("run_id", ""))
    nexus_data.text(entry, "program_name", "labctl").attrs["version"] = version
    if header.get("note"):
        nexus_data.text(entry, "experiment_description", header["note"])
    if header.get("user"):
        nexus_data.text(nexus_data.group(entry, "user", "NXuser"), "name", header["user"])
    if end.get("problems"):
        nexus_data.text(entry, "problems", to_json(end["problems"]))


def _has_spectra(scan: Arranged) -> bool:
    return len(scan.axes) > len(scan.layout.dims) and scan[scan.signal].values.size > 0
