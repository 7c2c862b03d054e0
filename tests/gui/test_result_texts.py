"""Results are written as people write them: powers of ten, units with exponents, digits in groups."""

from __future__ import annotations

import pytest

from labctl.core.plan import Result
from labctl.gui.views.plots.reduced import short_text

THIN = "\u2009"


@pytest.mark.parametrize(("value", "error", "unit", "text"), [
    (1524000.0, 11000.0, "1/s", f"1{THIN}524{THIN}000 ± 11{THIN}000 s⁻¹"),
    (1.928e-44, 2e-46, "cm4 s", "(1.928 ± 0.020) × 10⁻⁴⁴ cm⁴ s"),
    (110.5, 2.4, "cm-1", "110.5 ± 2.4 cm⁻¹"),
    (2e-14, 1e-16, "cm^2", "(2.000 ± 0.010) × 10⁻¹⁴ cm²"),
    (1.44e7, None, "1", "1.44 × 10⁷"),
    (0.123456, 1e-6, "nm", "0.1234560 ± 0.0000010 nm"),
])
def test_of_a_result(value, error, unit, text):
    assert short_text(Result(value, error, unit, "a fit")) == text
