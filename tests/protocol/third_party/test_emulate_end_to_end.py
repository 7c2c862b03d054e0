"""Every device of `labctl emulate --list`, served by the command itself and driven by a program of somebody else."""

from __future__ import annotations

import asyncio
import contextlib
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import serial
from lakeshore import Model336
from pylablib.devices import NKT, Thorlabs
from pymeasure.adapters import VISAAdapter
from pymeasure.instruments.keithley import Keithley2400, Keithley2450
from pymeasure.instruments.newport import ESP300
from pymeasure.instruments.thorlabs import ThorlabsPM100USB

ON_PTY = ("nkt", "elliptec", "k10cr1", "fw102c", "spectrapro", "sc10", "esp301")
ON_TCP = ("keithley2400", "keithley2450", "pm100d", "lakeshore336")
STEP_DEG = 3 / 409600

pytestmark = [pytest.mark.usefixtures("no_modem_lines"),
              pytest.mark.filterwarnings("ignore:It is not known whether this device:FutureWarning")]


def start(*words: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "labctl.cli.main", "emulate", *words, "--speed", "50"]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)  # noqa: S603


def finish(process: subprocess.Popen[str]) -> None:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == 0, errors


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, str]]:
    """Give where each device is, from the ready lines; at the end the command has to leave with 0."""
    folder = tmp_path_factory.mktemp("bench") / "ports"
    processes = [start(*ON_PTY, "--pty", str(folder)), start(*ON_TCP, "--tcp", "127.0.0.1:0")]
    try:
        lines = []
        for process, names in zip(processes, (ON_PTY, ON_TCP), strict=True):
            assert process.stdout is not None
            lines += [process.stdout.readline().rstrip("\n").split("\t") for _ in names]
        yield dict(lines)
        for process in processes:
            finish(process)
        assert not any(folder.iterdir())
    finally:
        for process in processes:
            process.kill()
            process.communicate()


@pytest.fixture
def port(served):
    """Give the path of a served serial port."""
    return lambda name: served[name].removeprefix("pty:")


@pytest.fixture
def visa(served):
    """Open a pymeasure adapter to a served device, on its socket or its serial port."""
    with contextlib.ExitStack() as opened:
        def open_adapter(name: str, ending: str = "\n", command_end: str = "\n") -> VISAAdapter:
            kind, _, where = served[name].partition(":")
            resource = f"ASRL{where}::INSTR" if kind == "pty" else "TCPIP::{}::{}::SOCKET".format(*where.split(":"))
            ends = {"read_termination": ending, "write_termination": command_end}
            adapter = VISAAdapter(resource, visa_library="@py", timeout=5000, **ends)
            opened.callback(adapter.close)
            return adapter

        yield open_adapter


def test_everything_on_the_list_is_here(served):
    listed = subprocess.run([sys.executable, "-m", "labctl.cli.main", "emulate", "--list"],
                            capture_output=True, text=True, check=True).stdout
    assert sorted(line.split("\t")[0] for line in listed.splitlines()) == sorted(served)


def test_nkt_bus_by_pylablib(port, open_client):
    system = open_client(NKT.InterbusSystem, port("nkt"), modules=[6, 15, 16])
    assert {address: module.dtype for address, module in system.m.items()} == {6: 0x66, 15: 0x60, 16: 0x68}
    system.m[15].set_register("power", 45.5)
    assert system.m[15].get_register("power") == pytest.approx(45.5)
    assert system.ib_set_reg(16, 0x33, 5386, "u16") == 5386


def test_elliptec_mount_by_pylablib(port, open_client):
    motor = open_client(Thorlabs.ElliptecMotor, port("elliptec"), addrs=[0])
    assert motor.move_to(45.0, addr=0)
    assert motor.get_position(addr=0) == pytest.approx(45.0, abs=360 / 143360)


def test_k10cr1_by_pylablib(port, open_client, tmp_path, monkeypatch):
    # Whatever is not called tty... the driver takes for the serial number of a USB chip.
    monkeypatch.chdir(tmp_path)
    Path("ttyK10").symlink_to(port("k10cr1"))
    motor = open_client(Thorlabs.KinesisMotor, "ttyK10", scale="stage")
    motor.move_to(30.0)
    motor.wait_move(timeout=10.0)
    assert motor.get_position() == pytest.approx(30.0, abs=2 * STEP_DEG)


def test_filter_wheel_by_pylablib(port, open_client):
    wheel = open_client(Thorlabs.FW, port("fw102c"))
    assert wheel.set_position(4) == 4


def test_shutter_controller_by_hand(port):
    """Nobody's package for it can be installed beside the others; the manual's own examples, typed into a terminal."""
    with serial.Serial(port("sc10"), 9600, timeout=5) as terminal:
        for typed, shown in ((b"open=250\r", b"open=250\r> "), (b"mode=9\r", b"mode=9\rCMD_ARG_INVALID\r> "),
                             (b"ens\r", b"ens\r> "), (b"ens?\r", b"ens?\r1\r> ")):
            terminal.write(typed)
            assert terminal.read(len(shown)) == shown


def test_esp301_by_pymeasure(visa):
    stage = ESP300(visa("esp301", "\r\n", "\r"))
    stage.x.enable()
    stage.x.home()
    stage.x.wait_for_stop(interval=0.01)
    stage.x.position = -2.5
    stage.x.wait_for_stop(interval=0.01)
    assert stage.x.position == -2.5
    assert stage.errors == []


def test_keithley2400_by_pymeasure(visa):
    meter = Keithley2400(visa("keithley2400"))
    meter.compliance_current = 0.01
    meter.source_voltage = 2
    meter.source_enabled = True
    assert 0.0 < meter.current <= 0.01
    meter.source_enabled = False
    assert meter.check_errors() == []


def test_keithley2450_by_pymeasure(visa):
    meter = Keithley2450(visa("keithley2450"))
    meter.apply_voltage(voltage_range=20, compliance_current=0.01)
    meter.source_voltage = 2
    meter.enable_source()
    meter.measure_current()
    assert 0.0 < meter.current <= 0.01
    meter.disable_source()
    assert meter.check_errors() == []


def test_power_meter_by_pymeasure(visa):
    meter = ThorlabsPM100USB(visa("pm100d"))
    meter.wavelength = 515
    assert meter.wavelength == 515.0
    assert abs(meter.power) < 1e-3
    assert meter.check_errors() == []


def test_temperature_controller_by_its_makers_package(served):
    _, host, number = served["lakeshore336"].split(":")
    with Model336(ip_address=host, tcp_port=int(number)) as controller:
        assert controller.model_number == "MODEL336"
        controller.set_control_setpoint(1, 77.0)
        assert controller.get_control_setpoint(1) == pytest.approx(77.0)
        assert controller.get_kelvin_reading("A") > 0.0


def test_spectrograph_by_yaqd_acton(port, tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    from yaqd_acton._acton_sp2300i import ActonSP2300i

    async def tune() -> tuple[float, str]:
        config = {"serial_port": port("spectrapro"), "baud_rate": 9600, "port": 0, "limits": [0, 1400], "out_of_limits": "closest"}
        daemon = ActonSP2300i("spectrograph", config, tmp_path / "config.toml")
        daemon.set_position(540.25)
        give_up = asyncio.get_running_loop().time() + 10.0
        while daemon.busy() and asyncio.get_running_loop().time() < give_up:
            await asyncio.sleep(0.05)
        turret = daemon.get_turret()
        for task in asyncio.all_tasks() - {asyncio.current_task()}:
            task.cancel()
        daemon.close()
        return daemon.get_position(), turret

    position, turret = asyncio.run(tune())
    assert position == pytest.approx(540.25, abs=0.001)
    assert turret == "1200 g/mm, 500 nm blaze"
