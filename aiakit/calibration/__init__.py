"""Leaks with a known Bayes accuracy, and how much of each a suite of attacks finds."""

from aiakit.calibration.image_leaks import image_leaks
from aiakit.calibration.leaks import Leak, embedding_leaks, identity_only

__all__ = ["Leak", "embedding_leaks", "identity_only", "image_leaks"]
