"""Options with which the defenses of the field take a moment: a check holds of a small network as of a large one."""

from __future__ import annotations

from typing import Any

SHORT: dict[str, dict[str, Any]] = {
    "leace": {},
    "mean-projection": {},
    "splince": {"directions": 4},
    "quadratic-leace": {},
    "identity-transport": {"latent": 8},
    "certified-code": {"latent": 4, "values": 5},
    "aia-ensemble": {"epochs": 2, "latent": 8, "hsic": 1.0, "renew_every": 2},
    "r-lace": {"steps": 40},
    "density-matching": {"steps": 10},
    "fare": {"cells": 4, "people": 2, "groups": 3, "latent": 4},
    "inlp": {"iterations": 4},
    "ive": {"trees": 5, "rounds": 2},
    "kernel-arl": {"features": 64, "latent": 8},
    "kram": {"epochs": 2},
    "obliviator": {"epochs": 2, "iterations": 2, "latent": 8, "waves": 32},
    "grl": {"epochs": 2, "latent": 8},
    "maxent-arl": {"epochs": 2, "latent": 8},
    "vib": {"epochs": 2, "latent": 8},
    "gaussian-noise": {},
    "laplace-noise": {},
    "pe-miu": {},
    "blur": {},
    "pixelate": {},
    "downsample": {},
    "k-same": {"k": 4},
    "san": {"epochs": 1, "width": 4},
}
