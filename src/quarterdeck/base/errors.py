"""Errors that are raised: wrong calls and wrong configuration. Faults in data are findings (`base.finding`)."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class QuarterdeckError(Exception):
    """A wrong call or configuration. The message says what to do; the command line exits with 2."""


class ConfigurationError(QuarterdeckError):
    """All faults of the workspace's text files at once, each with its file, line and remedy."""

    def __init__(self, faults: Iterable[str]) -> None:
        self.faults = tuple(faults)
        super().__init__("\n".join(self.faults))


def did_you_mean(word: str, known: Iterable[str]) -> str:
    """A remedy for an unknown name: the nearest known one, else all of them.

    >>> did_you_mean("win_rat", ["win_rate", "won_value"])
    "did you mean 'win_rate'?"
    """
    known = sorted(known)
    near = difflib.get_close_matches(word, known, n=1, cutoff=0.6)
    return f"did you mean '{near[0]}'?" if near else "known: " + ", ".join(known)
