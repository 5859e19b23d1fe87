"""Passwords of members: Argon2id with 19 MiB and two passes, about 20 ms; call it in a thread from a coroutine."""

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

_UNKNOWN = "$argon2id$v=19$m=19456,t=2,p=1$d2F4b3Mtbm8tc3VjaC11c2Vy$xzzSqhMNOmVVIaTD+q0q8x4M7jIzWh9/kPaqQV8cIew"


def _hasher() -> PasswordHasher:
    return PasswordHasher(time_cost=2, memory_cost=19_456, parallelism=1)


def hash_password(password: str) -> str:
    """Return the Argon2id hash of a password with a random salt."""
    return _hasher().hash(password)


def verify_password(stored: str | None, password: str) -> bool:
    """Tell whether `password` is the one behind `stored`; with no stored hash it takes as long and says no."""
    try:
        return _hasher().verify(stored or _UNKNOWN, password) and stored is not None
    except (VerificationError, InvalidHashError):
        return False


def needs_rehash(stored: str) -> bool:
    """Tell whether a hash was made with other parameters than today's and should be renewed at the next sign-in."""
    return _hasher().check_needs_rehash(stored)
