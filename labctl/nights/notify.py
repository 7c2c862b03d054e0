"""Telling somebody: a command that is run without a shell, or a mail through the system's mailer. Never in the way of a run."""

from __future__ import annotations

import logging
import os
import shutil
import subprocess
import threading
from collections.abc import Callable, Sequence
from email.message import EmailMessage
from pathlib import Path

from labctl.core.plan import Problem
from labctl.nights.file import Notify

log = logging.getLogger("labctl.nights")

PATIENCE_S = 30.0        # real time for which a command may take, and for which the end of a night waits for the last one
MAILER = ("sendmail", "-t", "-oi")
MAILERS_LIE = ("/usr/sbin", "/usr/lib")      # which are not on everybody's PATH


class Messenger:
    """Sends messages in threads of its own; what goes wrong with one is in the log and in `failures`, and that is all."""

    def __init__(self, wanted: Notify):
        self.failures: list[str] = []
        self._wanted = wanted
        self._threads: list[threading.Thread] = []

    def tell(self, occasion: str, subject: str, text: str, pictures: Sequence[Path] = ()) -> None:
        """Send a message if somebody wants to be told on this occasion ("failure", "entry", "end"); returns at once."""
        if occasion not in self._wanted.on:
            return
        if self._wanted.command:
            self._start(self._wanted.command, lambda: f"{subject}\n\n{text}\n".encode(errors="replace"))
        if to := self._wanted.mail:
            self._start(MAILER, lambda: mail(to, subject, text, pictures))

    def finish(self) -> None:
        """Give what is under way a little time."""
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, words: Sequence[str], written: Callable[[], bytes]) -> None:
        """Have a message written and sent beside the run: its pictures may lie on a disk that does not answer."""
        def send_it() -> None:
            if failure := send(words, written):
                self.failures.append(failure)

        thread = threading.Thread(target=send_it, name="notify", daemon=True)
        self._threads.append(thread)
        thread.start()


def send(words: Sequence[str], written: Callable[[], bytes]) -> str:
    """Run a program with a message on its standard input; logs and gives what goes wrong, empty when nothing does."""
    try:
        done = subprocess.run([program(words[0]) or words[0], *words[1:]], input=written(), capture_output=True,  # noqa: S603  the night file's own words, no shell
                              timeout=PATIENCE_S, check=False)
        failure = f"ended with {done.returncode}: {done.stderr.decode(errors='replace').strip()[:500]}" if done.returncode else ""
    except (OSError, subprocess.SubprocessError, ValueError) as exc:
        failure = str(exc)
    if failure:
        failure = f"nobody could be told by {words[0]}: {failure}"
        log.warning("%s", failure)
    return failure


def program(name: str) -> str | None:
    """Find a program on the PATH, the mailer also where systems keep it for their administrators; None when there is none."""
    return shutil.which(name) or (shutil.which(name, path=os.pathsep.join(MAILERS_LIE)) if name == MAILER[0] else None)


def lacking(wanted: Notify) -> list[Problem]:
    """Say by evening what could not be told at night."""
    programs = ([wanted.command[0]] if wanted.command else []) + ([MAILER[0]] if wanted.mail else [])
    return [Problem("notify", f"there is no program {name} on this computer, so nobody will be told by it.", "warning")
            for name in programs if program(name) is None]


def mail(to: str, subject: str, text: str, pictures: Sequence[Path] = ()) -> bytes:
    """Write a mail with pictures; one that cannot be read is left out. ValueError for an address or subject of several lines."""
    message = EmailMessage()
    message["To"], message["Subject"] = to, subject
    message["Auto-Submitted"] = "auto-generated"        # no answer from somebody on holiday
    message.set_content(text.encode(errors="replace").decode())
    for path in pictures:
        try:
            message.add_attachment(path.read_bytes(), maintype="image", subtype="png", filename=path.name)
        except OSError as exc:
            log.warning("%s is not sent: %s", path, exc)
    return message.as_bytes()
