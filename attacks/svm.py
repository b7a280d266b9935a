"""Support vector machines with a Gaussian kernel (Cortes & Vapnik, 1995)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import Field
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import RidgeClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.svm import SVC

from aiakit.contracts import Context, LabelledRelease
from aiakit.plugins.bases import GridAttack, sklearn_seed


class SVM(GridAttack):
    """RBF kernel, penalty and width chosen on attacker-val (on a sample of the rows; the winner sees all).

    The exact machine costs N²·D, so above ``exact_rows`` it becomes a least-squares classifier on ``landmarks`` Nyström
    features (Williams & Seeger, NIPS 2000), whose cost is linear in N.
    """

    presets = ("fast", "strong")
    summary = "RBF-kernel SVM, exact up to 20,000 rows and Nyström above"

    def __init__(
        self,
        penalties: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (1.0, 10.0),
        widths: Annotated[tuple[Annotated[float, Field(gt=0)], ...], Field(min_length=1)] = (0.25, 1.0, 4.0),
        exact_rows: Annotated[int, Field(ge=1)] = 20_000,
        landmarks: Annotated[int, Field(ge=10)] = 1_000,
    ) -> None:
        self.penalties = penalties
        self.widths = widths
        self.exact_rows = exact_rows
        self.landmarks = landmarks

    def screen(self, rows: int) -> int:
        """3,000 where the cost is quadratic; 20,000 for Nyström features, whose weak leaks need more to be seen."""
        return min(rows, 3_000 if rows <= self.exact_rows else 20_000)

    def approximation(self, rows: int) -> str | None:
        """Nyström features."""
        if rows <= self.exact_rows:
            return None
        return f"{self.landmarks:,} Nyström features and least squares"

    def candidates(self, train: LabelledRelease, dims: int, ctx: Context) -> Sequence[Any]:
        """Every C with every γ, which is a multiple of 1/D (the inputs have unit variance)."""
        return [self._machine(c, width / dims, train, ctx) for width in self.widths for c in self.penalties]

    def _machine(self, c: float, gamma: float, train: LabelledRelease, ctx: Context) -> Any:
        if len(train) <= self.exact_rows:
            return SVC(C=c, gamma=gamma, class_weight="balanced", cache_size=500)
        features = Nystroem(gamma=gamma, n_components=self.landmarks, random_state=sklearn_seed(ctx, "landmarks"))
        # least squares has a closed form, and judged on attacker-val it orders people as well as the hinge loss does
        return make_pipeline(features, StandardScaler(), RidgeClassifier(alpha=400 / c, class_weight="balanced"))
