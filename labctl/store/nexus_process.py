"""Results in the run file: NXprocess with value, errors, unit and estimator, and the curves they were fitted to."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np

from labctl.core.plan import Result
from labctl.core.quantities import file_name, long_name, quantity_unit
from labctl.core.reduction import CurveData
from labctl.store import nexus_data
from labctl.store.nexus_data import Node

NAME = "process_1"
FIT = "_fit"


def write(entry: Node, results: Mapping[str, Result], curves: Mapping[str, CurveData], version: str) -> None:
    """Write results and curves of the procedure's own reduction."""
    process = nexus_data.group(entry, NAME, "NXprocess")
    nexus_data.text(process, "program", "labctl")
    nexus_data.text(process, "version", version)
    nexus_data.text(process, "date", datetime.now(UTC).isoformat(timespec="seconds"))
    process.create_dataset("sequence_index", data=1)
    numbers = nexus_data.group(process, "results", "NXcollection")
    for name, result in results.items():
        _result(numbers, name, result)
    if curves:
        drawn = nexus_data.group(process, "curves", "NXcollection")
        for name, curve in curves.items():
            _curve(drawn, name, curve)


def read(entry: Node) -> dict[str, Result]:
    """Read the results back; empty when the run was not reduced."""
    if NAME not in entry or "results" not in entry[NAME]:
        return {}
    return {name: _read_result(group) for name, group in entry[NAME]["results"].items()}


def read_curves(entry: Node) -> dict[str, CurveData]:
    """Read the curves back; empty when the run was not reduced."""
    if NAME not in entry or "curves" not in entry[NAME]:
        return {}
    groups = dict(entry[NAME]["curves"].items())
    fits = {name for name in groups if name.endswith(FIT) and name.removesuffix(FIT) in groups}
    return {name: _read_curve(group, groups.get(f"{name}{FIT}")) for name, group in groups.items() if name not in fits}


def _read_curve(group: Node, fit: Node | None) -> CurveData:
    axis, value = group[str(group.attrs["axes"][0])], group["value"]
    return CurveData(
        x_name=str(axis.attrs.get("labctl_name", "")), x=axis[()], y=value[()], unit=str(value.attrs.get("units", "")),
        label=str(value.attrs["long_name"]), sigma=group["value_errors"][()] if "value_errors" in group else None,
        used=group["used"][()].astype(bool) if "used" in group else None,
        left_out=str(group["used"].attrs["long_name"]).removeprefix("0: ") if "used" in group else "",
        fit_x=None if fit is None else fit[str(fit.attrs["axes"][0])][()], fit_y=None if fit is None else fit["value"][()],
        fit_sigma=fit["value_errors"][()] if fit is not None and "value_errors" in fit else None,
    )


def _result(parent: Node, name: str, result: Result) -> None:
    group = nexus_data.group(parent, name, "NXcollection")
    nexus_data.number(group, "value", result.value, result.unit)
    for error, value in (("stderr", result.stderr), ("systematic", result.systematic)):
        if value is not None:
            nexus_data.number(group, error, value, result.unit)
    if result.interval is not None:
        nexus_data.number(group, "interval", np.asarray(result.interval), result.unit, long_name="95 % interval")
    if result.goodness is not None:
        nexus_data.number(group, "goodness", result.goodness, "", long_name="reduced chi-squared")
    nexus_data.text(group, "estimator", result.estimator)
    nexus_data.text(group, "note", result.note)


def _read_result(group: Node) -> Result:
    def error(name: str) -> float | None:
        return float(group[name][()]) if name in group else None

    interval = (float(group["interval"][0]), float(group["interval"][1])) if "interval" in group else None
    return Result(
        value=float(group["value"][()]), stderr=error("stderr"), unit=str(group["value"].attrs.get("units", "")),
        estimator=group["estimator"].asstr()[()], systematic=error("systematic"), note=group["note"].asstr()[()],
        goodness=error("goodness"), interval=interval,
    )


def _curve(parent: Node, name: str, curve: CurveData) -> None:
    """Write the reduced points, and the fit in a group beside because its abscissa differs."""
    axis = file_name(curve.x_name)
    about = {"units": quantity_unit(curve.x_name), "long_name": long_name(curve.x_name), "labctl_name": curve.x_name}
    group = _plot(parent, name, axis, curve.x, curve.y, curve, about)
    if curve.sigma is not None:
        group.create_dataset("value_errors", data=curve.sigma).dims[0].attach_scale(group[axis])
    if curve.used is not None:
        used = group.create_dataset("used", data=np.asarray(curve.used, dtype="u1"))
        used.attrs["long_name"] = f"0: {curve.left_out or 'left out'}"
        used.dims[0].attach_scale(group[axis])
    if curve.fit_x is not None and curve.fit_y is not None:
        fit = _plot(parent, f"{name}{FIT}", axis, curve.fit_x, curve.fit_y, curve, about)
        if curve.fit_sigma is not None:
            fit.create_dataset("value_errors", data=curve.fit_sigma).dims[0].attach_scale(fit[axis])


def _plot(parent: Node, name: str, axis: str, x: np.ndarray, y: np.ndarray, curve: CurveData, about: Mapping[str, Any]) -> Node:
    group = nexus_data.group(parent, name, "NXdata", signal="value", axes=[axis])
    nexus_data.number(group, axis, x, **about).make_scale(axis)
    nexus_data.number(group, "value", y, curve.unit, long_name=curve.label).dims[0].attach_scale(group[axis])
    return group
