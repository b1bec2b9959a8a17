"""A clock for tests."""

from __future__ import annotations

from datetime import datetime, timedelta


class Clock:
    """A clock that stands until it is moved."""

    def __init__(self) -> None:
        self.now = datetime(2024, 3, 1, 9)

    def __call__(self) -> datetime:
        return self.now

    def forward(self, **span: int) -> datetime:
        self.now += timedelta(**span)
        return self.now
