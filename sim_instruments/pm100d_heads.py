"""The sensor heads that can be plugged into an emulated PM100D, and the settings that the meter only has to remember."""

from __future__ import annotations

from dataclasses import dataclass

from sim_instruments.scpi_settings import Setting, boolean, integer, real, word

POWER, ENERGY, RESPONSE, WAVELENGTH, TAU, TEMPERATURE = 1, 2, 16, 32, 64, 256
"""Bits of the last field of SYST:SENS:IDN?."""


@dataclass(frozen=True)
class HeadKind:
    """A head by its name: wavelengths in nm, full scales in W or J, type and subtype as SYST:SENS:IDN? gives them, flags."""

    wavelengths_nm: tuple[float, float]
    ranges: tuple[float, ...]
    kind: int
    flags: int

    @property
    def energy(self) -> bool:
        """True for heads that measure pulses in J."""
        return bool(self.flags & ENERGY)


def _decades(lowest: float, count: int) -> tuple[float, ...]:
    return tuple(float(f"{lowest * 10.0**exponent:.6g}") for exponent in range(count))


PHOTODIODE = POWER | WAVELENGTH | TEMPERATURE          # 289, as an S130C reports
HEADS: dict[str, HeadKind] = {
    "S130C": HeadKind((400.0, 1100.0), _decades(5e-7, 7), 1, PHOTODIODE),       # 500 nW to 500 mW; the decades are unverified
    "S120VC": HeadKind((200.0, 1100.0), _decades(5e-7, 6), 1, PHOTODIODE),      # silicon for the ultraviolet (unverified)
    "S132C": HeadKind((700.0, 1800.0), _decades(5e-7, 7), 1, PHOTODIODE),       # germanium (unverified)
    "ES111C": HeadKind((185.0, 25000.0), _decades(1.5e-5, 5), 3, ENERGY | WAVELENGTH),   # pyroelectric (unverified)
}
SUBTYPE = 18                       # of every head (unverified beyond the S130C)

REMEMBERED: dict[str, Setting] = {
    "beam_mm": real("SENSe:CORRection:BEAMdiameter", 9.5, 0.1, 50.0, ".6E"),
    "loss_db": real("SENSe:CORRection[:LOSS[:INPut[:MAGNitude]]]", 0.0, -60.0, 60.0, ".6E"),
    "response_a_w": real("SENSe:CORRection:POWer[:PDIode][:RESPonse]", 0.3, 1e-6, 10.0, ".6E"),
    "response_v_j": real("SENSe:CORRection:ENERgy[:PYRO][:RESPonse]", 500.0, 1e-3, 1e6, ".6E"),
    "power_reference": real("SENSe:POWer[:DC]:REFerence", 0.0, -10.0, 10.0, ".6E"),
    "power_relative": boolean("SENSe:POWer[:DC]:REFerence:STATe", False),
    "energy_reference": real("SENSe:ENERgy:REFerence", 0.0, -10.0, 10.0, ".6E"),
    "energy_relative": boolean("SENSe:ENERgy:REFerence:STATe", False),
    "current_auto": boolean("SENSe:CURRent[:DC]:RANGe:AUTO", True),
    "current_range": real("SENSe:CURRent[:DC]:RANGe[:UPPer]", 5e-3, 5e-8, 5e-3, ".6E"),
    "voltage_auto": boolean("SENSe:VOLTage[:DC]:RANGe:AUTO", True),
    "voltage_range": real("SENSe:VOLTage[:DC]:RANGe[:UPPer]", 5.0, 5e-3, 5.0, ".6E"),
    "threshold": real("SENSe:PEAKdetector[:THReshold]", 20.0, 0.1, 100.0, ".6E"),
    "low_pass": boolean("INPut[:PDIode]:FILTer[:LPASs][:STATe]", False),
    "accelerator": boolean("INPut:THERmopile:ACCelerator[:STATe]", False),
    "tau_s": real("INPut:THERmopile:ACCelerator:TAU", 3.0, 0.1, 30.0, ".6E"),
    "adapter": word("INPut:ADAPter[:TYPE]", "PHOT", "PHOTodiode", "THERmal", "PYRo"),
    "beeper": boolean("SYSTem:BEEPer:STATe", True),
    "mains_hz": integer("SYSTem:LFRequency", 50, 50, 60),
    "brightness": real("DISPlay:BRIGhtness", 1.0, 0.0, 1.0, ".6E"),
    "contrast": real("DISPlay:CONTrast", 0.5, 0.0, 1.0, ".6E"),
}
"""What the operation manual lists beside the measurements; *RST values and limits are unverified."""

STATUS_GROUPS = ("MEASurement", "OPERation", "QUEStionable", "AUXillary")
for _group in STATUS_GROUPS:
    for _name, _start in (("ENABle", 0), ("PTRansition", 32767), ("NTRansition", 0)):
        REMEMBERED[f"{_group} {_name}"] = integer(f"STATus:{_group}:{_name}", _start, 0, 32767)
