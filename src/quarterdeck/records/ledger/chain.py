"""Canonical JSON, digests of payloads, and the hash that links an entry to the one before.

The text of a value is canonical: the same value gives the same bytes on every machine, and `decode` gives it back
exactly. Decimals, days and instants are kept as tagged strings, because JSON has no word for them.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from typing import Any

from quarterdeck.records.ledger.errors import LedgerError

GENESIS = "0" * 64
"""What the first entry of a stream has as its previous hash."""

LINKED = ("stream", "sequence", "kind", "who", "at", "recorded_at", "digest", "previous")
"""What an entry's hash covers."""

_SURROGATE = re.compile("[\ud800-\udfff]")
_DECODERS: dict[str, Callable[[str], Any]] = {
    "$decimal": Decimal,
    "$date": date.fromisoformat,
    "$at": datetime.fromisoformat,
}


def encode(value: Any) -> str:
    """Canonical JSON: keys sorted by code point, no blanks, non-ASCII as it is, floats in their shortest form.

    Takes None, bool, int, finite float, str, Decimal, date, datetime (made UTC), and mappings with text keys and
    sequences of these; a tuple comes back as a list. Raises LedgerError, naming the place, for anything else.

    >>> encode({"b": Decimal("1.10"), "a": "서울"})
    '{"a":"서울","b":{"$decimal":"1.10"}}'
    """
    try:
        plain = _plain(value, "payload")
        text = json.dumps(plain, ensure_ascii=False, allow_nan=False, sort_keys=True, separators=(",", ":"))
    except RecursionError as error:
        raise LedgerError("the payload is nested too deeply: give flat rows") from error
    # A lone surrogate is legal JSON, and arrives from outside, but no UTF-8 file can hold it.
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", text)


def decode(text: str) -> Any:
    """The value of a canonical text.

    >>> decode('{"a":{"$date":"2017-10-01"}}')
    {'a': datetime.date(2017, 10, 1)}
    """
    return json.loads(text, object_hook=_value)


def _plain(value: Any, place: str) -> Any:
    if value is None or isinstance(value, (bool, str, int)):
        return value
    if isinstance(value, float):
        if not math.isfinite(value):
            raise LedgerError(f"{place} is {value}, which is no number: leave it out or write None")
        return value
    if isinstance(value, Decimal):
        if not value.is_finite():
            raise LedgerError(f"{place} is {value}, which is no number: leave it out or write None")
        return {"$decimal": str(value)}
    if isinstance(value, datetime):
        return {"$at": instant(value).isoformat(timespec="microseconds")}
    if isinstance(value, date):
        return {"$date": value.isoformat()}
    if isinstance(value, Mapping):
        return {_key(key, place): _plain(item, f"{place}.{key}") for key, item in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, (bytes, bytearray, memoryview)):
        return [_plain(item, f"{place}[{number}]") for number, item in enumerate(value)]
    raise LedgerError(
        f"{place} is a {type(value).__name__}, which the ledger does not keep: "
        "give text, a number, a Decimal, a date, an instant, or lists and maps of these"
    )


def _key(key: Any, place: str) -> str:
    if not isinstance(key, str):
        raise LedgerError(f"{place} has the key {key!r}: keys must be text")
    # The user's own "$…" keys are doubled, so that they are never taken for a tag.
    return f"${key}" if key.startswith("$") else key


def _value(found: dict[str, Any]) -> Any:
    if len(found) == 1:
        tag, text = next(iter(found.items()))
        if tag in _DECODERS:
            return _DECODERS[tag](text)
    return {key[1:] if key.startswith("$$") else key: item for key, item in found.items()}


def instant(value: datetime) -> datetime:
    """The instant in naive UTC; a naive one is UTC already."""
    return value if value.tzinfo is None else value.astimezone(UTC).replace(tzinfo=None)


def new_salt() -> str:
    """Random text kept beside a payload and erased with it: without it, a digest of a name could be guessed back."""
    return secrets.token_hex(16)


def payload_digest(salt: str, text: str) -> str:
    """SHA-256 (hex) of the salt and the payload's canonical text."""
    return hashlib.sha256(f"{salt}\n{text}".encode()).hexdigest()


def batch_digest(digests: Sequence[str]) -> str:
    """SHA-256 (hex) over the digests of a sealed batch's rows, in their order."""
    return hashlib.sha256("\n".join(digests).encode()).hexdigest()


def link_hash(values: Mapping[str, Any]) -> str:
    """SHA-256 (hex) of the canonical JSON of an entry's `LINKED` values; the payload is in it through its digest."""
    return hashlib.sha256(encode({name: values[name] for name in LINKED}).encode()).hexdigest()
