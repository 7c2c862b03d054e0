"""Serve an emulator to other people's programs: behind a pseudo-terminal (serial) or a TCP socket.

One background thread per server moves bytes between the outside and the device core. The device keeps its state when a client
leaves; a second client sees what the first one left. Needs a real clock: nobody outside lives in virtual time.
"""

from __future__ import annotations

import contextlib
import os
import selectors
import socket
import threading
from pathlib import Path
from typing import Any, Self

from sim_instruments.wire import ByteDevice

CHUNK = 4096


class Server:
    """The common part: a thread that waits for input, for output of the device, and for the end."""

    def __init__(self, device: ByteDevice):
        if getattr(device.clock, "virtual", False):
            raise ValueError(f"{device.name} runs in virtual time; a served emulator needs a real clock")
        if not device.claim("a server in this process"):
            raise ValueError(f"{device.name} is in use already by {device.owner}")
        self.device = device
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = socket.socketpair()
        self._wake_read.setblocking(False)
        self._wake_write.setblocking(False)
        self._selector.register(self._wake_read, selectors.EVENT_READ)
        self._unsent = b""
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name=f"serve {device.name}", daemon=True)

    def start(self) -> Self:
        """Begin to serve."""
        self.device.listeners.append(self._wake)
        self._thread.start()
        return self

    def stop(self) -> None:
        """End serving and give the device back; returns when the thread has ended."""
        if self._stopping:
            return
        self._stopping = True
        self._wake()
        if self._thread.ident is not None:
            self._thread.join()
            self.device.listeners.remove(self._wake)
        self._selector.close()
        self._wake_read.close()
        self._wake_write.close()
        self._close()
        self.device.release()

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        self.stop()

    def _wake(self) -> None:
        # A full pipe means that the thread has been woken often enough.
        with contextlib.suppress(BlockingIOError):
            self._wake_write.send(b"\0")

    def _run(self) -> None:
        while not self._stopping:
            for key, _ in self._selector.select():
                if key.fileobj is self._wake_read:
                    with contextlib.suppress(BlockingIOError):
                        self._wake_read.recv(CHUNK)
                else:
                    self._ready(key.fileobj)
            self._send_out()

    def _ready(self, stream: Any) -> None:
        """Take what came in on one stream (subclasses)."""
        raise NotImplementedError

    def _send_out(self) -> None:
        """Pass the device's output on (subclasses)."""
        raise NotImplementedError

    def _close(self) -> None:
        """Close the streams (subclasses)."""
        raise NotImplementedError


class PtyServer(Server):
    """A device behind a pseudo-terminal; `path` is the port to open (POSIX only).

    `link` is a symbolic link to make to it, for a name that stays the same. Nobody can see a client leave a serial port, so the
    device's line buffers are not cleared then, as on a real one.
    """

    def __init__(self, device: ByteDevice, link: Path | None = None):
        import tty  # POSIX only; a TCP server works everywhere

        super().__init__(device)
        self._master, self._slave = os.openpty()
        tty.setraw(self._slave)
        os.set_blocking(self._master, False)
        self.path = os.ttyname(self._slave)
        self.link = link
        if link is not None:
            link.symlink_to(self.path)
        self._selector.register(self._master, selectors.EVENT_READ)

    def _ready(self, stream: int) -> None:
        with contextlib.suppress(BlockingIOError):
            self.device.feed(os.read(stream, CHUNK))

    def _send_out(self) -> None:
        self._unsent += self.device.take(CHUNK)
        if self._unsent:
            with contextlib.suppress(BlockingIOError):
                self._unsent = self._unsent[os.write(self._master, self._unsent):]
        self._selector.modify(self._master, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0))
        if self.device.pending and not self._unsent:
            self._wake()

    def _close(self) -> None:
        os.close(self._master)
        os.close(self._slave)
        if self.link is not None:
            self.link.unlink(missing_ok=True)


class TcpServer(Server):
    """A device behind a TCP socket, one client at a time; port 0 picks a free one."""

    def __init__(self, device: ByteDevice, host: str = "127.0.0.1", port: int = 0):
        super().__init__(device)
        self._listener = socket.create_server((host, port))
        self._listener.setblocking(False)
        self.host, self.port = self._listener.getsockname()[:2]
        self._client: socket.socket | None = None
        self._selector.register(self._listener, selectors.EVENT_READ)

    @property
    def resource(self) -> str:
        """The VISA name of the socket."""
        return f"TCPIP::{self.host}::{self.port}::SOCKET"

    def _ready(self, stream: socket.socket) -> None:
        if stream is self._listener:
            self._accept()
        elif stream is self._client:
            self._receive(stream)

    def _receive(self, client: socket.socket) -> None:
        try:
            data = client.recv(CHUNK)
        except BlockingIOError:
            return
        except ConnectionError:
            data = b""
        if data:
            self.device.feed(data)
        else:
            self._hang_up()

    def _accept(self) -> None:
        client, _ = self._listener.accept()
        if self._client is not None:
            self._receive(self._client)          # it may have hung up in the same moment
        if self._client is not None:             # the box has one port: who comes second finds it taken
            client.close()
            return
        client.setblocking(False)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._client, self._unsent = client, b""
        self._selector.register(client, selectors.EVENT_READ)
        self.device.connected()

    def _hang_up(self) -> None:
        if self._client is not None:
            self._selector.unregister(self._client)
            self._client.close()
            self._client = None
            self.device.disconnected()

    def _send_out(self) -> None:
        if self.device.unplugged:
            self._hang_up()
        if self._client is None:
            return
        self._unsent += self.device.take(CHUNK)
        try:
            if self._unsent:
                self._unsent = self._unsent[self._client.send(self._unsent):]
        except BlockingIOError:
            pass
        except ConnectionError:
            self._hang_up()
            return
        self._selector.modify(self._client, selectors.EVENT_READ | (selectors.EVENT_WRITE if self._unsent else 0))
        if self.device.pending and not self._unsent:
            self._wake()

    def _close(self) -> None:
        self._listener.close()
        if self._client is not None:
            self._client.close()
            self.device.disconnected()
