"""What an ensemble says about an analysis, on numbers whose distribution is known."""

from __future__ import annotations

import numpy as np
import pytest
import xarray

from labctl.core.errors import AnalysisError
from labctl.ensembles.statistics import statistics

TRUTH, SIGMA, MEMBERS = 5.0, 0.2, 4000


def table(stated: float, shift: float = 0.0) -> xarray.Dataset:
    drawn = np.random.default_rng(1).normal(TRUTH + shift, SIGMA, (2, MEMBERS))
    dims = ("sample", "seed")
    return xarray.Dataset(
        {"peak": (dims, drawn, {"units": "nm", "estimator": "drawn"}), "peak_stderr": (dims, np.full_like(drawn, stated)),
         "lit_s": (dims, drawn)}, coords={"sample": ["a", "b"], "seed": np.arange(MEMBERS)})


def test_honest_errors_have_ratio_one_and_cover_the_truth():
    found = statistics(table(SIGMA), truth={"peak": TRUTH}).sel(result="peak", sample="a")
    assert found.ratio == pytest.approx(1.0, abs=4 * float(found.ratio_stderr))
    assert found.coverage == pytest.approx(0.95, abs=4 * np.sqrt(0.95 * 0.05 / MEMBERS))
    assert abs(found.bias) < 4 * found.bias_stderr
    assert found.unit == "nm"


def test_errors_stated_too_small_and_a_bias_show():
    found = statistics(table(SIGMA / 2, shift=0.1), truth={"peak": TRUTH})
    assert found.sizes == {"result": 1, "sample": 2}
    assert np.allclose(found.ratio, 2.0, atol=0.1)
    assert np.allclose(found.bias, 0.1, atol=4 * SIGMA / np.sqrt(MEMBERS))
    # |z| <= 1.96 / 2 around a mean that is half a standard deviation off: Φ(0.48) - Φ(-1.48) = 0.615
    assert np.allclose(found.coverage, 0.615, atol=4 * np.sqrt(0.615 * 0.385 / MEMBERS))


def test_members_without_a_result_do_not_count():
    data = table(SIGMA)
    data["peak"][0, 1:] = np.nan
    found = statistics(data).sel(result="peak")
    assert found.n.values.tolist() == [1, MEMBERS]
    assert np.isnan(found.scatter[0])


def test_nothing_to_compare_is_said():
    with pytest.raises(AnalysisError, match="seed"):
        statistics(table(SIGMA).rename(seed="exposure"))
