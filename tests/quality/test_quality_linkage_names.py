"""Names, addresses and numbers as record linkage compares them."""

from __future__ import annotations

from collections.abc import Callable

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.quality.linkage import normal
from quarterdeck.quality.linkage.hangul import romanize, syllables


def one(function: Callable[[pl.Expr], pl.Expr], text: str | None) -> str | None:
    return pl.DataFrame({"v": [text]}, schema={"v": pl.String}).select(function(pl.col("v")).alias("v"))["v"][0]


@pytest.mark.parametrize(
    ("hangul", "latin"),
    # Revised Romanization letter by letter; the first rows are the tables' own examples.
    [
        ("한글", "hangeul"),
        ("부산", "busan"),
        ("제주", "jeju"),
        ("광주", "gwangju"),
        ("옥천", "okcheon"),
        ("춘천", "chuncheon"),
        ("의정부 2", "uijeongbu 2"),
    ],
)
def test_hangul_is_written_by_revised_romanization(hangul: str, latin: str) -> None:
    assert romanize(hangul) == latin


def test_every_syllable_has_latin_letters() -> None:
    assert len(syllables()) == 11_172
    assert all(latin.isascii() and latin.isalpha() for latin in syllables().values())


@pytest.mark.parametrize(
    "written",
    [
        "Acme Widgets, Inc.",
        "ACME WIDGETS INC",
        "Acme Widgets Co., Ltd.",
        "The Acme Widgets GmbH & Co. KG",
        "Acme  Widgets S.A.",
        "Ａｃｍｅ Widgets LLC",
    ],
)
def test_a_company_is_known_without_its_legal_form(written: str) -> None:
    assert one(normal.company, written) == "acme widgets"


@pytest.mark.parametrize(
    "written", ["삼성전자", "(주)삼성전자", "㈜삼성전자", "삼성전자 주식회사", "주식회사 삼성전자", "삼성전자(주)"]
)
def test_a_korean_company_is_known_without_its_legal_form(written: str) -> None:
    assert one(normal.company, written) == "삼성전자"


@pytest.mark.parametrize(
    ("hangul", "latin"),
    [
        ("삼성전자", "samsung electronics"),
        ("현대자동차", "hyundai motor"),
        ("엘지화학", "lg chemical"),
        ("에스케이텔레콤", "sk telecom"),
        ("한빛소프트", "hanbit soft"),
    ],
)
def test_a_korean_company_is_spelled_in_latin_letters(hangul: str, latin: str) -> None:
    assert one(normal.latin_company, hangul) == latin


def test_a_company_that_is_only_a_legal_form_keeps_its_name() -> None:
    assert one(normal.company, "Limited") == "limited"


@pytest.mark.parametrize(
    "written", ["Robert Smith", "Smith, Robert", "Mr. Bob Smith", "SMITH, Bob", "Dr. Rob Smith Jr."]
)
def test_a_person_is_one_in_every_order_and_short_form(written: str) -> None:
    name = one(normal.person, written)
    assert name is not None
    assert one(normal.sorted_name, name) == "robert smith"


@pytest.mark.parametrize(
    ("hangul", "latin"), [("김철수", "Chul-soo Kim"), ("박지성", "Park Ji-sung"), ("이민호", "Lee Min-ho")]
)
def test_a_korean_person_sounds_the_same_in_both_scripts(hangul: str, latin: str) -> None:
    sounds = [one(lambda v: normal.sound(normal.sorted_name(normal.person(v))), text) for text in (hangul, latin)]
    assert sorted(str(sounds[0])) == sorted(str(sounds[1]))


@pytest.mark.parametrize(
    ("written", "country", "number"),
    [
        ("+82 2-312-3456", None, "8223123456"),
        ("02-312-3456", "KR", "8223123456"),
        ("0082 2 312 3456", "US", "8223123456"),
        ("(030) 1234567", "DE", "49301234567"),
        ("+49 (0)30 1234567", None, "49301234567"),
        ("1-202-555-0123", "US", "12025550123"),
        ("(202) 555-0123 ext. 5", "US", "12025550123"),
        ("02-312-3456", None, "23123456"),
        ("n/a", "US", None),
    ],
)
def test_a_telephone_number_is_e164_of_its_country(written: str, country: str | None, number: str | None) -> None:
    found = one(lambda v: normal.phone(v, pl.lit(country, pl.String)), written)
    assert found == number


@pytest.mark.parametrize(
    ("address", "domain"),
    [
        ("https://www.acme.co.uk/about?x=1", "acme.co.uk"),
        ("shop.acme.com", "acme.com"),
        ("ann@mail.acme.co.kr", "acme.co.kr"),
        ("ann@gmail.com", None),
        ("someone@naver.com", None),
    ],
)
def test_a_domain_is_what_was_registered_unless_everyone_uses_it(address: str, domain: str | None) -> None:
    assert one(normal.domain, address) == domain


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("1971-06-24", "19710624"),
        ("19710624", "19710624"),
        ("24.6.1971", "19710624"),
        ("1971-06-24T10:00:00", "19710624"),
        ("June", None),
    ],
)
def test_a_date_is_eight_digits(written: str, day: str | None) -> None:
    assert one(normal.day, written) == day


@pytest.mark.parametrize("written", ["", " ", "N/A", "none", "-", "Unknown", "?"])
def test_a_word_for_nothing_is_nothing(written: str) -> None:
    assert one(normal.plain, written) is None


@given(st.text(max_size=30))
def test_what_is_normal_stays_as_it_is(text: str) -> None:
    for function in (normal.plain, normal.code, normal.email):
        once = one(function, text)
        assert one(function, once) == once
