"""The part of the emulated Andor library that acquires: start, wait, status, frames."""

from __future__ import annotations

import ctypes
from typing import Any

import numpy as np

from sim_instruments.andor_camera import KINETIC, SOFTWARE, AndorCamera
from sim_instruments.andor_codes import Code
from sim_instruments.sdk import INT, INT_OUT, UINT, WORDS_OUT, function

LARGEST_WORD = 65535               # 16-bit reads clip here (unverified)


class FrameFunctions:
    """Everything from StartAcquisition to the data."""

    def __init__(self, camera: AndorCamera):
        self.camera = camera
        self._cancelled = False

    # -------------------------------------------------------------- running
    @function("PrepareAcquisition")
    def prepare(self) -> int:
        """Nothing has to be prepared."""
        return Code.SUCCESS

    @function("StartAcquisition")
    def start(self) -> int:
        """Begin an acquisition."""
        self._cancelled = False
        self.camera.start()
        return Code.SUCCESS

    @function("AbortAcquisition")
    def abort(self) -> int:
        """End it now; IDLE when nothing runs (unverified)."""
        if not self.camera.acquiring:
            return Code.IDLE
        self.camera.stop()
        return Code.SUCCESS

    @function("SendSoftwareTrigger")
    def software_trigger(self) -> int:
        """Start the exposure that waits for it."""
        if self.camera.settings.trigger != SOFTWARE or not self.camera.acquiring:
            return Code.IDLE if self.camera.settings.trigger == SOFTWARE else Code.NOT_SUPPORTED
        self.camera.trigger()
        return Code.SUCCESS

    @function("GetStatus", INT_OUT)
    def status(self, state: Any) -> int:
        """Write IDLE or ACQUIRING."""
        state[0] = Code.ACQUIRING if self.camera.acquiring else Code.IDLE
        return Code.SUCCESS

    # -------------------------------------------------------------- waiting
    @function("WaitForAcquisition")
    def wait(self) -> int:
        """Wait for the next frame."""
        return self._wait(None)

    @function("WaitForAcquisitionTimeOut", INT)
    def wait_timeout(self, milliseconds: int) -> int:
        """Wait for the next frame, at most so long."""
        return self._wait(milliseconds * 1e-3)

    @function("WaitForAcquisitionByHandleTimeOut", INT, INT)
    def wait_handle_timeout(self, handle: int, milliseconds: int) -> int:
        """Wait for the next frame of this camera, at most so long."""
        return self._wait(milliseconds * 1e-3)

    @function("CancelWait")
    def cancel_wait(self) -> int:
        """Send a waiting thread back with NO_NEW_DATA."""
        self._cancelled = True
        self.camera.changed.set()
        return Code.SUCCESS

    def _wait(self, timeout: float | None) -> int:
        camera, clock = self.camera, self.camera.clock
        until = None if timeout is None else clock.now() + timeout
        while True:
            with camera.lock:
                if camera.frames.taken > camera.frames.waited:
                    camera.frames.waited += 1
                    return Code.SUCCESS
                left = None if until is None else until - clock.now()
                if self._cancelled or not camera.acquiring or (left is not None and left <= 0.0):
                    self._cancelled = False
                    return Code.NO_NEW_DATA
                camera.changed.clear()
            camera.changed.wait(left)

    # -------------------------------------------------------------- progress
    @function("GetAcquisitionProgress", INT_OUT, INT_OUT)
    def progress(self, accumulated: Any, frames: Any) -> int:
        """Give the exposures in the present frame and the frames so far."""
        accumulated[0], frames[0] = self.camera.accumulated, self.camera.frames.taken
        return Code.SUCCESS

    @function("GetTotalNumberImagesAcquired", INT_OUT)
    def total_frames(self, number: Any) -> int:
        """Give the frames so far."""
        number[0] = self.camera.frames.taken
        return Code.SUCCESS

    @function("GetNumberNewImages", INT_OUT, INT_OUT)
    def new_frames(self, first: Any, last: Any) -> int:
        """Give the numbers of the frames not yet fetched."""
        frames = self.camera.frames
        start = max(frames.fetched + 1, frames.oldest)
        if start > frames.taken:
            return Code.NO_NEW_DATA
        first[0], last[0] = start, frames.taken
        return Code.SUCCESS

    @function("GetSizeOfCircularBuffer", INT_OUT)
    def buffer_size(self, number: Any) -> int:
        """Give how many frames the ring holds."""
        number[0] = self.camera.ring_frames
        return Code.SUCCESS

    @function("FreeInternalMemory")
    def free(self) -> int:
        """Forget all frames."""
        self.camera.frames.kept.clear()
        self.camera.frames.fetched = self.camera.frames.taken
        return Code.SUCCESS

    # -------------------------------------------------------------- data
    @function("GetAcquiredData16", WORDS_OUT, UINT)
    def data_16(self, buffer: Any, size: int) -> int:
        """Write the whole acquisition, 16 bits a pixel; `size` must be its number of pixels."""
        return self._all(buffer, size, ctypes.c_uint16)

    @function("GetAcquiredData", INT_OUT, UINT)
    def data_32(self, buffer: Any, size: int) -> int:
        """Write the whole acquisition, 32 bits a pixel; `size` must be its number of pixels."""
        return self._all(buffer, size, ctypes.c_int32)

    def _all(self, buffer: Any, size: int, kind: type) -> int:
        frames = self.camera.frames
        if not frames.kept:
            return Code.NO_NEW_DATA
        first = frames.oldest if self.camera.settings.acquisition == KINETIC else frames.taken
        code = self._write(frames.between(first, frames.taken), buffer, size, kind, Code.P2_INVALID)
        if code == Code.SUCCESS:
            frames.fetched = frames.taken
        return code

    @function("GetImages16", INT, INT, WORDS_OUT, UINT, INT_OUT, INT_OUT)
    def images_16(self, first: int, last: int, buffer: Any, size: int, valid_first: Any, valid_last: Any) -> int:
        """Write frames by number, 16 bits a pixel."""
        return self._some(first, last, buffer, size, ctypes.c_uint16, valid_first, valid_last)

    @function("GetImages", INT, INT, INT_OUT, UINT, INT_OUT, INT_OUT)
    def images_32(self, first: int, last: int, buffer: Any, size: int, valid_first: Any, valid_last: Any) -> int:
        """Write frames by number, 32 bits a pixel."""
        return self._some(first, last, buffer, size, ctypes.c_int32, valid_first, valid_last)

    def _some(self, first: int, last: int, buffer: Any, size: int, kind: type, valid_first: Any, valid_last: Any) -> int:
        frames = self.camera.frames
        if not frames.kept:
            return Code.NO_NEW_DATA
        if not frames.oldest <= first <= frames.taken:
            return Code.P1_INVALID
        if not first <= last <= frames.taken:
            return Code.P2_INVALID
        code = self._write(frames.between(first, last), buffer, size, kind, Code.P4_INVALID)
        if code == Code.SUCCESS:
            valid_first[0], valid_last[0] = first, last
            frames.fetched = max(frames.fetched, last)
        return code

    def _write(self, frames: list[np.ndarray], buffer: Any, size: int, kind: type, refusal: int) -> int:
        pixels = np.concatenate([frame.ravel() for frame in frames])
        if size != pixels.size:
            return refusal
        values = np.minimum(pixels, LARGEST_WORD) if kind is ctypes.c_uint16 else pixels
        np.ctypeslib.as_array(buffer, (size,))[:] = values
        return Code.SUCCESS
