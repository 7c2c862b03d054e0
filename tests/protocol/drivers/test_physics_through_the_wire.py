"""What a driver sets arrives in the light, and what the light does is read back: drivers, bytes, emulators and twin together."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from drivers.keithley_bias import ComplianceReached
from labctl import api
from labctl.bench import connect
from labctl.bench.spectrum import nominal
from labctl.core import registry
from labctl.core.clock import VirtualClock
from labctl.store.filters import transmission

FULL_BENCH = Path(__file__).parents[1] / "full_bench.toml"
STEP_DEG = 3 / 409600                    # of a K10CR1
HEAD_SETTLES_S = 6.0                     # twelve response times
PUMP_NM = 515.0


class Wires:
    """The full bench without engine and lanes: drivers by role on their emulators, and the twin to look behind them."""

    def __init__(self, clock: VirtualClock, *, options: dict[str, dict[str, Any]] | None = None, **twin: Any):
        config, _, _ = api.load_bench_file(str(FULL_BENCH))
        assert config.twin is not None
        instruments = {role: instrument.model_copy(update={"options": instrument.options | (options or {}).get(role, {})})
                       for role, instrument in config.instruments.items()}
        self.config = config.model_copy(update={"twin": config.twin.model_copy(update=twin), "instruments": instruments})
        self.clock, self.world = clock, connect.World(self.config, clock)
        self.twin = self.world.twin
        self._drivers: dict[str, Any] = {}
        self._ports: dict[str, Any] = {}

    def __getitem__(self, role: str) -> Any:
        """Give the driver of a role, opened and identified on first use."""
        if role not in self._drivers:
            instrument = self.config.instruments[role]
            driver = registry.find("driver", instrument.driver)
            if instrument.resource not in self._ports:
                self._ports[instrument.resource] = connect.open_connection(
                    driver, instrument.resource, [role], clock=self.clock, config=self.config, world=self.world, operator=None)
            made = connect.make_driver(driver, self._ports[instrument.resource], role, instrument, self.clock)
            made.identify()
            self._drivers[role] = made
        return self._drivers[role]

    def move(self, role: str, value: float, start: str = "start_move", within_s: float = 300.0) -> float:
        """Move and wait; gives the seconds it took."""
        driver, begun = self[role], self.clock.now()
        getattr(driver, start)(value)
        while driver.moving:
            assert self.clock.now() < begun + within_s, f"{role} does not arrive"
            self.clock.wait(0.05)
        return self.clock.now() - begun

    def light_up(self, wavelength_nm: float = PUMP_NM) -> None:
        """Let the pump reach the power head, and tell the head its wavelength."""
        self["laser"].start_level(50.0)
        self["filter"].start_centre(wavelength_nm)
        self["power_meter"].wavelength = wavelength_nm
        self["power_meter"].configure()

    def zero_head(self) -> None:
        """Zero the power head behind the filter that lets nothing through."""
        self.move("nd", 6)
        self.clock.wait(HEAD_SETTLES_S)
        self["power_meter"].start_zero()
        while self["power_meter"].zeroing:
            self.clock.wait(0.1)
        self.move("nd", 1)

    def power(self) -> float:
        """Read the head once it has followed the light."""
        self.clock.wait(HEAD_SETTLES_S)
        return self["power_meter"].power


Wire = Callable[..., Wires]


@pytest.fixture
def wires(clock) -> Wire:
    return lambda **changes: Wires(clock, **changes)


class TestAnalyser:
    def test_the_mount_turns_the_analyser_of_the_twin_within_its_step(self, wires):
        wired = wires()
        analyser = wired.twin.element("analyser")
        for angle in (33.333, -12.5, 181.0):
            wired.move("analyser", angle)
            assert analyser.angle.position == pytest.approx(angle, abs=STEP_DEG)
            assert wired["analyser"].angle == pytest.approx(analyser.angle.position, abs=STEP_DEG)


class TestAttenuator:
    def test_the_power_meter_follows_the_hidden_law_of_the_plate(self, wires):
        wired = wires()
        wired.light_up()
        wired.zero_head()
        angles = np.arange(0.0, 90.0, 7.5)
        powers = []
        for angle in angles:
            wired.move("attenuator", angle)
            powers.append(wired.power())
        truth = {name: wired.twin.truth()[f"attenuator.{name}"]["value"]
                 for name in ("offset_deg", "extinction", "plate_wavelength_nm")}
        retarded = np.sin(np.pi * truth["plate_wavelength_nm"] / (2.0 * PUMP_NM)) ** 2
        expected = truth["extinction"] + (1.0 - truth["extinction"]) * (
            1.0 - np.sin(2.0 * np.radians(angles - truth["offset_deg"])) ** 2 * retarded)
        scale = float(expected @ powers / (expected @ expected))
        assert np.abs(np.array(powers) / scale - expected).max() < 0.01
        # Malus: the phase of the fourth harmonic is the offset that nobody typed in.
        phase = np.angle(np.sum(np.array(powers) * np.exp(4j * np.radians(angles))))
        assert np.degrees(phase) / 4.0 == pytest.approx(truth["offset_deg"], abs=0.2)


class TestFilterWheel:
    def test_each_filter_dims_by_its_measured_factor(self, wires):
        wired = wires(ideal=True)
        wired.light_up()
        wired.zero_head()
        whole = wired.power()
        for slot, dimmed in ((2, 0.5), (3, 0.1), (4, 0.01)):
            wired.move("nd", slot)
            assert wired.power() == pytest.approx(dimmed * whole, rel=0.003, abs=5e-9)
        wired.move("nd", 6)
        assert abs(wired.power()) < 10e-9                                       # ten standard errors of the head


class TestBias:
    """The film of Qin et al.: leakage of 20 MΩ and space-charge limited transport."""

    LAW = staticmethod(lambda volts: volts / 20e6 + 5e-9 * volts**2)

    def test_the_source_meter_draws_the_current_of_the_film(self, wires):
        wired = wires(sample="qin2021", options={"bias": {"compliance_a": 1e-5}})
        for volts in (2.0, 8.0, 20.0):
            wired.move("bias", volts)
            assert wired["bias"].voltage == pytest.approx(volts, abs=1e-3)
            assert wired["bias"].current == pytest.approx(self.LAW(volts), rel=0.02)
        assert wired.twin.element("bias").volts() == pytest.approx(20.0, abs=1e-3)
        wired["bias"].park()
        wired.clock.wait(1.0)
        assert wired.twin.element("bias").volts() == pytest.approx(0.0, abs=1e-3)

    def test_the_compliance_clamps_the_current_and_the_voltage_sags(self, wires):
        wired = wires(sample="qin2021", options={"bias": {"compliance_a": 1e-6}})
        with pytest.raises(ComplianceReached, match="1e-06 A"):
            wired.move("bias", 20.0)
        wired.clock.wait(1.0)
        volts = wired.twin.element("bias").volts()
        assert wired["bias"].current == pytest.approx(1e-6, rel=0.01)
        assert self.LAW(volts) == pytest.approx(1e-6, rel=1e-3)
        assert volts < 11.0


class TestCryostat:
    def test_a_ramp_takes_its_time_and_the_sample_follows_later(self, wires):
        wired = wires()
        cryostat = wired.twin.element("cryostat")
        wired["cryostat"].start_move(34.0)
        begun, middle = wired.clock.now(), None
        while wired["cryostat"].moving:
            wired.clock.wait(0.5)
            if middle is None and wired.clock.now() >= begun + 150.0:
                middle = wired["cryostat"].temperature
                assert cryostat.sample_k < middle - 5.0                        # behind by 120 s, of which 150 have passed
        assert wired.clock.now() - begun == pytest.approx(300.0, abs=2.0)      # 30 K at 6 K/min
        assert middle == pytest.approx(19.0, abs=1.0)
        wired.clock.wait(1200.0)
        assert wired["cryostat"].temperature == pytest.approx(34.0, abs=0.05)
        assert cryostat.sample_k == pytest.approx(34.0, abs=0.05)


class TestStages:
    def test_the_controller_moves_the_sample_in_the_twin(self, wires):
        wired = wires()
        for role, axis, target in (("sample_x", "x", 0.25), ("sample_y", "y", -0.125)):
            wired[role].start_home()
            while wired[role].moving:
                wired.clock.wait(0.1)
            wired.move(role, target)
            assert wired.twin.element(role).axes[axis].position == pytest.approx(target, abs=1e-4)


def counts(wired: Wires, exposure_s: float) -> tuple[np.ndarray, float]:
    """Take a frame; gives counts and electrons per second and count."""
    camera = wired["ccd"]
    granted = camera.configure(exposure_s)
    camera.expose()
    wired.clock.wait(exposure_s)
    while camera.exposing:
        wired.clock.wait(0.01)
    data = camera.fetch()
    assert data["flags"] == ()
    return data["counts"].astype(float), granted["gain_e_per_count"] / granted["effective_exposure_s"]


def passed(wired: Wires) -> np.ndarray:
    """Give what the wheels of the detection let through at every pixel, by the bench file, as a run divides by it."""
    geometry = wired.config.detection.spectrograph
    assert geometry is not None
    pixels = nominal(geometry, 1200.0).columns(wired["spectrograph"].centre, 1024, geometry.pixel_um)
    slots = {role: np.array([float(wired[role].slot)]) for role in ("detection_filter", "detection_nd")}
    described = {role: [slot.as_json() for slot in wired.config.detection.filters[role]] for role in slots}
    return transmission(described, slots, pixels)[0]


def normalised(wired: Wires, exposure_s: float) -> float:
    """Give electrons per second in the columns of the emission, dark frame subtracted, filters divided out."""
    wired["shutter"].close()
    wired.clock.wait(0.1)
    dark, _ = counts(wired, exposure_s)
    wired["shutter"].open()
    wired.clock.wait(0.1)
    light, scale = counts(wired, exposure_s)
    wired["shutter"].close()
    return float(((light - dark) / passed(wired))[:200].sum()) * scale


class TestNormalisedSignal:
    """Changing exposure, gain, accumulations or a filter moves no normalised signal by more than 0.5 %."""

    @pytest.fixture
    def lit(self, wires):
        def make(slot: int = 3, **camera: Any) -> Wires:
            """Pump at 518 nm: below the frame, so that no pump light saturates its edge."""
            wired = wires(ideal=True, options={"ccd": camera, "power_meter": {"averages": 3000}})
            wired.light_up(518.0)
            wired["spectrograph"].start_centre(557.0)
            while wired["spectrograph"].moving:
                wired.clock.wait(0.1)
            while wired["ccd"].not_ready():
                wired.clock.wait(2.0)
            wired.move("nd", slot)
            return wired

        return make

    def test_exposure_gain_and_readout_speed(self, lit):
        reference = normalised(lit(), 4.0)
        assert reference > 1e5                                                 # shot noise of a frame: 0.1 %
        for camera, exposure_s in (({}, 2.0), ({}, 8.0), ({"preamp": 1}, 4.0), ({"preamp": 2}, 2.0), ({"hs_speed": 2}, 4.0)):
            assert normalised(lit(**camera), exposure_s) == pytest.approx(reference, rel=0.005), (camera, exposure_s)

    def test_accumulations(self, lit):
        assert normalised(lit(accumulations=4), 3.0) == pytest.approx(normalised(lit(), 6.0), rel=0.005)

    def test_filters_in_the_detection(self, lit):
        wired = lit()
        reference = normalised(wired, 4.0)
        for filter_slot, nd_slot, exposure_s in ((2, 1, 4.0), (3, 1, 4.0), (1, 2, 8.0), (3, 3, 30.0)):
            wired.move("detection_filter", filter_slot)
            wired.move("detection_nd", nd_slot)
            assert normalised(wired, exposure_s) == pytest.approx(reference, rel=0.005), (filter_slot, nd_slot)
        wired.move("detection_filter", 4)                                      # blocked
        wired["shutter"].open()
        light, _ = counts(wired, 4.0)
        wired["shutter"].close()
        dark, _ = counts(wired, 4.0)
        assert abs((light - dark)[:200].sum()) < 5 * 22.0 / 10.0 * np.sqrt(2 * 200)     # read noise only

    def test_filter_in_the_pump_at_equal_power(self, lit):
        """At 4 K the film amplifies already here: only at equal power may two filters be compared."""
        per_watt = []
        for slot, angle in ((4, 0.0), (3, 35.78)):
            wired = lit(slot)
            wired.move("attenuator", angle)
            power = wired.power()
            assert power == pytest.approx(0.5e-6, rel=0.05)
            per_watt.append(normalised(wired, 300.0) / power)
        assert per_watt[1] == pytest.approx(per_watt[0], rel=0.005)
