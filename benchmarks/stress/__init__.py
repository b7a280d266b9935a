"""Chaos and fuzzing."""
