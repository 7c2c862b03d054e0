"""What an ensemble says about an analysis: how far its results scatter, which errors it states, whether they hold the truth."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import numpy as np

from labctl.core.errors import AnalysisError
from labctl.ensembles.asking import SEED

if TYPE_CHECKING:
    import xarray

WITHIN = 1.959964        # standard errors that hold 95 % of a normal distribution
FEWEST = 2


def results_of(data: xarray.Dataset) -> list[str]:
    """Name the results in the table of an ensemble: every number that has an estimator."""
    return [str(name) for name, column in data.data_vars.items() if "estimator" in column.attrs]


def statistics(data: xarray.Dataset, over: str = SEED, truth: Mapping[str, Any] | None = None) -> xarray.Dataset:
    """Compare the results along one dimension with each other, with their stated errors, and with the truth where it is known.

    Gives a Dataset over `result` and the other dimensions, in the units of `unit`: `n` members that have the result; their `mean`
    and its standard error `mean_stderr`; `scatter`, the standard deviation; `stated`, the root mean square of the stated errors;
    `ratio` = scatter / stated, 1 for honest errors, with its own standard error `ratio_stderr` = ratio / √(2(n - 1)). With `truth`
    (by result; a number, or a DataArray over the other dimensions): `bias` = mean - truth, `bias_stderr`, and `coverage`, the
    share of members whose 95 % interval (value ± 1.96 stated errors) holds the truth. Raises AnalysisError where there is nothing
    to compare.
    """
    import xarray

    names = results_of(data)
    if over not in data.dims or not names:
        has = ", ".join(map(str, data.dims)) if over not in data.dims else "no result"
        raise AnalysisError(f"There is nothing to compare over {over}: the ensemble has {has}.")
    told = [_one(data, name, over, (truth or {}).get(name)) for name in names]
    found = xarray.concat(told, dim="result", fill_value=np.nan)
    units = [data[name].attrs.get("units", "") for name in names]
    return found.assign_coords(result=("result", np.array(names, object)), unit=("result", np.array(units, object)))


def _one(data: xarray.Dataset, name: str, over: str, truth: Any) -> xarray.Dataset:
    """Give the statistics of one result."""
    import xarray

    values = data[name]
    errors = data[f"{name}_stderr"] if f"{name}_stderr" in data else values * np.nan
    n: xarray.DataArray = values.notnull().sum(over)
    enough = n >= FEWEST
    mean = values.mean(over)
    scatter = values.std(over, ddof=1).where(enough) if data.sizes[over] >= FEWEST else mean * np.nan
    stated = (errors**2).mean(over) ** 0.5
    ratio = scatter / stated.where(stated > 0.0)
    found = {"n": n, "mean": mean, "mean_stderr": scatter / n**0.5, "scatter": scatter, "stated": stated, "ratio": ratio,
             "ratio_stderr": ratio / (2.0 * (n.where(enough) - 1.0)) ** 0.5}
    if truth is not None:
        inside = (abs(values - truth) <= WITHIN * errors).where(values.notnull() & errors.notnull())
        found |= {"bias": mean - truth, "bias_stderr": found["mean_stderr"], "coverage": inside.mean(over)}
    plain = xarray.Dataset(found)
    for column in plain.variables.values():
        column.attrs.clear()            # units are those of the result, in a coordinate of their own
    return plain
