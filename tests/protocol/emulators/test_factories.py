"""Every registered emulator of a byte device can be made the one way the bench makes them, and served alone."""

from importlib.metadata import entry_points

import pytest

from sim_instruments.wire import ByteDevice, Unit

BYTE_DEVICES = [entry for entry in entry_points(group="labctl.emulators") if entry.name not in ("andor", "picoharp", "manual")]


@pytest.mark.parametrize("entry", BYTE_DEVICES, ids=lambda entry: entry.name)
def test_made_from_units_alone(entry, clock):
    device = entry.load()([Unit("role", entry.name)], twin=None, clock=clock, seed=1)
    assert isinstance(device, ByteDevice)


def test_all_of_them_are_registered():
    names = {entry.name for entry in BYTE_DEVICES}
    assert names >= {"superk_laser", "superk_select", "superk_varia", "elliptec", "filter_wheel", "sc10", "pm100d", "spectrapro",
                     "k10cr1", "keithley2400", "keithley2450", "lakeshore336", "lakeshore335", "esp301"}
