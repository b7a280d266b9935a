"""The library concept-erasure, imported without the warning that it raises about its own use of torch."""

from __future__ import annotations

import warnings

with warnings.catch_warnings():
    warnings.simplefilter("ignore", FutureWarning)  # torch.jit.script
    from concept_erasure import LeaceEraser, QuadraticFitter
    from concept_erasure.optimal_transport import ot_barycenter, ot_map

__all__ = ["LeaceEraser", "QuadraticFitter", "ot_barycenter", "ot_map"]
