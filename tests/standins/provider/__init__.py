"""AI providers on loopback: `run_provider()` starts them, the other names are what a request may be made to meet."""

from tests.standins.provider.faults import (
    BAD_JSON,
    BASE64,
    CUT_OFF,
    EMPTY,
    HANG,
    HUGE,
    NARROW,
    NO_CHOICES,
    NO_TIER,
    RESET,
    TRICKLE,
    Asked,
    Fault,
    Reply,
    slow,
    status,
)
from tests.standins.provider.inventor import embellishing, inventing
from tests.standins.provider.server import VENDORS, ProviderStandin, Recorded, run_provider

__all__ = [
    "BAD_JSON",
    "BASE64",
    "CUT_OFF",
    "EMPTY",
    "HANG",
    "HUGE",
    "NARROW",
    "NO_CHOICES",
    "NO_TIER",
    "RESET",
    "TRICKLE",
    "VENDORS",
    "Asked",
    "Fault",
    "ProviderStandin",
    "Recorded",
    "Reply",
    "embellishing",
    "inventing",
    "run_provider",
    "slow",
    "status",
]
