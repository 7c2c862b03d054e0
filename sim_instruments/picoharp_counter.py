"""The counting part of the emulated PicoHarp 300: settings, histogram memory, rate meters."""

from __future__ import annotations

import math

import numpy as np

from sim_instruments import picoharp_codes as ph
from sim_instruments.clock import Clock, moment
from sim_instruments.twin.more_elements import TcspcPort, TcspcSetting


class Counter:
    """Histogram memory between two inputs; photons are collected whenever somebody looks, up to that moment."""

    def __init__(self, port: TcspcPort, clock: Clock):
        self.port, self.clock = port, clock
        self._draw = port.noise()
        self.counts = np.zeros((ph.BLOCKS, ph.CHANNELS))
        self._meter = int(self._draw.integers(2**63))       # of the rate meters: what they show hangs on the gate, not on who looks
        self.sync_lost = self.detector_dead = False
        self.defaults()

    def defaults(self) -> None:
        """Take the settings of PH_Initialize; the counts stay."""
        self.divider, self.binning, self.offset_ps, self.sync_offset_ps, self.multistop = 1, 0, 0, 0, True
        self.stop_on_overflow, self.stop_count = True, ph.MOST_COUNTS
        self.started_one, self.flags, self.elapsed_s = False, 0, 0.0
        self._started = self._counted_to = self._ends = self.clock.now()
        self.restart_rates()

    @property
    def resolution_ps(self) -> float:
        """Width of a bin."""
        return ph.BASE_PS * 2**self.binning

    @property
    def running(self) -> bool:
        """True until the time is over, a bin was full, or somebody stopped it."""
        return self.started_one and self.clock.now() < self._ends

    def start(self, seconds: float) -> None:
        """Begin to collect; a visit of a point repeats its noise, as all instruments do."""
        self._draw = self.port.noise()
        self._meter = int(self._draw.integers(2**63))
        self._started = self._counted_to = self.clock.now()
        self._ends = moment(self._started + seconds)
        self.started_one, self.elapsed_s, self.flags = True, 0.0, 0

    def stop(self) -> None:
        """End collecting."""
        self.started_one = False

    def collect(self) -> None:
        """Bring the histogram up to date."""
        now = min(self.clock.now(), self._ends)
        if not self.started_one or now <= self._counted_to:
            return
        held, full = self.counts[0], self.stop_count if self.stop_on_overflow else ph.MOST_COUNTS
        new = self._draw.poisson(self._expected(self._counted_to, now)).astype(float)
        if self.stop_on_overflow and np.any(held + new >= full):
            # The first full bin ends it: everything that came later did not come at all.
            shares = np.divide(np.maximum(full - held, 0.0), new, out=np.full(new.shape, np.inf), where=new > 0)
            first = int(np.argmin(shares))
            now = self._ends = self._counted_to + shares[first] * (now - self._counted_to)
            new = np.floor(new * shares[first])
            new[first] = full - held[first]
        if np.any(held + new >= full):
            self.flags |= ph.FLAG_OVERFLOW
        self.counts[0] = np.minimum(held + new, full)
        self._counted_to, self.elapsed_s = now, moment(now - self._started)

    def _expected(self, start: float, end: float) -> np.ndarray:
        if self.sync_lost or self.detector_dead:
            return np.zeros(ph.CHANNELS)
        dead = ph.DEAD_TIME_PS if self.multistop else math.inf
        return self.port.histogram(
            TcspcSetting(self.resolution_ps, float(self.offset_ps), float(self.sync_offset_ps), self.divider, ph.CHANNELS, dead),
            start, end)

    def restart_rates(self) -> None:
        """Begin a new gate of the rate meters."""
        self._rates_from = moment(self.clock.now() + ph.GATE_S)

    def rates(self) -> tuple[int, int]:
        """Give what the rate meters show: sync pulses before the divider, photons in the last gate."""
        if self.clock.now() < self._rates_from:
            return 0, 0
        sync, photons = (0.0 if fails else rate for fails, rate in zip(
            (self.sync_lost, self.detector_dead), self.port.rates(), strict=True))
        gate = max(math.floor((self.clock.now() - self._started) / ph.GATE_S + 1e-6), 0)
        return round(sync), round(np.random.default_rng([self._meter, gate]).poisson(photons * ph.GATE_S) / ph.GATE_S)

    def warnings(self) -> int:
        """Judge the rates and the settings."""
        sync, photons = self.rates()
        span, period = self.resolution_ps * ph.CHANNELS, 1e12 / sync if sync else float("inf")
        judged = {
            ph.SYNC_ZERO: sync == 0, ph.SYNC_LOW: 0 < sync < 1000 and self.divider > 1,
            ph.SYNC_HIGH: sync / self.divider > ph.FASTEST_HZ, ph.DETECTOR_ZERO: photons == 0,
            ph.DETECTOR_HIGH: photons > ph.FASTEST_HZ, ph.RATIO_HIGH: sync > 0 and photons > 0.05 * sync,
            ph.SPAN_SMALL: sync > 0 and period > span, ph.OFFSET_UNNECESSARY: self.offset_ps > 0 and period < span}
        return sum(bit for bit, is_so in judged.items() if is_so)
