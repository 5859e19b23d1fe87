"""Texts of others that try to give orders to an assistant: one detector for what customers write and what the knowledge says."""

from core.steering.detector import Mark, Sign, marks, why

__all__ = ["Mark", "Sign", "marks", "why"]
