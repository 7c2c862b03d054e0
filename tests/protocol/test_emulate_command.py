"""`labctl emulate` serves instruments to programs of other people: ready lines, links, sockets, an orderly end."""

from __future__ import annotations

import binascii
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import serial

from sim_instruments.sc10 import EmulatedSC10
from sim_instruments.wire import Unit

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX only")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start() -> Iterator[Start]:
    processes = []

    def run(*words: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "labctl.cli.main", "emulate", *words]
        processes.append(subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True))  # noqa: S603
        return processes[-1]

    yield run
    for process in processes:
        process.kill()
        process.communicate()


def ready(process: subprocess.Popen[str], count: int = 1) -> list[list[str]]:
    assert process.stdout is not None
    return [process.stdout.readline().rstrip("\n").split("\t") for _ in range(count)]


def finish(process: subprocess.Popen[str], expect: int = 0) -> str:
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)
    assert process.returncode == expect, errors
    return errors


def test_two_instruments_on_pseudo_terminals_share_a_folder(start, tmp_path):
    process = start("sc10", "nkt", "--pty", str(tmp_path / "ports"), "--speed", "20")
    lines = ready(process, 2)
    assert lines == [[name, f"pty:{tmp_path / 'ports' / name}"] for name in ("sc10", "nkt")]
    with serial.Serial(lines[0][1].removeprefix("pty:"), 9600, timeout=5) as port:
        port.write(b"ens?\r")
        assert port.read(9) == b"ens?\r0\r> "
    with serial.Serial(lines[1][1].removeprefix("pty:"), 115200, timeout=5) as port:
        for address, kind in ((15, 0x60), (16, 0x68)):
            message = bytes([address, 0xA2, 4, 0x61])
            crc = binascii.crc_hqx(message, 0)
            port.write(b"\r" + message + crc.to_bytes(2, "big") + b"\n")
            assert port.read_until(b"\n")[5] == kind
    finish(process)
    assert list((tmp_path / "ports").iterdir()) == []


def test_one_instrument_on_a_picked_port_keeps_its_state_between_clients(start):
    process = start("keithley2400", "--tcp", "127.0.0.1:0", "--seed", "4")
    [[name, where]] = ready(process)
    kind, host, port = where.split(":")
    assert (name, kind, host) == ("keithley2400", "tcp", "127.0.0.1")
    for question, answer in ((b":SOUR:VOLT 3;:SOUR:VOLT?\n", b"+3.000000E+00\n"), (b":SOUR:VOLT?\n", b"+3.000000E+00\n")):
        with socket.create_connection((host, int(port)), timeout=5) as client:
            client.sendall(question)
            assert client.makefile("rb").readline() == answer
    finish(process)


def test_nothing_is_overwritten_but_a_link_that_was_left_behind(tmp_path):
    from labctl.bench.emulation import serve_pty
    from labctl.core.clock import RealClock
    from labctl.core.errors import Refused

    device = EmulatedSC10([Unit("shutter", "sc10")], clock=RealClock())
    occupied, stale = tmp_path / "notes.txt", tmp_path / "port"
    occupied.write_text("mine")
    stale.symlink_to("/dev/pts/no-longer-there")
    with pytest.raises(Refused, match="exists already"):
        serve_pty(device, occupied)
    assert occupied.read_text() == "mine"
    with serve_pty(device, stale) as server:
        assert str(stale.readlink()) == server.path


@pytest.mark.parametrize(("words", "complaint"), [
    (["keithley2401", "--tcp", "127.0.0.1:0"], "keithley2400"), (["sc10"], "--pty"), (["--tcp", "127.0.0.1:0"], "at least one"),
    (["sc10", "nkt", "--tcp", "127.0.0.1:5025"], "port 0"), (["sc10", "--tcp", "nowhere"], "HOST:PORT")])
def test_refusals(words, complaint, capsys):
    from typer.testing import CliRunner

    from labctl.cli.main import app
    from labctl.core.errors import Refused

    result = CliRunner().invoke(app, ["emulate", *words])
    if isinstance(result.exception, Refused):
        assert complaint in str(result.exception)
    else:
        assert result.exit_code == 2
        assert complaint in result.output


def test_the_list_names_everything():
    from typer.testing import CliRunner

    from labctl.cli.main import app

    lines = CliRunner().invoke(app, ["emulate", "--list"]).output.splitlines()
    assert {line.split("\t")[0] for line in lines} >= {
        "nkt", "elliptec", "k10cr1", "fw102c", "spectrapro", "keithley2400", "keithley2450", "pm100d", "lakeshore336", "sc10",
        "esp301"}


def test_every_device_can_be_made(clock, tmp_path: Path):
    from labctl import api
    from labctl.bench.emulation import SERVED, make_devices
    from sim_instruments.wire import ByteDevice

    config, _, _ = api.load_bench_file("ying2021")
    devices = make_devices(config, list(SERVED), clock)
    assert all(isinstance(device, ByteDevice) for device in devices.values())
    # What the bench has is the bench's own: the shutter that is served is the one in the beam.
    assert devices["sc10"].shutter.role == "shutter"


class TestOnABenchWithEverything:
    """A device is the bench's own where the bench has one, stands in where it has another box for the job, else stands alone."""

    @pytest.fixture
    def devices(self, clock):
        from labctl import api
        from labctl.bench.emulation import make_devices

        config, _, _ = api.load_bench_file(str(Path(__file__).with_name("full_bench.toml")))
        return lambda *names: make_devices(config, names, clock)

    def test_whatever_the_bench_has_is_its_own(self, devices):
        made = devices("k10cr1", "keithley2400", "lakeshore336", "esp301")
        assert made["k10cr1"].plate.role == "analyser"
        assert made["keithley2400"].sample.role == "bias"
        assert made["lakeshore336"].cryostat.role == "cryostat"
        assert made["lakeshore336"].cryostat.sensor_k.position == 4.0
        assert [stage.role for stage in made["esp301"].stages] == ["sample_x", "sample_y", "sample_z"]

    def test_another_box_stands_in_for_the_bench_s(self, devices):
        assert devices("keithley2450")["keithley2450"].sample.role == "bias"

    def test_two_boxes_never_drive_one_thing(self, devices):
        made = devices("keithley2450", "keithley2400")
        assert made["keithley2400"].sample.role == "bias"
        assert made["keithley2450"].sample.role == "keithley2450"


def test_the_instruments_share_one_twin(clock, ask):
    from labctl import api
    from labctl.bench.emulation import make_devices

    config, _, _ = api.load_bench_file("ying2021")
    devices = make_devices(config, ["nkt", "elliptec", "pm100d"], clock)
    for telegram in ("0D06A20590501608004DFD0A", "0D06A205B0F4016E980A"):         # the SELECT: 530 nm, 50 %
        assert ask(devices["nkt"], bytes.fromhex(telegram))
    powers = []
    for pulses in (b"00000000", b"00002300", b"00004600", b"00006900"):          # 0, 22.5, 45 and 67.5 degrees
        ask(devices["elliptec"], b"0ma" + pulses, 2.0)
        clock.wait(5.0)                                                          # the head is a slow one
        powers.append(float(ask(devices["pm100d"], b"SENS:CORR:WAV 530;:MEAS:POW?\n", 1.0)))
    # Malus with the plate's double angle: two angles 45 degrees apart add up to the same, wherever the zero is.
    assert powers[0] + powers[2] == pytest.approx(powers[1] + powers[3], rel=0.05)
    assert max(powers) > 1.5 * min(powers)
