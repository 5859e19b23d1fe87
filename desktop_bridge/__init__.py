"""The desktop bridge: reads the business's chat page and sends what was approved, once."""

__version__ = "0.1.0"
"""Reported to the server with every lease."""
