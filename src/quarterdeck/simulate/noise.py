"""Random numbers by name: the same seed, purpose and entity give the same number, in whatever order they are asked.

So two worlds that differ in one decision share every other accident (common random numbers), and content does not
depend on how the work is cut into chunks. The mixing function is the finaliser of SplitMix64 (Steele, Lea and Flood,
"Fast splittable pseudorandom number generators", OOPSLA 2014).
"""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Keys = NDArray[np.uint64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)


def _mix(bits: Any) -> Any:
    bits = (bits ^ (bits >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
    bits = (bits ^ (bits >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
    return bits ^ (bits >> np.uint64(31))


def _seed(text: str) -> np.uint64:
    return np.uint64(int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big"))


class Noise:
    """Random numbers of one world."""

    def __init__(self, seed: int, stream: str = "world") -> None:
        self._root = _seed(f"{seed}\x1f{stream}")
        self._purposes: dict[str, np.uint64] = {}

    def bits(self, purpose: str, *keys: Any) -> Keys:
        """64 random bits for each combination of the keys (arrays of integers or single integers)."""
        if purpose not in self._purposes:
            self._purposes[purpose] = _seed(purpose)
        with np.errstate(over="ignore"):
            state: Any = np.atleast_1d(self._root ^ self._purposes[purpose])
            for key in keys:
                part = np.atleast_1d(np.asarray(key)).astype(np.uint64)
                state = _mix((state ^ part) * _GOLDEN + _GOLDEN)
            return np.asarray(_mix(state), dtype=np.uint64)

    def uniform(self, purpose: str, *keys: Any) -> Floats:
        """Uniform in [0, 1)."""
        return (self.bits(purpose, *keys) >> np.uint64(11)).astype(np.float64) * 2.0**-53

    def normal(self, purpose: str, *keys: Any) -> Floats:
        """Standard normal (Box and Muller)."""
        radius = np.sqrt(-2.0 * np.log1p(-self.uniform(purpose, *keys)))
        return np.asarray(radius * np.cos(2.0 * np.pi * self.uniform(purpose + "~", *keys)))

    def exponential(self, purpose: str, *keys: Any) -> Floats:
        """Exponential with mean 1."""
        return np.asarray(-np.log1p(-self.uniform(purpose, *keys)))

    def pick(self, purpose: str, weights: Any, *keys: Any) -> Ints:
        """Index drawn with the weights."""
        edges = np.cumsum(np.asarray(weights, dtype=np.float64))
        return np.searchsorted(edges / edges[-1], self.uniform(purpose, *keys), side="right").astype(np.int64)

    def whole(self, purpose: str, mean: Any, *keys: Any) -> Ints:
        """Whole numbers with that mean and little spread: the fraction decides by chance."""
        return np.floor(np.asarray(mean) + self.uniform(purpose, *keys)).astype(np.int64)
