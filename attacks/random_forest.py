"""Random forest (Breiman, 2001)."""

from __future__ import annotations

from sklearn.ensemble import RandomForestClassifier

from aiakit.attacks._forest import Forest


class RandomForest(Forest):
    """Trees with the best of several random splits."""

    summary = "random forest, bounded depth and rows per tree"
    estimator = RandomForestClassifier
