"""The ledger: decisions and everything transactional, appended in hash-chained streams.

`Ledger` is loaded when it is first asked for, so that importing the room costs no database library.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from quarterdeck.records.ledger.entry import STREAMS, Draft, Entry, InboxRow
from quarterdeck.records.ledger.errors import (
    LedgerBusy,
    LedgerError,
    LedgerTooNew,
    LedgerUnreachable,
    StaleLedger,
    WrongLedgerUrl,
)

if TYPE_CHECKING:
    from quarterdeck.records.ledger.ledger import Ledger
    from quarterdeck.records.ledger.transaction import Transaction

_LOADED_ON_USE = {
    "Ledger": "quarterdeck.records.ledger.ledger",
    "Transaction": "quarterdeck.records.ledger.transaction",
}

__all__ = [
    "STREAMS",
    "Draft",
    "Entry",
    "InboxRow",
    "Ledger",
    "LedgerBusy",
    "LedgerError",
    "LedgerTooNew",
    "LedgerUnreachable",
    "StaleLedger",
    "Transaction",
    "WrongLedgerUrl",
]


def __getattr__(name: str) -> Any:
    if name in _LOADED_ON_USE:
        return getattr(import_module(_LOADED_ON_USE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
