"""`labctl bench new`: boxes are found by asking, whatever port they are on; what is missing is marked."""

from __future__ import annotations

import os
import sys
from contextlib import ExitStack
from pathlib import Path

import pytest
from typer.testing import CliRunner

from labctl.api import load_bench_file
from labctl.bench import discovery
from labctl.bench.config import parse
from labctl.bench.emulation import make_devices, serve_pty
from labctl.cli.main import app
from labctl.core.clock import RealClock

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX only")

SERVED = ("sc10", "elliptec", "fw102c", "spectrapro")


@pytest.fixture
def ports(tmp_path):
    """Serve four instruments of ying2021 on pseudo-terminals, and one that nobody listens on."""
    config, _, _ = load_bench_file("ying2021")
    master, slave = os.openpty()
    with ExitStack() as running:
        found = {}
        for name, device in make_devices(config, SERVED, RealClock(20.0)).items():
            running.enter_context(serve_pty(device, tmp_path / "ports" / name))
            found[name] = str(Path(tmp_path / "ports" / name).resolve())
        found["nobody"] = os.ttyname(slave)
        yield found
    os.close(master)
    os.close(slave)


def test_boxes_are_found_and_gaps_are_marked(ports, tmp_path, monkeypatch):
    monkeypatch.setenv("LABCTL_STATE", str(tmp_path / "state"))
    path = tmp_path / "mine.toml"
    words = [word for port in reversed(ports.values()) for word in ("--port", port)]
    result = CliRunner().invoke(app, ["bench", "new", "mine", "--like", "ying2021", "--out", str(path), *words])
    assert result.exit_code == 0, result.output
    text = path.read_text(encoding="utf-8")
    config = parse(text, "mine")
    assert (config.name, config.backend) == ("mine", "real")
    roles = {"shutter": "sc10", "attenuator": "elliptec", "nd": "fw102c", "spectrograph": "spectrapro"}
    for role, served in roles.items():
        assert config.instruments[role].resource == f"ASRL{ports[served]}::INSTR", role
    assert config.instruments["attenuator"].serial
    for role in ("laser", "filter", "power_meter", "ccd"):
        assert config.instruments[role].resource == "GAP"
    assert "GAP: is this true of your hardware" in text
    assert config.pump is not None
    assert "GAP" in result.output


def test_a_file_is_never_overwritten(tmp_path):
    path = tmp_path / "mine.toml"
    path.write_text("precious")
    result = CliRunner().invoke(app, ["bench", "new", "mine", "--out", str(path)])
    assert result.exit_code != 0
    assert path.read_text() == "precious"


@pytest.mark.parametrize(("port", "resource"), [
    ("/dev/ttyUSB0", "ASRL/dev/ttyUSB0::INSTR"), ("COM7", "ASRL7::INSTR"), ("192.168.1.5:7777", "TCPIP::192.168.1.5::7777::SOCKET"),
    ("GPIB0::24::INSTR", "GPIB0::24::INSTR"), ("sdk:0", "sdk:0")])
def test_names_of_ports(port, resource):
    assert discovery.as_resource(port) == resource
