"""How good odds are, and how they are set right."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import brier_score_loss, log_loss, roc_auc_score

Array = NDArray[np.float64]
SURE = 2.0
"""Standard errors by which a model's log loss must be below the base's."""
WORTH = 0.002
"""Share of the base's log loss that a model must save to be worth its words."""


def logit(p: Array) -> Array:
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return np.asarray(np.log(clipped / (1 - clipped)), dtype=np.float64)


def sigmoid(x: Array) -> Array:
    return np.asarray(1 / (1 + np.exp(-np.clip(x, -500, 500))), dtype=np.float64)


def measures(y: Array, p: Array, w: Array) -> dict[str, float]:
    """Log loss, AUC and Brier score of odds `p` for outcomes `y`."""
    clipped = np.clip(p, 1e-6, 1 - 1e-6)
    return {
        "log_loss": float(log_loss(y, clipped, sample_weight=w, labels=[0, 1])),
        "auc": float(roc_auc_score(y, p, sample_weight=w)),
        "brier": float(brier_score_loss(y, p, sample_weight=w)),
    }


def slope(p: Array, y: Array, w: Array) -> float:
    """By what the logit of odds must be stretched to be right; held between half and one and a half."""
    found = LogisticRegression(C=1e6, max_iter=500).fit(logit(p)[:, None], y, sample_weight=w)
    return float(np.clip(found.coef_[0, 0], 0.5, 1.5))


def level(logits: Array, rate: float, w: Array) -> float:
    """What must be added to the logits so that the odds are `rate` on average; found by halving."""
    low, high = -4.0, 4.0
    for _ in range(50):
        middle = (low + high) / 2
        mean = float(np.average(sigmoid(logits + middle), weights=w))
        low, high = (middle, high) if mean < rate else (low, middle)
    return (low + high) / 2


def surely_better(p: Array, base: Array, y: Array, w: Array) -> bool:
    """Log loss of `p` is below that of `base` by a share that is worth it, and by more than chance explains."""
    losses = [
        -(y * np.log(odds) + (1 - y) * np.log(1 - odds))
        for odds in (np.clip(p, 1e-6, 1 - 1e-6), np.clip(base, 1e-6, 1 - 1e-6))
    ]
    gain = w * (losses[1] - losses[0]) / w.mean()
    least = WORTH * float(np.average(losses[1], weights=w))
    return bool(gain.mean() > max(SURE * gain.std() / np.sqrt(len(gain)), least))
