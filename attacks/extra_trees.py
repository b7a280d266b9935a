"""Extremely randomised trees (Geurts, Ernst & Wehenkel, 2006)."""

from __future__ import annotations

from sklearn.ensemble import ExtraTreesClassifier

from aiakit.attacks._forest import Forest


class ExtraTrees(Forest):
    """Trees whose thresholds are drawn at random: smoother than a random forest, and several times cheaper."""

    summary = "extremely randomised trees, bounded depth and rows per tree"
    estimator = ExtraTreesClassifier
