"""The power calibration: its plan, and what comes back from readings made with a known plate."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.analysis import attenuator
from labctl.core.calibration import Calibration
from labctl.core.errors import AnalysisError, Refused
from procedures.power_calibration import PowerCalibration

OFFSET, EXTINCTION, DESIGN = 3.2, 8e-4, 513.0
CONSTANTS = {"pickoff.fraction": 0.04, "pickoff.uncertainty": 0.05, "source.spectral_density_w_nm": 1.3e-3, "pump.bandwidth": 1.75}


@pytest.fixture
def measured(fake_bench, fake_run):
    """Make a run of the calibration on a known plate behind a source of known spectrum."""
    def make(seed: int = 1, *, highest: float = 80e-6, turns: bool = True, constants=CONSTANTS, **values):
        rng = np.random.default_rng(seed)
        procedure = PowerCalibration(**values)
        points = [point for point in procedure.plan(fake_bench()) if point.kind == "scan"]
        run = fake_run(points, constants=dict(constants), serials={"attenuator": "ELL-1", "power_meter": "PM-7", "ccd": "C-3"})
        wavelength, angle = run["pump.wavelength"], run["attenuator.angle"] if turns else 20.0
        phase = np.pi * DESIGN / (2 * wavelength)
        share = 1 - np.sin(2 * np.deg2rad(angle - OFFSET)) ** 2 * np.sin(phase) ** 2
        source = highest * (1 + 0.08 * np.sin(wavelength / 7.3))
        exact = source * (EXTINCTION + (1 - EXTINCTION) * share)
        run.values["power"] = exact * (1 + 0.005 * rng.standard_normal(len(exact))) + 1e-8 * rng.standard_normal(len(exact))
        return procedure, run
    return make


class TestPlan:
    def test_zero_first_then_the_grid_in_the_dark(self, fake_bench) -> None:
        procedure = PowerCalibration()
        points = list(procedure.plan(fake_bench()))
        assert points[0].kind == "zero"
        assert points[0].do == ("power_meter.zero",)
        assert points[0].read == ()
        assert not any(point.light for point in points)
        assert procedure.shape == (11, 19)
        assert len(points) == 1 + 11 * 19
        assert {point.read for point in points[1:]} == {("power",)}

    def test_the_wheel_darkens_the_head_for_its_zero(self, fake_bench) -> None:
        points = list(PowerCalibration().plan(fake_bench(constants={"nd.blocked_slot": 6.0, "nd.open_slot": 1.0})))
        assert points[0].set == {"nd.slot": 6.0}
        assert {point.set["nd.slot"] for point in points[1:]} == {1.0}

    def test_inner_axis_is_the_angle(self, fake_bench) -> None:
        points = list(PowerCalibration().plan(fake_bench()))[1:]
        assert [point.set["pump.wavelength"] for point in points[:19]] == [475.0] * 19
        assert [point.set["attenuator.angle"] for point in points[:3]] == [0.0, 5.0, 10.0]

    def test_unreachable_ends_are_refused_together(self, fake_bench) -> None:
        with pytest.raises(Refused) as refusal:
            list(PowerCalibration().plan(fake_bench(limits=(480.0, 560.0))))
        assert [problem.field for problem in refusal.value.problems] == ["first_wavelength", "last_wavelength"]
        assert "480 to 560 nm" in str(refusal.value)

    @pytest.mark.parametrize(("values", "field"), [
        ({"first_wavelength": 575, "last_wavelength": 475}, "last_wavelength"), ({"last_angle": 45}, "last_angle"),
    ])
    def test_check(self, values: dict, field: str) -> None:
        assert [problem.field for problem in PowerCalibration(**values).check()] == [field]

    def test_fewer_than_five_wavelengths_are_refused(self) -> None:
        with pytest.raises(Refused, match="wavelengths"):
            PowerCalibration(wavelengths=4)


class TestReduction:
    def test_hidden_constants_are_found_within_their_errors(self, measured) -> None:
        procedure, run = measured()
        results = procedure.reduce(run).results
        for name, truth in (("offset_deg", OFFSET), ("extinction", EXTINCTION), ("plate_wavelength_nm", DESIGN)):
            assert abs(results[name].value - truth) < 4 * results[name].stderr, name
        assert results["offset_deg"].stderr < 0.02
        assert results["extinction"].stderr < 1.5e-4

    def test_read_back_angles_are_preferred(self, measured) -> None:
        procedure, run = measured()
        run.values["attenuator.angle_measured"] = run["attenuator.angle"] - 1.0
        assert procedure.reduce(run).results["offset_deg"].value == pytest.approx(OFFSET - 1.0, abs=0.05)

    def test_transmission_compares_with_the_data_sheet(self, measured) -> None:
        procedure, run = measured()
        found = procedure.reduce(run).results["transmission"]
        nominal = 80e-6 * (1 + 0.08 * np.sin(525.0 / 7.3)) / 0.04 / (1.3e-3 * 1.75 * np.sqrt(np.pi / 4 / np.log(2)))
        assert found.value == pytest.approx(nominal, rel=0.01)
        assert found.systematic == pytest.approx(0.05 * found.value)

    def test_unknown_source_gives_no_transmission_and_says_so(self, measured) -> None:
        procedure, run = measured(constants={"pump.bandwidth": 1.75})
        reduction = procedure.reduce(run)
        assert "transmission" not in reduction.results
        assert "offset_deg" in reduction.results
        assert reduction.problems[0].field == "transmission"
        assert "source.spectral_density_w_nm" in reduction.problems[0].text

    def test_calibration_predicts_the_power_at_other_wavelengths_and_angles(self, measured) -> None:
        procedure, run = measured()
        made = procedure.reduce(run).calibration
        assert made is not None
        kept = Calibration.from_json(made.to_json())
        for wavelength in (481.3, 513.0, 556.7):
            highest = 80e-6 * (1 + 0.08 * np.sin(wavelength / 7.3))
            for angle in (5.0, 25.0, 40.0):
                turned = np.sin(2 * np.deg2rad(angle - OFFSET)) ** 2 * np.sin(np.pi * DESIGN / (2 * wavelength)) ** 2
                exact = highest * (EXTINCTION + (1 - EXTINCTION) * (1 - turned))
                assert attenuator.transmission(kept.curve, wavelength, angle) == pytest.approx(exact, rel=0.02)
            assert attenuator.angle_for(kept.curve, wavelength, 0.3 * highest) == pytest.approx(
                OFFSET + np.rad2deg(np.arccos(np.sqrt(0.3))) / 2, abs=0.6)

    def test_calibration_is_bound_to_what_it_was_measured_with(self, measured) -> None:
        procedure, run = measured()
        made = procedure.reduce(run).calibration
        assert made is not None
        assert made.serials == {"attenuator": "ELL-1", "power_meter": "PM-7"}
        assert made.kind == "power_calibration"
        assert made.model == attenuator.MODEL
        assert made.valid == {"pump.wavelength": (475.0, 575.0)}
        assert made.uncertainty == 0.05
        assert np.std(made.residuals) == pytest.approx(0.005, rel=0.6)

    def test_curves_show_every_wavelength_and_the_law(self, measured) -> None:
        procedure, run = measured()
        curves = procedure.reduce(run).curves
        assert sum(name.startswith("power_") for name in curves) == 11
        assert len(curves["minimum_ratio"].x) == 11

    def test_a_plate_that_does_not_turn_is_named(self, measured) -> None:
        procedure, run = measured(turns=False)
        with pytest.raises(AnalysisError, match="Does the plate turn"):
            procedure.reduce(run)

    def test_no_light_is_named(self, measured) -> None:
        procedure, run = measured(highest=1e-9)
        with pytest.raises(AnalysisError, match="Is the emission on"):
            procedure.reduce(run)

    def test_an_offset_of_the_meter_is_noticed(self, measured) -> None:
        """Without the zero, 2 µW too much stand under the minima and break the law."""
        procedure, run = measured()
        run.values["power"] = run["power"] + 2e-6 * np.cos(run["pump.wavelength"] / 3)
        problems = procedure.reduce(run).problems
        assert [problem.field for problem in problems] == ["extinction"]
        assert "zero of the power meter" in problems[0].text
