"""Forecasts of all nodes of a hierarchy made to add up: bottom-up, or by the smallest trace of errors (MinT).

MinT (Wickramasuriya, Athanasopoulos, Hyndman 2019) with a shrunken covariance of the one-step errors; where there are
too many nodes for it, with their variances alone. Both from hierarchicalforecast.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from scipy.sparse import csr_matrix

Array = NDArray[np.float64]
Reconcile = Callable[[Array], Array]

DENSE_NODES = 3000
LEAST_ERRORS = 8
"""One-step errors that must be known of most nodes before MinT is tried."""


def bottom_up(summing: csr_matrix) -> Reconcile:
    """The leaves' own forecasts: array (nodes, k) in, (leaves, k) out."""
    nodes, leaves = summing.shape
    return lambda base: np.asarray(base[nodes - leaves :])


def mint(summing: csr_matrix, errors: Array) -> Reconcile | None:
    """MinT from one-step errors, array (nodes, periods) with NaN where unknown; None where they are too few.

    A node without errors of its own (it never moved) gets a small variance, so that it is left where it is.
    """
    from hierarchicalforecast.methods import MinTrace, MinTraceSparse

    usable = np.isfinite(errors).mean(axis=0) > 0.5
    if usable.sum() < LEAST_ERRORS:
        return None
    known = errors[:, usable]
    size = np.sqrt(np.nanmean(np.where(np.isfinite(known), known**2, np.nan), axis=1, where=np.isfinite(known)))
    floor = 1e-3 * float(np.nanmedian(size[size > 0])) if (size > 0).any() else 1e-3
    scale = np.maximum(np.nan_to_num(size), floor)
    noise = np.random.default_rng(0).normal(size=known.shape) * scale[:, None]
    filled = np.where(np.isfinite(known), known, noise)
    filled = np.where((np.nan_to_num(size) < floor)[:, None], noise, filled)
    nodes = summing.shape[0]
    is_dense = nodes <= DENSE_NODES
    method = MinTrace("mint_shrink") if is_dense else MinTraceSparse("wls_var")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            method.fit(
                S=summing.toarray() if is_dense else summing,
                y_hat=np.zeros((nodes, 1)),
                y_insample=filled,
                y_hat_insample=np.zeros_like(filled),
            )
        except Exception:
            # The library raises bare exceptions where the covariance cannot be inverted: bottom-up then stands.
            return None
    matrix = method.P
    return lambda base: np.asarray(matrix @ base)


def nonnegative(summing: csr_matrix, leaves: Array) -> Array:
    """The leaves that are not negative and whose nodes lie nearest to those given: array (leaves, k)."""
    if leaves.min(initial=0.0) >= 0:
        return leaves
    from hierarchicalforecast.methods import MinTraceSparse

    wanted = np.asarray(summing @ leaves)
    scale = max(float(np.abs(wanted).max()), 1e-12)
    method = MinTraceSparse("wls_struct", nonnegative=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            method.fit(S=summing, y_hat=wanted / scale)
        except Exception:
            return np.maximum(leaves, 0.0)
    found = np.asarray(method.y_hat)[-leaves.shape[0] :] * scale
    return np.maximum(found, 0.0)
