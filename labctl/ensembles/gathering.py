"""All members in one table: an xarray Dataset over what was varied, and a catalogue of the run files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core import registry
from labctl.core.dose import UNITS as LIGHT_UNITS
from labctl.core.dose import WORDS as LIGHT_WORDS
from labctl.ensembles.asking import SAMPLE, SEED, Ensemble, Member
from labctl.ensembles.folder import CATALOGUE, TABLE, Folder, Record, writing
from labctl.store.catalogue import Catalogue
from labctl.store.whole import put_whole

if TYPE_CHECKING:
    import xarray

COMPANIONS = ("stderr", "systematic")           # of a result: `<result>_stderr`
LIGHT = ("dose_j_cm2", "lit_s", "peak_j_cm2")


def gather(ensemble: Ensemble, folder: Folder, records: Mapping[str, Record]) -> xarray.Dataset:
    """Make the table of an ensemble, write it into the folder as netCDF, and bring the catalogue up to date."""
    data = table(ensemble, ensemble.members(), records)
    target, beside = folder.path / TABLE, folder.path / f".{TABLE}.partial"
    with writing(target):
        data.to_netcdf(beside, engine="h5netcdf", mode="w")
        put_whole(beside, target)
    with Catalogue(folder.runs, folder.path / CATALOGUE) as catalogue:
        catalogue.refresh()
    return data


def table(ensemble: Ensemble, members: Sequence[Member], records: Mapping[str, Record]) -> xarray.Dataset:
    """Give results, errors and what is known of every run over the dimensions that were varied; NaN and "" where there is none."""
    import xarray

    shape = tuple(len(values) for values in ensemble.over.values())
    found = [records.get(member.key) for member in members]
    dims = tuple(ensemble.over)

    def made(values: Sequence[Any], kind: Any, **about: str) -> xarray.DataArray:
        return xarray.DataArray(np.array(values, kind).reshape(shape), dims=dims, attrs=about)

    variables: dict[str, xarray.DataArray] = {}
    for name, (unit, estimator) in _results(found).items():
        told = [each.results.get(name, {}) if each is not None else {} for each in found]
        plain = name if name not in dims else f"{name}_result"
        variables[plain] = made([_number(each.get("value")) for each in told], float, units=unit, estimator=estimator)
        for companion in COMPANIONS:
            values = [_number(each.get(companion)) for each in told]
            if not np.all(np.isnan(values)):
                variables[f"{plain}_{companion}"] = made(values, float, units=unit, long_name=f"{companion} of {plain}")
    for name in LIGHT:
        values = [_number(each.light.get(name) if each is not None else None) for each in found]
        variables[name] = made(values, float, units=LIGHT_UNITS[name], long_name=f"{LIGHT_WORDS[name]} on the sample")
    seconds = [_number(each.seconds if each is not None else None) for each in found]
    variables["bench_s"] = made(seconds, float, units="s", long_name="time on the bench")
    for name, words in (("status", "how the run ended"), ("run", "run file, below the folder"), ("problems", "what was wrong")):
        texts = [_text(getattr(each, name)) if each is not None else "" for each in found]
        variables[name] = made(texts, object, long_name=words)
    fixed = ensemble.fixed()
    about = {**fixed, "values": json.dumps(fixed["values"], ensure_ascii=False), SEED: ensemble.seed, SAMPLE: ensemble.sample}
    return xarray.Dataset(variables, coords=_coordinates(ensemble),
                          attrs={name: each for name, each in about.items() if name not in dims})


def _coordinates(ensemble: Ensemble) -> dict[str, Any]:
    """Give the values along every dimension, with their units."""
    declared = registry.find("procedure", ensemble.procedure).declarations()
    found = {}
    for name, values in ensemble.over.items():
        unit = getattr(declared.get(name), "units", None) or ""
        plain = np.array(values, object) if isinstance(values[0], str) else np.array(values)
        found[name] = (name, plain.astype("i1") if plain.dtype == bool else plain, {"units": unit} if unit else {})
    return found


def _results(records: Sequence[Record | None]) -> dict[str, tuple[str, str]]:
    """Give unit and estimator of every result that any member has, in the order in which they come."""
    found: dict[str, tuple[str, str]] = {}
    for record in records:
        for name, told in (record.results if record is not None else {}).items():
            found.setdefault(name, (str(told["unit"]), str(told["estimator"])))
    return found


def _number(value: Any) -> float:
    return np.nan if value is None else float(value)


def _text(value: Any) -> str:
    return value if isinstance(value, str) else "\n".join(value)
