"""The cooler of an Andor camera (SDK2 guide, "Temperature control"): its state in words, and warming up before closing."""

from __future__ import annotations

from drivers._sdk import atmcd
from drivers._sdk.atmcd import Library
from drivers.device import check_limits
from labctl.core.clock import Clock
from labctl.core.errors import InstrumentError

KEEP_COOLING_AFTER_CLOSING = 1
WARM_C = -20.0                 # below this the library must not be closed with the cooler off (manual)
WARM_LIMIT_S = 1700.0
LOOK_S = 2.0                   # between two looks at a chip that warms up
STATES = {atmcd.TEMPERATURE_OFF: "off", atmcd.TEMPERATURE_NOT_STABILISED: "not stabilised",
          atmcd.TEMPERATURE_STABILISED: "stabilised", atmcd.TEMPERATURE_NOT_REACHED: "not reached",
          atmcd.TEMPERATURE_DRIFT: "drifting"}


class Cooling:
    """The cooler of an initialised camera; `target_c` is where it goes once it is started."""

    def __init__(self, sdk: Library, *, clock: Clock, name: str, target_c: float):
        self._sdk, self._clock, self._name = sdk, clock, name
        self.target_c = float(target_c)
        self._started = False

    def keep_after_closing(self) -> None:
        """Let the cooler go on when the library is closed; a camera that cannot does not mind."""
        self._sdk.call("SetCoolerMode", KEEP_COOLING_AFTER_CLOSING, also=(atmcd.NOT_SUPPORTED,))

    def look(self) -> tuple[str, float]:
        """Ask state (one of STATES) and temperature in °C: the state is the return code."""
        code, values = self._sdk.code("GetTemperature")
        if code not in STATES:
            raise self._sdk.error("GetTemperature", code)
        return STATES[code], float(values[0])

    def start(self, temperature_c: float) -> None:
        """Start cooling (or warming) to a temperature; raises LimitError outside the camera's range."""
        low, high = self._sdk.call("GetTemperatureRange")
        check_limits(self._name, "temperature", temperature_c, (float(low), float(high)), "°C")
        self._sdk.call("SetTemperature", round(temperature_c))
        self._sdk.call("CoolerON")
        self.target_c, self._started = float(temperature_c), True

    def not_ready(self) -> str:
        """Start cooling if it has not been started; say why the camera cannot measure yet, or nothing when it can."""
        if not self._started:
            self.start(self.target_c)
        state, temperature = self.look()
        return "" if state == "stabilised" else f"the chip is at {temperature:g} °C, {self.target_c:g} °C are wanted ({state})"

    def warm_up(self) -> None:
        """Switch the cooler off and wait until the chip is warm enough; raises InstrumentError if it does not get there."""
        self._sdk.call("CoolerOFF")
        give_up = self._clock.now() + WARM_LIMIT_S
        while (temperature := self.look()[1]) < WARM_C:
            if self._clock.now() > give_up:
                raise InstrumentError(self._name, f"the chip is still at {temperature:g} °C.", state="cooler off, library open",
                                      remedy="Leave the camera powered until it is above -20 °C.")
            self._clock.wait(LOOK_S)
