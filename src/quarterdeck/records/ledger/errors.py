"""What the ledger raises; each message ends with what to do."""

from __future__ import annotations

from quarterdeck.base.errors import QuarterdeckError


class LedgerError(QuarterdeckError):
    """A wrong call of the ledger, or a database that does not serve it."""


class StaleLedger(LedgerError):
    """Somebody appended to the stream after the caller read it; nothing was written."""

    def __init__(self, stream: str, expected: int, found: int) -> None:
        self.stream, self.expected, self.found = stream, expected, found
        super().__init__(
            f"the stream {stream!r} stands at entry {found}, not at {expected} as when you read it: "
            "read it again and decide again"
        )


class LedgerBusy(LedgerError):
    """Another process holds the lock for longer than the patience; nothing was written."""


class LedgerTooNew(LedgerError):
    """The ledger's tables are of a later version than this program knows."""


class LedgerUnreachable(LedgerError):
    """The database does not answer, or the file cannot be opened."""


class WrongLedgerUrl(LedgerError):
    """The URL names no database that a ledger can lie in."""
