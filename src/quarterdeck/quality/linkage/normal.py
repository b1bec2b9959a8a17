"""Values as they are compared: without what is written now this way, now that. All are Polars expressions over text."""

from __future__ import annotations

import csv
from functools import cache
from importlib.resources import files

import polars as pl

from quarterdeck.quality.linkage.hangul import syllables

MISSING = ("", "-", "--", "?", ".", "n/a", "na", "nan", "null", "none", "nil", "unknown", "not known", "tbd", "select")
_SECOND_LEVEL = "(?:co|com|or|ne|ac|go|org|net|gov|edu|re|pe|gob|gouv)"
_HANGUL = "[가-힣]"
_LETTERS = (
    ("sch", "s"), ("ph", "p"), ("ch", "j"), ("sh", "s"), ("th", "t"), ("ck", "k"), ("ng", "n"),
    ("x", "ks"), ("q", "k"), ("c", "k"), ("g", "k"), ("d", "t"), ("b", "p"), ("v", "p"), ("f", "p"), ("z", "j"),
    ("l", "r"), ("w", ""), ("h", ""), ("y", ""), ("a", ""), ("e", ""), ("i", ""), ("o", ""), ("u", ""),
)  # fmt: skip


@cache
def words(name: str) -> dict[str, str]:
    """A list of `words.csv`: word to what it stands for."""
    text = (files("quarterdeck.quality.linkage") / "words.csv").read_text(encoding="utf-8")
    return {row["word"]: row["meaning"] for row in csv.DictReader(text.splitlines()) if row["list"] == name}


def _filled(value: pl.Expr) -> pl.Expr:
    return pl.when(~value.is_in(MISSING)).then(value)


def folded(value: pl.Expr) -> pl.Expr:
    """Lower case, one width, one space, no accents; missing words are null."""
    return value.map_batches(_folded_texts, return_dtype=pl.String)


def _folded_texts(texts: pl.Series) -> pl.Series:
    bare = texts.str.to_lowercase()
    if texts.str.contains(r"[^\x00-\x7f]").any():
        narrow = texts.str.normalize("NFKC").str.to_lowercase().str.normalize("NFKD")
        bare = narrow.str.replace_all(r"[\u{300}-\u{36f}]", "").str.normalize("NFC")
    spaced = bare.str.replace_all(r"\s+", " ").str.strip_chars()
    return spaced.set(spaced.is_in(MISSING), None)


def plain(value: pl.Expr) -> pl.Expr:
    """Letters, digits and single spaces."""
    joined = folded(value).str.replace_all(r"['’`´.]", "")
    return _filled(joined.str.replace_all(r"[^\p{L}\p{N}]+", " ").str.strip_chars())


def code(value: pl.Expr) -> pl.Expr:
    """Letters and digits alone: identifiers and postcodes."""
    return _filled(folded(value).str.replace_all(r"[^\p{L}\p{N}]+", ""))


def company(value: pl.Expr) -> pl.Expr:
    """A company's name without its legal form, unless it consists of nothing else."""
    return value.map_batches(_companies, return_dtype=pl.String)


def _companies(names: pl.Series) -> pl.Series:
    frame = names.alias("v").to_frame().select(v=folded(pl.col("v")))
    bare = frame["v"].str.replace_all("&", " and ", literal=True)
    if names.str.contains(r"[^\x00-\x7f]").any():
        hangul = "|".join(words("hangul_legal"))
        bare = bare.str.replace_all(r"\(\s*[주유재사합]\s*\)", " ").str.replace_all(f"(?:{hangul})", " ")
    frame = frame.with_columns(bare=bare).with_columns(bare=plain(pl.col("bare")).str.strip_prefix("the "))
    # Most names have no legal form at their end: the last word tells, sooner than a search through all of them.
    is_legal = pl.col("bare").str.extract(r"(\S+)$").is_in(list(words("legal")))
    forms = "|".join(words("legal"))
    ends = frame.with_row_index("row").filter(is_legal)
    ends = ends.select("row", short=_filled(pl.col("bare").str.replace(f"(?: (?:and )?(?:{forms}))+$", "")))
    found = frame.with_row_index("row").join(ends, on="row", how="left", maintain_order="left")
    return found.select(pl.coalesce("short", "bare", plain(pl.col("v"))))["short"]


def latin_company(value: pl.Expr) -> pl.Expr:
    """The name in Latin letters: Korean business words by their English ones, the rest letter by letter."""
    return value.map_batches(_latin_companies, return_dtype=pl.String)


def _latin_companies(names: pl.Series) -> pl.Series:
    if not names.str.contains(_HANGUL).any():
        return names
    known = words("hangul_company")
    spelled = names.str.replace_many(list(known), [f" {word} " for word in known.values()], leftmost=True)
    return _latin_texts(spelled).str.replace_all(" +", " ").str.strip_chars()


def latin(value: pl.Expr) -> pl.Expr:
    """The text with hangul in Latin letters."""
    return value.map_batches(_latin_texts, return_dtype=pl.String)


def _latin_texts(texts: pl.Series) -> pl.Series:
    # The table of all syllables is dear to search with: most columns have none of them.
    is_hangul = texts.str.contains(_HANGUL)
    if not is_hangul.any():
        return texts
    table = syllables()
    return texts.str.replace_many(list(table), list(table.values()))


def person(value: pl.Expr) -> pl.Expr:
    """A full name, first name first, without titles; a Korean one in Latin letters, with the surname as customary."""
    text = folded(value).str.replace_all("[-‐]", "")
    turned = text.str.replace(r"^([^,]+),\s*([^,]+)$", "${2} ${1}")
    titles = "|".join(words("title"))
    bare = plain(turned).str.replace_all(rf"^(?:(?:{titles}) )+|(?: (?:{titles}))+$", "")
    return _filled(_korean_person(bare))


def _korean_person(value: pl.Expr) -> pl.Expr:
    joined = value.str.replace_all(" ", "")
    is_korean = joined.str.contains(f"^{_HANGUL}{{2,4}}$")
    surname, given = joined.str.slice(0, 1), joined.str.slice(1)
    customary = surname.replace(words("hangul_surname"))
    name = latin(given) + " " + latin(customary)
    return pl.when(is_korean).then(name).otherwise(latin(value))


def given(value: pl.Expr) -> pl.Expr:
    """A first name by its full form: Bob is robert."""
    bare = latin(plain(value.str.replace_all("[-‐]", "")))
    first = bare.str.extract(r"^(\S+)")
    return first.replace(words("nickname")) + bare.str.slice(first.str.len_chars())


def sorted_name(name: pl.Expr) -> pl.Expr:
    """The words of a name in alphabetical order, first names by their full form."""
    full = name.str.split(" ").list.eval(pl.element().replace(words("nickname")))
    return full.list.sort().list.join(" ")


def sound(value: pl.Expr) -> pl.Expr:
    """What is left of Latin letters when those that transcriptions confuse are one, and vowels and h, w, y are gone."""
    old, new = zip(*_LETTERS, strict=True)
    bare = latin(value).str.replace_many(list(old), list(new), leftmost=True)
    twice = [letter * 2 for letter in "kptsjrmn"]
    bare = bare.str.replace_many(twice, list("kptsjrmn")).str.replace_all(" ", "")
    return pl.when(bare.str.len_chars() > 0).then(bare).otherwise(latin(value))


def email(value: pl.Expr) -> pl.Expr:
    """An address in lower case, without the part after +; null when it is none."""
    text = folded(value).str.replace_all(r"^mailto:|\s", "").str.replace(r"\+[^@]*@", "@")
    return pl.when(text.str.contains("@", literal=True)).then(text).otherwise(None)


def mail_domain(address: pl.Expr) -> pl.Expr:
    """The registrable domain of an address, null for providers that everyone uses."""
    return domain(address.str.extract(r"@(.+)$"))


def domain(value: pl.Expr) -> pl.Expr:
    """The registrable domain of a web address or host, null for free mail providers."""
    host = folded(value).str.replace(r"^[a-z]+://", "").str.replace(r"^[^/@]*@", "").str.extract(r"^([^/:?#\s]+)")
    bare = host.str.strip_chars(".").str.replace(r"^www\d?\.", "")
    found = bare.str.extract(rf"([^.]+\.(?:{_SECOND_LEVEL}\.[a-z]{{2}}|[^.]+))$")
    return pl.when(found.is_in(list(words("free_mail")))).then(None).otherwise(found)


def day(value: pl.Expr) -> pl.Expr:
    """A date as eight digits, year first; the order of day and month is taken as it stands."""
    text = folded(value)
    year_first = text.str.extract_groups(r"^(\d{4})[-/. ]?(\d{2})[-/. ]?(\d{2})")
    year_last = text.str.extract_groups(r"^(\d{1,2})[-/. ](\d{1,2})[-/. ](\d{4})")
    one = year_first.struct.field("1") + year_first.struct.field("2") + year_first.struct.field("3")
    other = year_last.struct.field("3") + pl.concat_str(
        year_last.struct.field("2").str.zfill(2), year_last.struct.field("1").str.zfill(2)
    )
    return pl.coalesce(one, other)


def number(value: pl.Expr) -> pl.Expr:
    """The first number of a text without currency signs and thousands separators."""
    bare = folded(value).str.replace_all(r"(\d)[,' ](\d{3})", "${1}${2}")
    return bare.str.extract(r"(-?\d+(?:\.\d+)?)").cast(pl.Float64, strict=False)


def phone(value: pl.Expr, country: pl.Expr) -> pl.Expr:
    """A telephone number in E.164 where the country is known, else its digits without leading zeros.

    `country` is the ISO 3166 code of the row's country, or null.
    """
    text = folded(value).str.replace(r"(?:ext|x|durchwahl|내선)\.?\s*\d+$", "").str.replace(r"\(0\)", "")
    digits = text.str.replace_all(r"[^0-9]", "")
    is_international = text.str.contains(r"^\s*\(?(?:\+|00)")
    calling, trunk = calling_codes()
    prefix = country.replace_strict(calling, default=None, return_dtype=pl.String)
    national = digits.str.strip_prefix(country.replace_strict(trunk, default="0", return_dtype=pl.String))
    bare = digits.str.strip_chars_start("0")
    full = pl.when(is_international | prefix.is_null()).then(bare).otherwise(prefix + national)
    return pl.when(full.str.len_chars() >= 5).then(full).otherwise(None)


@cache
def calling_codes() -> tuple[dict[str, str], dict[str, str]]:
    """Calling code and trunk prefix by country."""
    import phonenumbers

    calling: dict[str, str] = {}
    trunk: dict[str, str] = {}
    for region in phonenumbers.SUPPORTED_REGIONS:
        calling[region] = str(phonenumbers.country_code_for_region(region))
        trunk[region] = phonenumbers.ndd_prefix_for_region(region, True) or ""
    return calling, trunk
