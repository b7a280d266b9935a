"""De-censoring: undo the protection first, then attack."""

from __future__ import annotations

from typing import Annotated, Any, Self

import numpy as np
from numpy.typing import NDArray
from pydantic import Field
from sklearn.decomposition import PCA
from sklearn.kernel_approximation import Nystroem
from sklearn.linear_model import LogisticRegression, Ridge
from sklearn.model_selection import GroupKFold, cross_val_predict
from sklearn.pipeline import FeatureUnion, make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from threadpoolctl import threadpool_limits

from aiakit.contracts import Attack, Context, LabelledRelease, Release
from aiakit.plugins.bases import all_classes, embedding, mean_auc, sklearn_seed

FOLDS = 5


class Decensor(Attack):
    """Learns protected → undefended features on the attacker's own people, then reads the attribute from those.

    The attacker runs the defense on photographs of its own, so it holds pairs of protected and undefended features.
    A ridge regression on the protected embedding and its Nyström features predicts the undefended embedding (or, where
    there is none, principal components of the photographs); logistic regression reads the attribute from the
    prediction, made out of fold by person so that it is as rough in training as it will be on new people. Follows
    Elazar and Goldberg's observation that erased attributes stay recoverable, and Osorio-Roig et al. (2111.12405).
    """

    knowledge = "adaptive"
    presets = ("strong",)
    summary = "learns protected to undefended features on the attacker's photographs, then logistic regression"

    def __init__(
        self,
        landmarks: Annotated[int, Field(ge=10)] = 500,
        components: Annotated[int, Field(ge=2)] = 128,
        strengths: tuple[float, ...] = (0.001, 0.01, 0.1),
    ) -> None:
        self.landmarks = landmarks
        self.components = components
        self.strengths = strengths

    def fit(self, train: LabelledRelease, val: LabelledRelease, ctx: Context) -> Self:
        self._classes, self._threads = len(train.classes), ctx.threads
        protected, groups = embedding(train.release), train.identity
        if len(np.unique(train.labels)) < 2:
            raise ValueError("de-censoring needs more than one class to learn from")
        with threadpool_limits(ctx.threads):
            target = StandardScaler().fit_transform(self._undefended(train, ctx))
            self._restore = self._regression(len(protected), ctx)
            folds = GroupKFold(min(FOLDS, len(np.unique(groups))))
            restored = cross_val_predict(self._restore, protected, target, groups=groups, cv=folds)
            self._restore.fit(protected, target)
            self._scaler = StandardScaler().fit(restored)
            best = -np.inf
            for strength in self.strengths:
                model = LogisticRegression(C=strength, class_weight="balanced", max_iter=500)
                model.fit(self._scaler.transform(restored), train.labels)
                score = mean_auc(self._proba(model, val.release), val)
                if score > best:
                    best, self._model = score, model
        return self

    def _undefended(self, train: LabelledRelease, ctx: Context) -> NDArray[Any]:
        if train.undefended is not None and train.undefended.embedding is not None:
            return train.undefended.embedding
        if train.images is None:
            raise ValueError("de-censoring needs the attacker's photographs or their undefended release")
        pixels = np.asarray(train.images).reshape(len(train), -1).astype(np.float32) / 255
        components = min(self.components, *pixels.shape)
        return np.asarray(
            PCA(components, svd_solver="randomized", random_state=sklearn_seed(ctx)).fit_transform(pixels)
        )

    def _regression(self, samples: int, ctx: Context) -> Any:
        landmarks = Nystroem(
            n_components=min(self.landmarks, samples // 2), random_state=sklearn_seed(ctx, "landmarks")
        )
        features = FeatureUnion([("as it is", FunctionTransformer()), ("nystroem", landmarks)])
        return make_pipeline(StandardScaler(), features, Ridge(alpha=samples / 1000))

    def _proba(self, model: Any, release: Release) -> NDArray[np.float64]:
        restored = self._scaler.transform(self._restore.predict(embedding(release)))
        return all_classes(model.predict_proba(restored), model.classes_, self._classes)

    def predict_proba(self, release: Release) -> NDArray[Any]:
        with threadpool_limits(self._threads):
            return self._proba(self._model, release)
