"""Errors of labctl: each says what happened, to which instrument, what the state is now and what to do."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from labctl.core.plan import Problem


class LabctlError(Exception):
    """Base of everything labctl raises on purpose."""


class Refused(LabctlError):
    """Work was refused before anything moved; `problems` holds every reason found, not only the first."""

    def __init__(self, problems: Sequence[Problem]):
        self.problems = tuple(problems)
        super().__init__("\n".join(str(p) for p in self.problems))


class ConfigError(LabctlError):
    """A file a person wrote (bench, sample) cannot be used; the text names file, line and remedy."""


class AnalysisError(LabctlError):
    """An estimator refuses its data; the text is the reason, fit to print beside the result's name."""


class CalibrationNeeded(AnalysisError):
    """A quantity cannot be predicted without a calibration of this `kind`, which the bench does not have."""

    def __init__(self, kind: str, text: str):
        self.kind = kind
        super().__init__(text)


class StoreError(LabctlError):
    """A run could not be written or read; the text says what is safe and where it lies."""


class Aborted(LabctlError):
    """The user, a signal or a closed window asked the run to end."""


class UnsafeState(LabctlError):
    """A park or safe action failed: the bench may be lit, biased or unblocked. Look at it before going on."""


class InstrumentError(LabctlError):
    """Something went wrong with one instrument.

    `instrument` is the name in the bench file, `what` happened, `state` as far as known, `remedy` for the person.
    """

    def __init__(self, instrument: str, what: str, *, state: str = "", remedy: str = ""):
        self.instrument, self.what, self.state, self.remedy = instrument, what, state, remedy
        text = f"{instrument}: {what}"
        if state:
            text += f" State now: {state}."
        if remedy:
            text += f" {remedy}"
        super().__init__(text)


class LimitError(InstrumentError):
    """A value outside a limit was refused before anything was sent."""


class CommunicationError(InstrumentError):
    """The link failed; the question was not answered. Queries may be repeated, sets may not be blindly."""


class NoReply(CommunicationError):
    """No (complete) reply arrived before the deadline."""


class BadReply(CommunicationError):
    """A reply arrived that cannot belong to the question (garbled, wrong checksum, echo or address)."""


class Disconnected(CommunicationError):
    """The port is gone."""


class ResourceBusy(CommunicationError):
    """Somebody else has the port; the text names the owner's process id."""


class LaneDead(CommunicationError):
    """A call did not come back within its deadline; its connection is given up for this session."""


class WrongDevice(InstrumentError):
    """Another device than the bench file expects answers on this port."""


class DeviceFault(InstrumentError):
    """The device reports a fault of its own; drivers subclass this, one class per kind of fault."""


class Interlocked(DeviceFault):
    """An interlock is open: the run is aborted and the bench made safe."""


class Busy(DeviceFault):
    """The device says it is busy; ask again until the deadline."""


class NotSettled(InstrumentError):
    """An axis did not come to rest within tolerance before its time was up."""
