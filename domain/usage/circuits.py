"""Which AI providers rest, known to all processes of a desk by its Redis."""

from core.aal.circuits import Circuits, MemoryMarks
from core.jobs.marks import RedisMarks
from core.settings import Settings


def shared_circuits(settings: Settings) -> Circuits:
    """Return the circuits of a process; without a Redis they are its own."""
    url = settings.redis_url
    return Circuits(MemoryMarks(), RedisMarks(url.get_secret_value()) if url else None)
