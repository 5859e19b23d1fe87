"""Keeps the memory of the process small: large buffers go back to the system as soon as they are free."""

import ctypes
import sys

_M_MMAP_THRESHOLD = -3
_LARGE = 256 * 1024


def return_large_buffers() -> bool:
    """Tell the C library to keep buffers over 256 KiB outside the heap; call once, at the start. False where it cannot be told.

    By itself it learns from the first freed buffer of 19 MiB, which is what checking a password takes, to keep them all.
    """
    if sys.platform != "linux":
        return False
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    return mallopt is not None and mallopt(_M_MMAP_THRESHOLD, _LARGE) == 1
