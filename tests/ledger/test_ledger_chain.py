"""Canonical JSON, digests and the chain's hash. The expected digests are from `printf '…' | sha256sum`."""

from __future__ import annotations

import math
from datetime import UTC, date, datetime, timedelta, timezone
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.records.ledger import LedgerError
from quarterdeck.records.ledger.chain import batch_digest, decode, encode, link_hash, payload_digest

values = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text()
    | st.decimals(allow_nan=False, allow_infinity=False)
    | st.dates()
    | st.datetimes(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(max_size=6) | st.sampled_from(["$decimal", "$at", "$$date", "$"]), inner, max_size=4)
    ),
    max_leaves=12,
)


def same(one: object, other: object) -> bool:
    """Equal in value, type and, for a Decimal, in every digit."""
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(same(one[key], other[key]) for key in one)
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(same, one, other))
    return type(one) is type(other) and (one == other) and (not isinstance(one, Decimal) or str(one) == str(other))


@given(values)
def test_every_value_comes_back_exactly(value: object) -> None:
    assert same(decode(encode(value)), value)


@given(st.dictionaries(st.text(), st.integers()))
def test_the_order_of_keys_does_not_change_the_text(value: dict[str, int]) -> None:
    assert encode(dict(reversed(value.items()))) == encode(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, None, 1.5]}, '{"a":[true,null,1.5],"b":1}'),
        (Decimal("10.10"), '{"$decimal":"10.10"}'),
        (date(2017, 10, 1), '{"$date":"2017-10-01"}'),
        (datetime(2017, 10, 1, 8, 30), '{"$at":"2017-10-01T08:30:00.000000"}'),
        (datetime(2017, 10, 1, 9, tzinfo=timezone(timedelta(hours=9))), '{"$at":"2017-10-01T00:00:00.000000"}'),
        ({"$decimal": "mine"}, '{"$$decimal":"mine"}'),
        ("서울 “Ünï” 🚢", '"서울 “Ünï” 🚢"'),
        ("\x00\n\ud800", '"\\u0000\\n\\ud800"'),
        ((1, 2), "[1,2]"),
    ],
)
def test_the_canonical_text_of(value: object, text: str) -> None:
    assert encode(value) == text
    text.encode()


@pytest.mark.parametrize("value", [math.nan, math.inf, Decimal("NaN"), Decimal("-Infinity"), b"raw", {1, 2}, object()])
def test_what_json_cannot_hold_is_refused_with_its_place(value: object) -> None:
    with pytest.raises(LedgerError, match=r"payload\.rows\[1\]\.amount is "):
        encode({"rows": [{"amount": 1}, {"amount": value}]})


def test_a_bottomless_value_is_refused() -> None:
    nested: list[object] = []
    for _ in range(5000):
        nested = [nested]
    with pytest.raises(LedgerError, match="nested too deeply"):
        encode(nested)


def test_keys_that_are_no_text_are_refused() -> None:
    with pytest.raises(LedgerError, match="keys must be text"):
        encode({"by_year": {2024: 1}})


def test_the_digest_of_a_payload_is_sha256_of_salt_and_text() -> None:
    # printf 'salt\n{"a":1}' | sha256sum
    assert payload_digest("salt", '{"a":1}') == "298a33ae7c3be7be592a6451311504ba7dd829f3091fa578f91783d85c3eafa0"


def test_the_digest_of_a_batch_is_sha256_of_its_digests() -> None:
    # printf 'aa\nbb' | sha256sum
    assert batch_digest(["aa", "bb"]) == "80c0d5c7137871baa75af2038f350bf60a4d45a131a653d0eb93f3cda3d28609"


def test_the_hash_of_a_link_is_sha256_of_its_canonical_json() -> None:
    # printf '{"at":{"$at":"2024-01-02T03:04:05.000000"},"digest":"d1","kind":"line","previous":"00",
    #         "recorded_at":{"$at":"2024-01-02T03:04:06.000000"},"sequence":7,"stream":"pay","who":"김"}' | sha256sum
    link = {
        "stream": "pay",
        "sequence": 7,
        "kind": "line",
        "who": "김",
        "at": datetime(2024, 1, 2, 3, 4, 5, tzinfo=UTC),
        "recorded_at": datetime(2024, 1, 2, 3, 4, 6),
        "digest": "d1",
        "previous": "00",
        "batch_rows": None,
    }
    assert link_hash(link) == "c578b3aade3cb8ccd758a45cf82d6b637895b86c044739fd81b3c5d607e715d0"


@pytest.mark.parametrize("field", ["stream", "kind", "who", "digest", "previous", "sequence", "at", "recorded_at"])
def test_the_hash_covers(field: str) -> None:
    link: dict[str, object] = dict.fromkeys(
        ["stream", "kind", "who", "digest", "previous", "sequence", "at", "recorded_at"], "x"
    )
    assert link_hash({**link, field: "y"}) != link_hash(link)
