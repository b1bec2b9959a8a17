"""The encoding of a text file, by what its bytes can be and which letters they would make.

Bytes that are strictly UTF-8 are UTF-8: other encodings hardly ever look like it. Of the others each is tried, and what
it makes of the bytes is weighed: Hangul syllables of everyday words, kana, accents between Latin letters. Half-width
kana, rare syllables and stray symbols are what a wrong encoding makes.
"""

from __future__ import annotations

import codecs
import re
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import IO

from quarterdeck.connectors.formats.blob import Blob
from quarterdeck.connectors.formats.table import UnreadableError

_BLOCK = 4 << 20
_MOST = 200_000
NAMES = {
    "utf-16": "UTF-16", "utf-16-le": "UTF-16", "utf-16-be": "UTF-16", "utf-32": "UTF-32", "cp949": "CP949 (Korean)",
    "cp932": "Shift-JIS (Japanese)", "euc_jp": "EUC-JP (Japanese)", "cp1252": "Windows-1252 (Western European)",
    "latin-1": "Latin-1 (Western European)",
}  # fmt: skip
_WESTERN = set("äöüßÄÖÜéèêëàâáãåæçíìîïñóòôõøúùûýÿœšžÉÈÀÁÅÆÇÍÑÓÔØÚ€£§°’‘“”–—…®©«»¿¡ºª·")


@dataclass(frozen=True)
class Encoding:
    """A codec's name; `wrong` counts bytes that are no text in it."""

    name: str
    wrong: int = 0

    @property
    def is_utf8(self) -> bool:
        return self.name in ("utf-8", "utf-8-sig")


def detect(blob: Blob) -> Encoding:
    """The encoding of a whole file. Raises UnreadableError."""
    found = _detect(blob, blob.state)
    if isinstance(found, str):
        raise UnreadableError(found)
    return found


@lru_cache(maxsize=512)
def _detect(blob: Blob, _state: tuple[str, str, int, int]) -> Encoding | str:
    try:
        return _looked_at(blob)
    except UnreadableError as error:
        return str(error)


def _looked_at(blob: Blob) -> Encoding:
    with blob.open() as stream:
        start = stream.read(4096)
        marked = _marked(start)
        if marked is not None and marked != "utf-8-sig":
            return Encoding(marked)
        wrong, good, lines = _look(start, stream)
    if not wrong or good > 20 * wrong:
        return Encoding(marked or "utf-8", wrong)
    return Encoding(marked, wrong) if marked else Encoding(best(lines))


def _marked(start: bytes) -> str | None:
    if start[:4] in (codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE):
        return "utf-32"
    if start[:2] in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):
        return "utf-16"
    if start[:3] == codecs.BOM_UTF8:
        return "utf-8-sig"
    for name, place in (("utf-16-le", 1), ("utf-16-be", 0)):
        half, other = start[place::2], start[1 - place :: 2]
        if len(start) >= 8 and half.count(0) > 0.4 * len(half) and other.count(0) < 0.05 * len(other):
            return name
    return None


def _look(start: bytes, stream: IO[bytes]) -> tuple[int, int, bytes]:
    """Bytes that are no UTF-8, signs of several bytes that are, and some lines with high bytes."""
    wrong = good = 0
    lines, rest, block = b"", b"", start
    while block or rest:
        data, is_last = rest + block, not block
        rest = b""
        if not data.isascii():
            if not is_last:
                cut = _whole(data)
                data, rest = data[:cut], data[cut:]
            new, well = _count(data)
            wrong, good = wrong + new, good + well
            if len(lines) < _MOST:
                lines += b"\n".join(re.findall(rb"[^\r\n]{0,64}[\x80-\xff][^\r\n]{0,512}", data)[:2000])[:_MOST]
        if is_last:
            break
        block = stream.read(_BLOCK)
    return wrong, good, lines


def _whole(data: bytes) -> int:
    """Where to cut so that no sign of UTF-8 is cut."""
    for back in range(1, min(4, len(data)) + 1):
        byte = data[-back]
        if byte >= 0xC0:
            return len(data) - back
        if byte < 0x80:
            break
    return len(data)


def _count(data: bytes) -> tuple[int, int]:
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        text = data[: 1 << 20].decode("utf-8", "surrogateescape")
        bad = len(re.findall("[\udc80-\udcff]", text))
        return max(bad, 1), len(re.findall("[^\x00-\x7f\udc80-\udcff]", text))
    return 0, len(re.findall(rb"[\xc2-\xf4]", data[: 1 << 20]))


def best(lines: bytes) -> str:
    """The encoding that makes the most sense of some lines of text that is no UTF-8.

    >>> best("이름,고객사".encode("cp949")), best("東京の会社".encode("cp932")), best("Müller".encode("cp1252"))
    ('cp949', 'cp932', 'cp1252')
    """
    scores = []
    for place, (name, weigh) in enumerate(_CANDIDATES.items()):
        text = _decoded(lines, name)
        if text is not None:
            scores.append((weigh(text), -place, name))
    return max(scores)[2] if scores else "latin-1"


def _decoded(lines: bytes, name: str) -> str | None:
    """The lines that decode, when nearly all do."""
    made, lost = [], 0
    for line in lines.split(b"\n"):
        try:
            made.append(line.decode(name))
        except UnicodeDecodeError as error:
            # a line that was cut at its end may lack half a sign
            if error.start >= len(line) - 2 and len(line) > 500:
                made.append(line[: error.start].decode(name))
            else:
                lost += 1
    return "\n".join(made) if lost <= 0.02 * len(made) else None


def _korean(text: str) -> float:
    def one(sign: str) -> float:
        if "가" <= sign <= "힣":
            return 1.0 if _fits(sign, "euc_kr") else -0.5
        return 0.3 if "一" <= sign <= "鿿" else 0.2 if sign in "·…“”‘’○●△※→㈜①②③" else -0.5

    return _mean(text, one)


def _japanese(text: str) -> float:
    def one(sign: str) -> float:
        if "ぁ" <= sign <= "ヿ":
            return 1.1
        if "一" <= sign <= "鿿":
            return 0.7
        if sign in "、。・「」（）々〆〒〜～－　：／" or "０" <= sign <= "ｚ":
            return 0.4
        return 0.0 if "｡" <= sign <= "ﾟ" else -0.5

    return _mean(text, one)


def _western(text: str) -> float:
    def one(sign: str) -> float:
        return 0.9 if sign in _WESTERN else 0.3 if sign.isalpha() else -0.5

    # accents stand alone among letters, the bytes of other scripts side by side
    runs = re.findall("[^\x00-\x7f]+", text)
    lone = sum(len(run) <= 2 for run in runs) / max(len(runs), 1)
    return _mean(text, one) * lone


def _mean(text: str, one: Callable[[str], float]) -> float:
    high = re.findall("[^\x00-\x7f]", text)
    return sum(one(sign) for sign in high) / len(high) if high else 0.0


@lru_cache(maxsize=20_000)
def _fits(sign: str, codec: str) -> bool:
    try:
        # syllables outside the standard's table are spelt with several signs, in eight bytes
        return len(sign.encode(codec)) == 2
    except UnicodeEncodeError:
        return False


_CANDIDATES: dict[str, Callable[[str], float]] = {
    "cp949": _korean,
    "cp932": _japanese,
    "euc_jp": _japanese,
    "cp1252": _western,
    "latin-1": lambda text: _western(text) - 0.01,
}
