"""What the two forests share: their size, its bounds, and the grid."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any, ClassVar

from pydantic import Field
from sklearn.ensemble import ExtraTreesClassifier, RandomForestClassifier

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases import GridAttack, sklearn_seed


class Forest(GridAttack):
    """Trees on bootstrap samples of at most ``rows`` rows, so that cost stops growing with N above that.

    The smallest leaf is chosen on attacker-val.
    """

    estimator: ClassVar[type[ExtraTreesClassifier] | type[RandomForestClassifier]]

    def __init__(
        self,
        trees: Annotated[int, Field(ge=1)] = 100,
        depth: Annotated[int, Field(ge=1, le=64)] = 16,
        leaves: Annotated[tuple[Annotated[int, Field(ge=1)], ...], Field(min_length=1)] = (20, 3),
        rows: Annotated[int, Field(ge=10)] = 5_000,
    ) -> None:
        self.trees = trees
        self.depth = depth
        self.leaves = leaves
        self.rows = rows

    def screen(self, rows: int) -> int:
        """3,000: the best leaf grows slowly with the sample."""
        return min(rows, 3_000)

    def approximation(self, rows: int) -> str | None:
        """Small bootstrap samples."""
        return f"{self.rows:,} for each tree" if rows > self.rows else None

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """One forest for each smallest leaf."""
        return [
            self.estimator(
                n_estimators=self.trees,
                max_depth=self.depth,
                min_samples_leaf=leaf,
                max_features="sqrt",
                bootstrap=True,
                max_samples=self.rows if len(train) > self.rows else None,
                class_weight="balanced_subsample",
                n_jobs=ctx.threads,
                random_state=sklearn_seed(ctx, "forest"),
            )
            for leaf in self.leaves
        ]
