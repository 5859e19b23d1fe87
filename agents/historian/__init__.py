"""The historian: what a business can learn from a chat of its past. It answers nobody."""

from agents.historian.historian import learn

__all__ = ["learn"]
