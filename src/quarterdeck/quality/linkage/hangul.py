"""Hangul in Latin letters, by the tables of the Revised Romanization of Korean (2000), syllable by syllable.

Assimilation between syllables is left out: names are transliterated letter by letter, and what is compared are
spellings that people chose themselves, so that a steady key matters more than the pronunciation.
"""

from __future__ import annotations

from functools import cache

INITIALS = ("g", "kk", "n", "d", "tt", "r", "m", "b", "pp", "s", "ss", "", "j", "jj", "ch", "k", "t", "p", "h")
MEDIALS = (
    "a", "ae", "ya", "yae", "eo", "e", "yeo", "ye", "o", "wa", "wae",
    "oe", "yo", "u", "wo", "we", "wi", "yu", "eu", "ui", "i",
)  # fmt: skip
FINALS = (
    "", "k", "k", "k", "n", "n", "n", "t", "l", "k", "m", "l", "l", "l",
    "p", "l", "m", "p", "p", "t", "t", "ng", "t", "t", "k", "t", "p", "t",
)  # fmt: skip

FIRST, LAST = "가", "힣"


def syllable(letter: str) -> str:
    """A hangul syllable in Latin letters; any other letter as it is.

    >>> syllable("한"), syllable("글"), syllable("x")
    ('han', 'geul', 'x')
    """
    if not FIRST <= letter <= LAST:
        return letter
    place = ord(letter) - ord(FIRST)
    return INITIALS[place // 588] + MEDIALS[place % 588 // 28] + FINALS[place % 28]


def romanize(text: str) -> str:
    """The text with each hangul syllable in Latin letters.

    >>> romanize("부산 office")
    'busan office'
    """
    return "".join(syllable(letter) for letter in text)


@cache
def syllables() -> dict[str, str]:
    """All 11,172 syllables with their Latin letters."""
    return {chr(place): syllable(chr(place)) for place in range(ord(FIRST), ord(LAST) + 1)}
