"""What a Keithley 2400 only has to remember: trigger model, buffer, filter, terminals."""

from __future__ import annotations

from sim_instruments.scpi_settings import boolean, integer, real, word

MOST_READINGS = 2500
"""Product of arm and trigger count, and the length of the buffer."""

SETTINGS = {
    "clear_automatically": boolean("SOURce[1]:CLEar:AUTO", False),
    "delay_automatic": boolean("SOURce[1]:DELay:AUTO", True),
    "concurrent": boolean("SENSe[1]:FUNCtion:CONCurrent", True),
    "filter": boolean("SENSe[1]:AVERage[:STATe]", False),
    "filter_type": word("SENSe[1]:AVERage:TCONtrol", "REP", "REPeat", "MOVing"),
    "filter_count": integer("SENSe[1]:AVERage:COUNt", 10, 1, 100),
    "ohms_mode": word("SENSe[1]:RESistance:MODE", "AUTO", "AUTO", "MANual"),
    "ohms_range": real("SENSe[1]:RESistance:RANGe[:UPPer]", 2.1e5, 0.0, 2.1e8),
    "ohms_range_automatic": boolean("SENSe[1]:RESistance:RANGe:AUTO", True),
    "four_wires": boolean("SYSTem:RSENse", False),
    "line_hz": integer("SYSTem:LFRequency", 50, 50, 60),
    "line_automatic": boolean("SYSTem:LFRequency:AUTO", False),
    "display": boolean("DISPlay:ENABle", True),
    "terminals": word("ROUTe:TERMinals", "FRON", "FRONt", "REAR"),
    "interlock_used": boolean("OUTPut[1]:ENABle[:STATe]", False),
    "voltage_mode": word("SOURce[1]:VOLTage:MODE", "FIX", "FIXed"),
    "current_mode": word("SOURce[1]:CURRent:MODE", "FIX", "FIXed"),
    "trigger_source": word("TRIGger:SOURce", "IMM", "IMMediate", "TLINk"),
    "trigger_delay": real("TRIGger:DELay", 0.0, 0.0, 999.9999),
    "trigger_output": word("TRIGger:OUTPut", "NONE", "SOURce", "DELay", "SENSe", "NONE"),
    "trigger_input_line": integer("TRIGger:ILINe", 1, 1, 4),
    "trigger_output_line": integer("TRIGger:OLINe", 2, 1, 4),
    "arm_source": word("ARM:SOURce", "IMM", "IMMediate", "TLINk", "TIMer", "MANual", "BUS"),
    "arm_timer": real("ARM:TIMer", 0.1, 0.001, 99999.99),
    "arm_output": word("ARM:OUTPut", "NONE", "TENTer", "TEXit", "NONE"),
    "arm_input_line": integer("ARM:ILINe", 1, 1, 4),
    "arm_output_line": integer("ARM:OLINe", 2, 1, 4),
    "buffer_points": integer("TRACe:POINts", 100, 1, MOST_READINGS),
    "buffer_control": word("TRACe:FEED:CONTrol", "NEV", "NEVer", "NEXT"),
    "buffer_feed": word("TRACe:FEED", "SENS", "SENSe", "CALCulate", "CALCulate1", "CALCulate2"),
    "statistic": word("CALCulate3:FORMat", "MEAN", "MEAN", "SDEViation", "MAXimum", "MINimum", "PKPK"),
    "measurement_enable": integer("STATus:MEASurement:ENABle", 0, 0, 65535),
}
