"""The translations are whole and in step."""

from __future__ import annotations

import string

import pytest

from quarterdeck.interfaces import catalogue

REMEDY = "run: python -m quarterdeck.interfaces.catalogue"


def test_the_template_holds_what_the_code_says() -> None:
    assert catalogue.TEMPLATE.read_bytes() == catalogue.po_bytes(catalogue.collect()), REMEDY


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_every_message_is_translated_and_none_is_left_over(language: str) -> None:
    wanted = {message.id for message in catalogue.collect() if message.id}
    read = catalogue.read(language)
    assert {message.id for message in read if message.id} == wanted, REMEDY
    assert catalogue.untranslated(read) == []


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_the_compiled_form_is_in_step_with_the_text(language: str) -> None:
    compiled = catalogue.po_path(language).with_suffix(".mo").read_bytes()
    assert compiled == catalogue.mo_bytes(catalogue.read(language)), REMEDY


@pytest.mark.parametrize("language", catalogue.LANGUAGES)
def test_a_translation_names_the_same_values(language: str) -> None:
    for message in catalogue.read(language):
        if not message.id:
            continue
        originals = message.id if isinstance(message.id, tuple) else (message.id,)
        strings = message.string if isinstance(message.string, tuple) else (message.string,)
        for translated in strings:
            assert fields(str(translated)) == fields(originals[0]), originals


def fields(text: str) -> set[str]:
    return {name for _, name, _, _ in string.Formatter().parse(text) if name}
