"""Runs the beat: asks the workers every few seconds to look for due work."""

from core.jobs.beat import serve_beat
from core.settings import load_settings
from core.telemetry import configure_logging


def serve() -> None:
    """Run the beat until it is stopped."""
    settings = load_settings()
    configure_logging(settings, process="beat")
    serve_beat(settings)
