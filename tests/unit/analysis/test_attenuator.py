"""Half-wave plate attenuator: the fit finds what was hidden, and the two directions of the curve agree."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from labctl.analysis import attenuator
from labctl.analysis.attenuator_fit import fit_law, fit_plate
from labctl.core.errors import AnalysisError

WAVELENGTHS = np.linspace(475.0, 575.0, 11)
ANGLES = np.linspace(0.0, 90.0, 19)
OFFSET, EXTINCTION, DESIGN = -3.7, 8e-4, 513.0


def power(wavelength: float, angle: np.ndarray, highest: float = 80e-6, offset: float = OFFSET) -> np.ndarray:
    """Crossed retarder and polariser, written as the Jones calculus gives it."""
    turned = np.sin(2 * np.deg2rad(angle - offset)) ** 2 * np.sin(np.pi * DESIGN / (2 * wavelength)) ** 2
    return highest * (EXTINCTION + (1 - EXTINCTION) * (1 - turned))


def measured(rng: np.random.Generator, offset: float = OFFSET) -> list:
    fits = []
    for wavelength in WAVELENGTHS:
        exact = power(wavelength, ANGLES, offset=offset)
        noise = 1 + 0.005 * rng.standard_normal(len(ANGLES))
        fits.append(fit_plate(float(wavelength), ANGLES, exact * noise + 1e-8 * rng.standard_normal(len(ANGLES))))
    return fits


def curve(offset: float = OFFSET) -> dict:
    return {
        "wavelength_nm": WAVELENGTHS.tolist(), "maximum_w": (80e-6 * (1 + 0.2 * np.sin(WAVELENGTHS / 15))).tolist(),
        "minimum_ratio": attenuator.minimum_ratio(WAVELENGTHS, EXTINCTION, DESIGN).tolist(), "offset_deg": offset,
    }


class TestFit:
    """Recovery of known constants, and honest errors."""

    def test_one_wavelength_without_noise(self) -> None:
        fit = fit_plate(500.0, ANGLES, power(500.0, ANGLES))
        assert fit.maximum_w == pytest.approx(80e-6, rel=1e-9)
        assert fit.offset_deg == pytest.approx(OFFSET, abs=1e-9)
        assert fit.minimum_ratio == pytest.approx(EXTINCTION + (1 - EXTINCTION) * np.cos(np.pi * DESIGN / 1000.0) ** 2, rel=1e-9)
        assert fit.power(ANGLES) == pytest.approx(power(500.0, ANGLES))

    def test_pulls_of_the_law(self) -> None:
        rng = np.random.default_rng(2)
        pulls = []
        for _ in range(80):
            law = fit_law(measured(rng))
            pulls.append([(law.offset_deg - OFFSET) / law.offset_stderr_deg, (law.extinction - EXTINCTION) / law.extinction_stderr,
                          (law.design_nm - DESIGN) / law.design_stderr_nm])
        assert np.all(np.abs(np.mean(pulls, axis=0)) < 0.4)
        assert np.all(np.std(pulls, axis=0) < 1.2)
        assert np.all(np.std(pulls, axis=0) > 0.6)

    @pytest.mark.parametrize("offset", [44.99, -44.99, 45.0])
    def test_offset_next_to_the_seam_is_not_averaged_across_it(self, offset: float) -> None:
        law = fit_law(measured(np.random.default_rng(3), offset))
        assert -45.0 <= law.offset_deg < 45.0
        assert (law.offset_deg - offset + 45.0) % 90.0 - 45.0 == pytest.approx(0.0, abs=0.05)

    def test_noise_floor_keeps_readings_out(self) -> None:
        readings = power(513.0, ANGLES, highest=5e-6)
        fit = fit_plate(513.0, ANGLES, readings)
        assert len(fit.residuals) == np.count_nonzero(readings > 200e-9) < len(ANGLES)

    def test_no_light_is_refused(self) -> None:
        with pytest.raises(AnalysisError, match=r"only 0 readings exceed 200 nW.*emission on"):
            fit_plate(500.0, ANGLES, np.full(len(ANGLES), 1e-8))

    def test_no_modulation_is_refused(self) -> None:
        rng = np.random.default_rng(4)
        with pytest.raises(AnalysisError, match=r"changes the power by only.*Does the plate turn"):
            fit_plate(500.0, ANGLES, 5e-5 * (1 + 0.005 * rng.standard_normal(len(ANGLES))))

    def test_a_narrow_range_of_angles_is_refused(self) -> None:
        angles = np.linspace(0.0, 2.0, 19)
        with pytest.raises(AnalysisError, match="do not cover the 90 deg"):
            fit_plate(500.0, angles, power(500.0, angles))

    def test_too_few_wavelengths_are_refused(self) -> None:
        with pytest.raises(AnalysisError, match=r"at 4 wavelengths; .* needs 5"):
            fit_law(measured(np.random.default_rng(5))[:4])


class TestCurve:
    """Forward and inverse."""

    @given(wavelength=st.floats(475, 575), share=st.floats(0, 1), offset=st.floats(-45, 44.9))
    def test_there_and_back(self, wavelength: float, share: float, offset: float) -> None:
        lowest, highest = attenuator.reach(curve(offset), wavelength)
        wanted = lowest + share * (highest - lowest)
        angle = attenuator.angle_for(curve(offset), wavelength, wanted)
        assert offset % 90.0 - 1e-6 <= angle <= offset % 90.0 + 45.0 + 1e-6
        assert attenuator.transmission(curve(offset), wavelength, angle) == pytest.approx(wanted, rel=1e-9)

    def test_more_angle_is_less_power(self) -> None:
        lowest, highest = attenuator.reach(curve(), 500.0)
        angles = attenuator.angle_for(curve(), 500.0, np.linspace(lowest, highest, 20))
        assert np.all(np.diff(angles) < 0)

    def test_arrays_agree_with_scalars(self) -> None:
        wavelengths = np.array([480.0, 513.0, 560.0])
        powers = np.array([2e-5, 3e-5, 4e-5])
        together = attenuator.angle_for(curve(), wavelengths, powers)
        assert together == pytest.approx([attenuator.angle_for(curve(), w, p) for w, p in zip(wavelengths, powers, strict=True)])

    def test_between_the_calibrated_wavelengths(self) -> None:
        lowest, highest = attenuator.reach(curve(), 512.3)
        assert highest == pytest.approx(80e-6 * (1 + 0.2 * np.sin(512.3 / 15)), rel=2e-3)
        assert lowest / highest == pytest.approx(attenuator.minimum_ratio(512.3, EXTINCTION, DESIGN), rel=2e-2)

    @pytest.mark.parametrize("factor", [0.5, 1.5])
    def test_unreachable_power_names_asked_and_limits(self, factor: float) -> None:
        lowest, highest = attenuator.reach(curve(), 500.0)
        wanted = lowest * factor if factor < 1 else highest * factor
        text = rf"{wanted * 1e6:.4g} µW .* at 500 nm: .* {lowest * 1e6:.4g} to {highest * 1e6:.4g} µW"
        with pytest.raises(AnalysisError, match=text):
            attenuator.angle_for(curve(), 500.0, wanted)

    def test_wavelength_outside_names_range_and_remedy(self) -> None:
        with pytest.raises(AnalysisError, match=r"covers 475 to 575 nm, not 600 nm. Run power_calibration"):
            attenuator.reach(curve(), 600.0)
