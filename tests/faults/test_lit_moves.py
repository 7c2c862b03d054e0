"""The pump never moves while the sample is lit: whatever the mount does, the sample sees no more than the plan's maximum."""

from __future__ import annotations

import numpy as np
import pytest

from labctl import api
from labctl.core.errors import InstrumentError
from labctl.core.plan import Point
from labctl.core.steps import drive
from labctl.engine.exposing import Visit
from labctl.engine.visit import Visitor

MOVES = 300
FAULTY = 0.07           # of the moves go to 0, where this attenuator is wide open


@pytest.fixture
def bench():
    """The bench ying2021 without its power meter, which the claim does not need and which follows every move in small steps."""
    config, text, _ = api.load_bench_file("ying2021")
    assert config.twin is not None
    elements = {role: options for role, options in config.twin.elements.items() if role != "power_meter"}
    config = config.model_copy(update={
        "twin": config.twin.model_copy(update={"elements": elements}),
        "instruments": {role: told for role, told in config.instruments.items() if role != "power_meter"}})
    with api.open_config(config, text) as opened:
        drive(opened.clock, opened.prepare(lambda text: None))
        opened.move({"pump.wavelength": 520.0})
        yield opened


def brightest(bench, angles):
    """Give the largest fluence that any of the planned angles gives, J/cm² (the twin is asked, nothing is lit)."""
    plate, shutter = bench.twin.element("attenuator").angle, bench.twin.element("shutter").opening
    found = []
    for angle in angles:
        plate.move(angle)
        shutter.move(1.0)
        found.append(bench.twin.fluence_now())
        shutter.move(0.0)
    return max(found)


def test_row58_a_mount_that_goes_to_zero_never_lights_the_sample(bench):
    random = np.random.default_rng(17)
    dark_angle = 45.0 + bench.truth()["attenuator.offset_deg"]["value"]
    angles = dark_angle + random.uniform(-12.0, 12.0, MOVES)
    limit = brightest(bench, angles[np.argsort(np.abs(angles - dark_angle))][-3:])
    bench.twin.sample_port.fluence_max_j_cm2 = 0.0
    (mount,) = bench.emulator("attenuator").mounts
    visitor = Visitor(bench, lambda: None, lambda text: None)
    gone_wrong = failed = 0
    for index, angle in enumerate(angles):
        mount.goes_to_zero = "always" if random.random() < FAULTY else ""
        gone_wrong += bool(mount.goes_to_zero)
        point = Point(set={"attenuator.angle": float(angle)}, exposure_s=1e-3)
        try:
            drive(bench.clock, visitor.visit(Visit(index, point), 0.0))
        except InstrumentError:
            failed += 1
        assert bench.twin.element("shutter").closed
    port = bench.twin.sample_port
    assert gone_wrong > 15
    assert failed == gone_wrong, "a move that ends elsewhere must never count as done"
    assert port.lit_seconds > 0.5 * MOVES * 1e-3
    assert 0.0 < port.fluence_max_j_cm2 <= 1.06 * limit     # 1 % pulse jitter and 0.5 % drift above the quiet beam
    plate = bench.twin.element("attenuator").angle
    plate.move(0.0)
    bench.twin.element("shutter").opening.move(1.0)
    assert bench.twin.fluence_now() > 3 * limit, "the fault would have been seen"
