"""Telling somebody: a command that is run without a shell, or a mail through the system's mailer. Never in the way of a run."""

from __future__ import annotations

import logging
import shutil
import subprocess
import threading
from collections.abc import Sequence
from email.message import EmailMessage
from pathlib import Path

from labctl.nights.file import Notify

log = logging.getLogger("labctl.nights")

PATIENCE_S = 30.0        # real time for which a command may take, and for which the end of a night waits for the last one
MAILER = ("sendmail", "-t", "-oi")


class Messenger:
    """Sends messages in threads of its own; one that fails is written to the log, and that is all."""

    def __init__(self, wanted: Notify):
        self._wanted = wanted
        self._threads: list[threading.Thread] = []

    def tell(self, occasion: str, subject: str, text: str, pictures: Sequence[Path] = ()) -> None:
        """Send a message if somebody wants to be told on this occasion ("failure", "entry", "end"); returns at once."""
        if occasion not in self._wanted.on:
            return
        if self._wanted.command:
            self._start(list(self._wanted.command), f"{subject}\n\n{text}\n".encode())
        if self._wanted.mail:
            self._start(list(MAILER), mail(self._wanted.mail, subject, text, pictures))

    def finish(self) -> None:
        """Give what is under way a little time."""
        for thread in self._threads:
            thread.join(PATIENCE_S)

    def _start(self, words: list[str], message: bytes) -> None:
        thread = threading.Thread(target=send, args=(words, message), name="notify", daemon=True)
        self._threads.append(thread)
        thread.start()


def send(words: list[str], message: bytes) -> None:
    """Run a program with a message on its standard input; whatever goes wrong is logged."""
    try:
        found = shutil.which(words[0]) or words[0]
        done = subprocess.run([found, *words[1:]], input=message, capture_output=True, timeout=PATIENCE_S, check=False)  # noqa: S603  the night file's own words, no shell
        if done.returncode:
            log.warning("%s ended with %d: %s", words[0], done.returncode, done.stderr.decode(errors="replace")[:500])
    except (OSError, subprocess.SubprocessError, ValueError) as exc:
        log.warning("nobody could be told by %s: %s", words[0], exc)


def mail(to: str, subject: str, text: str, pictures: Sequence[Path]) -> bytes:
    """Write a mail with pictures; one that cannot be read is left out."""
    message = EmailMessage()
    message["To"], message["Subject"] = to, subject
    message.set_content(text)
    for path in pictures:
        try:
            message.add_attachment(path.read_bytes(), maintype="image", subtype="png", filename=path.name)
        except OSError as exc:
            log.warning("%s is not sent: %s", path, exc)
    return message.as_bytes()
