"""Emulators behind a pseudo-terminal and a TCP socket: the same bytes, the state kept, a clean end."""

import os
import select
import socket
import sys
import threading

import pytest

from labctl.core.clock import RealClock, VirtualClock
from sim_instruments.fw102c import EmulatedFW102C
from sim_instruments.serve import PtyServer, TcpServer
from sim_instruments.wire import Unit

PATIENCE_S = 10.0    # a watchdog: never reached unless something is broken

posix = pytest.mark.skipif(sys.platform == "win32", reason="pseudo-terminals are POSIX only")


@pytest.fixture
def device():
    return EmulatedFW102C([Unit("wheel", "filter_wheel")], clock=RealClock(speed=100))


def receive(read, descriptor, size):
    data = b""
    while len(data) < size and select.select([descriptor], [], [], PATIENCE_S)[0]:
        chunk = read(size - len(data))
        if not chunk:
            break
        data += chunk
    return data


class TestTcp:
    def connect(self, server):
        return socket.create_connection((server.host, server.port), timeout=PATIENCE_S)

    def talk(self, client, text, size):
        client.sendall(text)
        return receive(client.recv, client, size)

    def test_answers_and_keeps_its_state_over_clients(self, device):
        with TcpServer(device) as server:
            assert server.host == "127.0.0.1"
            with self.connect(server) as client:
                assert self.talk(client, b"pos=3\r", 8) == b"pos=3\r> "
                client.sendall(b"half a l")
            with self.connect(server) as client:
                assert self.talk(client, b"pos?\r", 9) == b"pos?\r3\r> "

    def test_a_second_client_finds_the_port_taken(self, device):
        with TcpServer(device) as server, self.connect(server) as first:
            assert self.talk(first, b"\r", 3) == b"\r> "
            with self.connect(server) as second:
                assert second.recv(1) == b""
            assert self.talk(first, b"\r", 3) == b"\r> "

    def test_pulling_the_cable_ends_the_connection(self, device):
        with TcpServer(device) as server, self.connect(server) as client:
            assert self.talk(client, b"\r", 3) == b"\r> "
            device.unplug()
            assert client.recv(1) == b""

    def test_a_large_answer_arrives_whole(self, device):
        with TcpServer(device) as server, self.connect(server) as client:
            assert self.talk(client, b"\r", 3) == b"\r> "
            device.send(bytes(range(256)) * 4096)
            assert receive(client.recv, client, 1 << 20) == bytes(range(256)) * 4096

    def test_stopping_frees_port_thread_and_device(self, device):
        server = TcpServer(device).start()
        port = server.port
        server.stop()
        server.stop()
        assert not [thread for thread in threading.enumerate() if thread.name.startswith("serve")]
        assert device.listeners == []
        with TcpServer(device, port=port):
            pass


@posix
class TestPty:
    def test_answers_under_a_name_that_stays_the_same(self, device, tmp_path):
        link = tmp_path / "ttyWheel"
        with PtyServer(device, link) as server:
            assert link.resolve().samefile(server.path)
            for text, answer in ((b"pos=2\r", b"pos=2\r> "), (b"pos?\r", b"pos?\r2\r> ")):
                port = os.open(link, os.O_RDWR | os.O_NOCTTY)
                os.write(port, text)
                assert receive(lambda size, port=port: os.read(port, size), port, len(answer)) == answer
                os.close(port)
        assert not link.is_symlink()

    def test_bytes_pass_unchanged_both_ways(self, device):
        seen, complete = bytearray(), threading.Event()

        def note(data):
            seen.extend(data)
            if len(seen) == 256:
                complete.set()

        device.receive = note
        everything = bytes(range(256))
        with PtyServer(device) as server:
            port = os.open(server.path, os.O_RDWR | os.O_NOCTTY)
            device.send(everything * 64)
            os.write(port, everything)
            assert receive(lambda size: os.read(port, size), port, 256 * 64) == everything * 64
            assert complete.wait(PATIENCE_S)
            os.close(port)
        assert seen == everything


def test_virtual_time_cannot_be_served():
    with pytest.raises(ValueError, match="virtual time"):
        TcpServer(EmulatedFW102C([Unit("wheel", "filter_wheel")], clock=VirtualClock()))


def test_one_device_is_served_once(device):
    with TcpServer(device), pytest.raises(ValueError, match="in use"):
        TcpServer(device)
