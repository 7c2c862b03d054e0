"""The part of the emulated Andor library that sets the camera up: amplifiers, speeds, modes, areas, times, triggers."""

from __future__ import annotations

from typing import Any

from sim_instruments.andor_camera import (
    EXTERNAL,
    EXTERNAL_EXPOSURE,
    EXTERNAL_START,
    FAST_KINETICS,
    HORIZONTAL_MHZ,
    INTERNAL,
    PREAMP_GAINS,
    SOFTWARE,
    VERTICAL_SHIFTS_US,
    AndorCamera,
)
from sim_instruments.andor_codes import Code
from sim_instruments.sdk import FLOAT, FLOAT_OUT, INT, INT_OUT, TEXT_OUT, function, write_text

TRIGGERS = (INTERNAL, EXTERNAL, EXTERNAL_START, EXTERNAL_EXPOSURE, SOFTWARE)
OTHER_TRIGGERS = (9, 12)           # of cameras that multiply electrons or shift charge; the code is unverified
LONGEST_S = 1e5


class SettingFunctions:
    """Everything that is set before an acquisition."""

    def __init__(self, camera: AndorCamera):
        self.camera = camera

    # -------------------------------------------------------------- the chip
    @function("GetDetector", INT_OUT, INT_OUT)
    def detector(self, columns: Any, rows: Any) -> int:
        """Give the number of pixels."""
        columns[0], rows[0] = self.camera.element.columns, self.camera.element.rows
        return Code.SUCCESS

    @function("GetPixelSize", FLOAT_OUT, FLOAT_OUT)
    def pixel_size(self, width_um: Any, height_um: Any) -> int:
        """Give the size of a pixel, µm."""
        width_um[0] = height_um[0] = 26.0
        return Code.SUCCESS

    # -------------------------------------------------------------- amplifiers and speeds
    @function("GetNumberADChannels", INT_OUT)
    def ad_channels(self, number: Any) -> int:
        """There is one."""
        number[0] = 1
        return Code.SUCCESS

    @function("SetADChannel", INT)
    def set_ad_channel(self, channel: int) -> int:
        """Select the only one."""
        return Code.SUCCESS if channel == 0 else Code.P1_INVALID

    @function("GetBitDepth", INT, INT_OUT)
    def bit_depth(self, channel: int, bits: Any) -> int:
        """Give the bits of the converter."""
        bits[0] = 16
        return Code.SUCCESS if channel == 0 else Code.P1_INVALID

    @function("GetNumberAmp", INT_OUT)
    def amplifiers(self, number: Any) -> int:
        """There is one."""
        number[0] = 1
        return Code.SUCCESS

    @function("GetAmpDesc", INT, TEXT_OUT, INT)
    def amplifier_description(self, index: int, text: int, room: int) -> int:
        """Name the output amplifier."""
        if index != 0:
            return Code.P1_INVALID
        write_text(text, "Conventional", room)
        return Code.SUCCESS

    @function("SetOutputAmplifier", INT)
    def set_output_amplifier(self, index: int) -> int:
        """Select the only one."""
        return Code.SUCCESS if index == 0 else Code.P1_INVALID

    @function("GetNumberHSSpeeds", INT, INT, INT_OUT)
    def horizontal_speeds(self, channel: int, amplifier: int, number: Any) -> int:
        """Give how many there are."""
        number[0] = len(HORIZONTAL_MHZ)
        return Code.P1_INVALID if channel else Code.P2_INVALID if amplifier else Code.SUCCESS

    @function("GetHSSpeed", INT, INT, INT, FLOAT_OUT)
    def horizontal_speed(self, channel: int, amplifier: int, index: int, megahertz: Any) -> int:
        """Give a horizontal rate in MHz."""
        if not 0 <= index < len(HORIZONTAL_MHZ):
            return Code.P3_INVALID
        megahertz[0] = HORIZONTAL_MHZ[index]
        return Code.P1_INVALID if channel else Code.P2_INVALID if amplifier else Code.SUCCESS

    @function("SetHSSpeed", INT, INT)
    def set_horizontal_speed(self, amplifier: int, index: int) -> int:
        """Select a horizontal rate."""
        if amplifier != 0:
            return Code.P1_INVALID
        return self._choose("horizontal", index, len(HORIZONTAL_MHZ), Code.P2_INVALID)

    @function("GetNumberVSSpeeds", INT_OUT)
    def vertical_speeds(self, number: Any) -> int:
        """Give how many there are."""
        number[0] = len(VERTICAL_SHIFTS_US)
        return Code.SUCCESS

    @function("GetVSSpeed", INT, FLOAT_OUT)
    def vertical_speed(self, index: int, microseconds: Any) -> int:
        """Give the time of one vertical shift, µs."""
        if not 0 <= index < len(VERTICAL_SHIFTS_US):
            return Code.P1_INVALID
        microseconds[0] = VERTICAL_SHIFTS_US[index]
        return Code.SUCCESS

    @function("SetVSSpeed", INT)
    def set_vertical_speed(self, index: int) -> int:
        """Select the vertical shift."""
        return self._choose("vertical", index, len(VERTICAL_SHIFTS_US), Code.P1_INVALID)

    @function("GetFastestRecommendedVSSpeed", INT_OUT, FLOAT_OUT)
    def fastest_vertical_speed(self, index: Any, microseconds: Any) -> int:
        """Recommend the fastest."""
        index[0], microseconds[0] = 0, VERTICAL_SHIFTS_US[0]
        return Code.SUCCESS

    @function("GetNumberPreAmpGains", INT_OUT)
    def preamp_gains(self, number: Any) -> int:
        """Give how many there are."""
        number[0] = len(PREAMP_GAINS)
        return Code.SUCCESS

    @function("GetPreAmpGain", INT, FLOAT_OUT)
    def preamp_gain(self, index: int, gain: Any) -> int:
        """Give a preamplifier gain."""
        if not 0 <= index < len(PREAMP_GAINS):
            return Code.P1_INVALID
        gain[0] = PREAMP_GAINS[index]
        return Code.SUCCESS

    @function("SetPreAmpGain", INT)
    def set_preamp_gain(self, index: int) -> int:
        """Select the preamplifier gain."""
        return self._choose("preamp", index, len(PREAMP_GAINS), Code.P1_INVALID)

    @function("IsPreAmpGainAvailable", INT, INT, INT, INT, INT_OUT)
    def is_preamp_gain_available(self, channel: int, amplifier: int, speed: int, gain: int, available: Any) -> int:
        """Every gain goes with every speed."""
        available[0] = int(channel == amplifier == 0 and 0 <= speed < len(HORIZONTAL_MHZ) and 0 <= gain < len(PREAMP_GAINS))
        return Code.SUCCESS

    def _choose(self, name: str, index: int, count: int, refusal: int) -> int:
        if not 0 <= index < count:
            return refusal
        setattr(self.camera.settings, name, index)
        return Code.SUCCESS

    # -------------------------------------------------------------- modes and areas
    @function("SetAcquisitionMode", INT)
    def set_acquisition_mode(self, mode: int) -> int:
        """Single, accumulate, kinetic, run till abort."""
        if mode == FAST_KINETICS:
            return Code.NOT_SUPPORTED
        if mode not in (1, 2, 3, 5):
            return Code.P1_INVALID
        self.camera.settings.acquisition = mode
        return Code.SUCCESS

    @function("SetReadMode", INT)
    def set_read_mode(self, mode: int) -> int:
        """FVB, multi-track, random track, single track, image."""
        return self._choose("read", mode, 5, Code.P1_INVALID)

    @function("SetImage", INT, INT, INT, INT, INT, INT)
    def set_image(self, hbin: int, vbin: int, left: int, right: int, low: int, high: int) -> int:
        """Set binning and area of the image; rows and columns count from 1."""
        element = self.camera.element
        checks = ((1 <= hbin <= element.columns, Code.P1_INVALID), (1 <= vbin <= element.rows, Code.P2_INVALID),
                  (1 <= left <= element.columns, Code.P3_INVALID),
                  (left <= right <= element.columns and (right - left + 1) % hbin == 0, Code.P4_INVALID),
                  (1 <= low <= element.rows, Code.P5_INVALID),
                  (low <= high <= element.rows and (high - low + 1) % vbin == 0, Code.P6_INVALID))
        for good, refusal in checks:
            if not good:
                return refusal
        self.camera.settings.image = (hbin, vbin, left, right, low, high)
        return Code.SUCCESS

    @function("SetSingleTrack", INT, INT)
    def set_single_track(self, centre: int, height: int) -> int:
        """Set centre and height of the track; rows count from 1."""
        rows = self.camera.element.rows
        if not 1 <= centre <= rows:
            return Code.P1_INVALID
        first = centre - (height - 1) // 2
        if height < 1 or first < 1 or first + height - 1 > rows:
            return Code.P2_INVALID
        self.camera.settings.single_track = (centre, height)
        return Code.SUCCESS

    @function("SetMultiTrack", INT, INT, INT, INT_OUT, INT_OUT)
    def set_multi_track(self, number: int, height: int, offset: int, bottom: Any, gap: Any) -> int:
        """Spread tracks evenly over the chip; gives the first row and the gap."""
        rows = self.camera.element.rows
        if not 1 <= number <= rows:
            return Code.P1_INVALID
        between = rows // number - height
        if height < 1 or between < 0:
            return Code.P2_INVALID
        first = 1 + between // 2 + offset
        if first < 1 or first + (number - 1) * (height + between) + height - 1 > rows:
            return Code.P3_INVALID
        starts = [first + track * (height + between) for track in range(number)]
        self.camera.settings.tracks = tuple((start, start + height - 1) for start in starts)
        bottom[0], gap[0] = first, between
        return Code.SUCCESS

    @function("SetRandomTracks", INT, INT_OUT)
    def set_random_tracks(self, number: int, areas: Any) -> int:
        """Set tracks by first and last row."""
        rows = self.camera.element.rows
        if not 1 <= number <= rows:
            return Code.P1_INVALID
        tracks = tuple((areas[2 * track], areas[2 * track + 1]) for track in range(number))
        ends = [0, *(row for track in tracks for row in track)]
        if any(not 1 <= first <= last <= rows for first, last in tracks) or any(
                tracks[track][1] >= tracks[track + 1][0] for track in range(number - 1)) or max(ends) > rows:
            return Code.P2_INVALID
        self.camera.settings.tracks = tracks
        return Code.SUCCESS

    # -------------------------------------------------------------- times, triggers, shutter
    @function("SetExposureTime", FLOAT)
    def set_exposure_time(self, seconds: float) -> int:
        """Request an exposure; the camera rounds it up."""
        return self._time("exposure_s", seconds)

    @function("SetAccumulationCycleTime", FLOAT)
    def set_accumulation_cycle_time(self, seconds: float) -> int:
        """Request the time from exposure to exposure within a frame."""
        return self._time("accumulation_cycle_s", seconds)

    @function("SetKineticCycleTime", FLOAT)
    def set_kinetic_cycle_time(self, seconds: float) -> int:
        """Request the time from frame to frame."""
        return self._time("kinetic_cycle_s", seconds)

    def _time(self, name: str, seconds: float) -> int:
        if not 0.0 <= seconds <= LONGEST_S:
            return Code.P1_INVALID
        # A C float: 0.1 arrives as 0.10000000149, which must not be rounded up to the next step.
        setattr(self.camera.settings, name, float(f"{seconds:.7g}"))
        return Code.SUCCESS

    @function("SetNumberAccumulations", INT)
    def set_accumulations(self, number: int) -> int:
        """Set the exposures summed into a frame."""
        return self._count("accumulations", number)

    @function("SetNumberKinetics", INT)
    def set_kinetics(self, number: int) -> int:
        """Set the frames of a series."""
        return self._count("kinetics", number)

    def _count(self, name: str, number: int) -> int:
        if number < 1:
            return Code.P1_INVALID
        setattr(self.camera.settings, name, number)
        return Code.SUCCESS

    @function("SetNumberPrescans", INT)
    def set_prescans(self, number: int) -> int:
        """Only none."""
        return Code.SUCCESS if number == 0 else Code.NOT_SUPPORTED

    @function("SetTriggerMode", INT)
    def set_trigger_mode(self, mode: int) -> int:
        """Internal, external, external start, external exposure, software."""
        if mode in OTHER_TRIGGERS:
            return Code.INVALID_TRIGGER_MODE
        if mode not in TRIGGERS:
            return Code.P1_INVALID
        self.camera.settings.trigger = mode
        return Code.SUCCESS

    @function("SetShutter", INT, INT, INT, INT)
    def set_shutter(self, kind: int, mode: int, closing_ms: int, opening_ms: int) -> int:
        """Set level, mode (0 auto, 1 open, 2 closed) and times of the shutter output."""
        checks = ((kind in (0, 1), Code.P1_INVALID), (mode in (0, 1, 2), Code.P2_INVALID), (closing_ms >= 0, Code.P3_INVALID),
                  (opening_ms >= 0, Code.P4_INVALID))
        for good, refusal in checks:
            if not good:
                return refusal
        settings = self.camera.settings
        settings.shutter, settings.closing_s, settings.opening_s = mode, closing_ms * 1e-3, opening_ms * 1e-3
        self.camera.move_shutter()
        return Code.SUCCESS

    @function("GetShutterMinTimes", INT_OUT, INT_OUT)
    def shutter_minimum_times(self, closing_ms: Any, opening_ms: Any) -> int:
        """Give the shortest times, ms."""
        closing_ms[0] = opening_ms[0] = 0
        return Code.SUCCESS

    @function("IsInternalMechanicalShutter", INT_OUT)
    def is_internal_shutter(self, present: Any) -> int:
        """Tell whether the head has a shutter of its own."""
        present[0] = int(self.camera.internal_shutter)
        return Code.SUCCESS

    @function("GetAcquisitionTimings", FLOAT_OUT, FLOAT_OUT, FLOAT_OUT)
    def timings(self, exposure: Any, accumulate: Any, kinetic: Any) -> int:
        """Give the times that will really be used."""
        exposure[0], accumulate[0], kinetic[0] = self.camera.timings()
        return Code.SUCCESS

    @function("GetReadOutTime", FLOAT_OUT)
    def readout_time(self, seconds: Any) -> int:
        """Give the time to read a frame."""
        seconds[0] = self.camera.readout_s
        return Code.SUCCESS

    @function("GetKeepCleanTime", FLOAT_OUT)
    def keep_clean_time(self, seconds: Any) -> int:
        """Give the time of one cleaning cycle."""
        seconds[0] = self.camera.shift_s
        return Code.SUCCESS
