"""The z-scan through the whole chain: heads behind drivers, the cuvette on its stage, the record's cross-section."""

from __future__ import annotations

import pytest

from labctl import api


def test_two_photons_of_970_nm(take, tmp_path) -> None:
    with api.open_bench("sun2024-zscan") as bench:
        coarse = {"wavelengths": 5, "angles": 9, "first_wavelength": 965.0, "last_wavelength": 975.0}
        order = api.Order("power_calibration", tmp_path, seed=1, figure=False)
        assert api.run("power_calibration", bench, coarse, order=order).status == "done"
    outcome = take("z_scan", "sun2024-zscan", {"places": 15, "readings": 1})
    assert outcome.status == "done"
    section = outcome.results["cross_section_2p"]
    assert section.value == pytest.approx(1.88e-44, abs=2 * section.systematic)
    assert section.stderr < 0.1 * section.value
    assert outcome.results["rayleigh_length"].value == pytest.approx(2.915, rel=0.05)      # π w₀²/λ, w₀ = 30 µm
