"""The noise of the emulated PicoHarp belongs to the measurement, not to whoever looks at its rate meters meanwhile."""

from __future__ import annotations

import numpy as np
import pytest

from labctl.core.clock import VirtualClock
from sim_instruments.picoharp_counter import Counter
from sim_instruments.twin.more_elements import TcspcPort


def measured(seed: int, looks: int) -> tuple[np.ndarray, tuple[int, int]]:
    """Count for a second with the stream of a seed, the meters being read meanwhile; gives the histogram and the meters' end."""
    clock = VirtualClock()
    port = TcspcPort("tcspc", clock)
    port.noise = lambda: np.random.default_rng(seed)
    counter = Counter(port, clock)
    clock.wait(0.2 + looks)
    counter.start(1.0)
    for _ in range(looks):
        counter.rates()
    clock.wait(1.0)
    counter.collect()
    return counter.counts[0], counter.rates()


@pytest.mark.parametrize("looks", [1, 5])
def test_a_measurement_repeats_its_noise_whoever_looks(looks):
    first, again = measured(5, 0), measured(5, looks)
    assert np.array_equal(first[0], again[0])
    assert first[1] == again[1]


def test_another_visit_has_other_noise():
    assert not np.array_equal(measured(5, 0)[0], measured(6, 0)[0])
