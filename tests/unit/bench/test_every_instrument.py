"""A bench with every instrument: each under the name of its quantity, moved and read through the bench, felt by the twin."""

from __future__ import annotations

import pytest

from labctl.bench.config import BenchConfig, Filter, parse
from labctl.bench.opening import open_bench
from labctl.core.clock import VirtualClock
from labctl.core.errors import AnalysisError, ConfigError
from labctl.core.steps import drive

BENCH = """
schema = 1
name = "everything"
backend = "simulated"

[twin]
sample = "ying2021"
seed = 5

[twin.elements]
opa = {kind = "opa", wavelength_nm = 505.0, pulse_energy_j = 1e-9}
shutter = {kind = "shutter"}
sample = {kind = "sample"}
analyser = {kind = "analyser"}
detection_nd = {kind = "filter_wheel"}
bias = {kind = "bias"}
cryostat = {kind = "cryostat"}
stage_x = {kind = "stages", axes = ["x"]}
stripe = {kind = "stages", axes = ["stripe"]}
delay = {kind = "stages", axes = ["delay"]}
tcspc = {kind = "counter"}

[beam]
path = ["opa", "shutter", "sample", "analyser"]

[detection.filters]
detection_nd = [1.0, {name = "ND1", wavelength_nm = [450.0, 550.0], transmission = [0.12, 0.10]}, 0.01]

[instruments.opa]
driver = "manual"
resource = "manual:opa"
options = {label = "OPA", axes = {wavelength = {unit = "nm", limits = [480, 2600]}}}

[instruments.shutter]
driver = "sc10"
resource = "ASRL1::INSTR"

[instruments.analyser]
driver = "k10cr1"
resource = "ASRL2::INSTR"

[instruments.detection_nd]
driver = "filter_wheel"
resource = "ASRL3::INSTR"

[instruments.bias]
driver = "keithley2450"
resource = "TCPIP::127.0.0.1::5025::SOCKET"

[instruments.cryostat]
driver = "lakeshore336"
resource = "TCPIP::127.0.0.1::7777::SOCKET"
options = {ramp_k_min = 10.0, heater_range = "high"}
settle = {tolerance = 0.1, n = 3, timeout_s = 3600.0}

[instruments.stage_x]
driver = "esp301"
resource = "ASRL5::INSTR"
options = {axis = 1}

[instruments.stripe]
driver = "esp301"
resource = "ASRL5::INSTR"
options = {axis = 2, kind = "slit"}

[instruments.delay]
driver = "esp301"
resource = "ASRL5::INSTR"
options = {axis = 3, kind = "delay"}

[instruments.tcspc]
driver = "picoharp"
resource = "sdk:0"
options = {sync_divider = 1, bins = 4096}
"""


@pytest.fixture
def bench():
    opened, problems = open_bench(parse(BENCH, "everything"), BENCH, VirtualClock())
    assert problems == []
    with opened:
        yield opened


class TestQuantities:
    def test_each_has_its_name_and_unit(self, bench):
        wanted = {"analyser.angle": "deg", "bias.voltage": "V", "sample.temperature": "K", "sample.x": "mm", "stripe.length": "mm",
                  "delay.time": "ps", "detection.nd": "", "opa.wavelength": "nm"}
        assert {name: bench.axes[name].unit for name in wanted} == wanted
        assert set(bench.detectors) >= {"current", "histogram"}

    @pytest.mark.parametrize(("name", "value", "tolerance"), [
        ("analyser.angle", 30.0, 0.001), ("bias.voltage", 2.0, 0.02), ("sample.x", 1.5, 1e-3), ("stripe.length", 0.8, 1e-3),
        ("delay.time", 10.0, 0.01), ("opa.wavelength", 520.0, 0.0), ("sample.temperature", 12.0, 0.12)])
    def test_moves(self, bench, name, value, tolerance):
        bench.move({name: value})
        assert bench.read(name) == pytest.approx(value, abs=tolerance)

    def test_the_twin_follows(self, bench):
        bench.move({"analyser.angle": 30.0, "bias.voltage": 2.0, "sample.x": 1.5, "opa.wavelength": 520.0})
        twin = bench.twin
        assert twin.element("analyser").angle.position == pytest.approx(30.0, abs=1e-3)
        assert twin.element("bias").volts() == pytest.approx(2.0, abs=0.02)
        assert twin.element("stage_x").axes["x"].position == pytest.approx(1.5, abs=1e-3)
        assert twin.element("opa").wavelength_nm == 520.0

    def test_a_filter_says_what_it_lets_through(self, bench):
        assert bench.move({"detection.nd": 2.0})["detection.nd_measured"] == 2.0
        measured = drive(bench.clock, bench.axes["detection.nd"].move(2.0, {"emission.centre": 500.0}))
        assert measured["detection.nd_transmission"] == pytest.approx(0.11)
        assert [p.text for p in bench.axes["detection.nd"].check(4.0, {})] == [
            "the bench file describes 3 filters of detection_nd, not a slot 4. Describe it there, or choose another."]


class TestDetectors:
    def test_a_histogram_has_its_delays(self, bench):
        histogram = bench.detectors["histogram"]
        drive(bench.clock, histogram.configure(0.2))
        (channel,) = histogram.channels()
        assert (channel.dims, channel.shape) == (("time_delay",), (4096,))
        assert channel.coords["time_delay"].values[-1] == pytest.approx(4095 * 4e-3)
        drive(bench.clock, histogram.expose())
        arrays, scalars, _ = drive(bench.clock, histogram.fetch())
        assert arrays["histogram"].shape == (4096,)
        assert scalars["counting_time"] == pytest.approx(0.2, abs=1e-3)

    def test_the_current_of_the_biased_sample(self, bench):
        bench.move({"bias.voltage": 2.0})
        current = bench.detectors["current"]
        drive(bench.clock, current.configure(0.0))
        drive(bench.clock, current.expose())
        _, scalars, _ = drive(bench.clock, current.fetch())
        assert scalars["voltage"] == pytest.approx(2.0, abs=0.02)
        assert scalars["current"] == pytest.approx(bench.twin.element("bias").amps(), abs=1e-8)


class TestRepetitionRate:
    def said(self, rate: str) -> list[str]:
        text = BENCH.replace("[beam]", f'[pump]\nspot = {{diameter_um = 1.2}}\nrepetition_rate = {rate}\n\n[beam]')
        opened, _ = open_bench(parse(text, "everything"), text, VirtualClock())
        reports: list[str] = []
        with opened:
            drive(opened.clock, opened.prepare(reports.append))
        return reports

    def test_the_sync_confirms_it(self):
        assert self.said("1e3") == []

    def test_a_wrong_one_is_said(self):
        (text,) = self.said("78e6")
        assert text.startswith("tcspc: its sync counts 1000 pulses a second, the fluence is computed with 7.8e+07.")


class TestLevels:
    def test_park_leaves_the_bias_off_and_the_temperature_alone(self, bench):
        bench.move({"bias.voltage": 2.0})
        setpoint = bench.devices["cryostat"].driver.setpoint
        assert bench.run_level("park") == []
        assert not bench.devices["bias"].driver.output_on
        assert bench.devices["cryostat"].driver.setpoint == setpoint

    def test_shutdown_reaches_everything(self, bench):
        assert bench.run_level("shutdown") == []
        assert bench.devices["cryostat"].driver.heater_range == "off"
        assert bench.twin.element("opa").emission is False

    def test_the_snapshot_has_everything(self, bench):
        found = drive(bench.clock, bench.snapshot())
        assert {role for role, entry in found.items() if "settings" not in entry} == set()


class TestFilters:
    def test_between_measured_wavelengths(self):
        measured = Filter(wavelength_nm=[400.0, 500.0, 600.0], transmission=[0.1, 0.2, 0.1])
        assert [measured.at(at) for at in (400.0, 450.0, 600.0)] == pytest.approx([0.1, 0.15, 0.1])
        assert Filter(transmission=0.5).at(1e4) == 0.5

    def test_not_outside(self):
        with pytest.raises(AnalysisError, match="ND1 was measured from 400 to 500 nm, not at 650 nm"):
            Filter(name="ND1", wavelength_nm=[400.0, 500.0], transmission=[0.1, 0.2]).at(650.0)

    @pytest.mark.parametrize("slots", [
        '[{transmission = 1.5}]', '[{transmission = [0.1, 0.2]}]', '[{wavelength_nm = [500], transmission = 0.1}]',
        '[{transmission = []}]', '[{wavelength_nm = [500, 400], transmission = [0.1, 0.2]}]', "[-0.1]"])
    def test_nonsense_is_refused(self, slots):
        with pytest.raises(ConfigError, match=r"detection\.filters"):
            parse(BENCH.replace('detection_nd = [1.0, {name', f"other = {slots}\ndetection_nd = [1.0, {{name"), "bad")

    def test_a_number_is_a_filter(self):
        config: BenchConfig = parse(BENCH, "everything")
        assert config.detection.filters["detection_nd"][2] == Filter(transmission=0.01)
