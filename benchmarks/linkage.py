"""`link_records` beside Splink called by hand: seconds, processor seconds, peak memory and F1 on generated contacts.

    python -m benchmarks.linkage [--records 1000000] [--repeat 1]

15 % of the records are copies of another one with misspellings, other forms and gaps. The hand-written model is what
somebody writes who knows these columns: comparisons from Splink's library, blocking rules, training rules and a
threshold of 0.9. Each measurement runs in a process of its own, in turn; the last line is the ratio of the medians.
"""

from __future__ import annotations

import argparse
import statistics
import time
from multiprocessing import get_context
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray

from benchmarks.memory import peak, reset_peak

COPIES = 0.15
SYLLABLES = ("an", "bar", "ben", "cor", "dal", "er", "fen", "gor", "hal", "is", "kel", "lan", "mor", "ner", "ost")
SYLLABLES += ("pel", "quin", "ros", "sten", "tor", "ul", "ver", "wick", "yor", "zan", "mac", "lin", "ham", "ley", "ton")
COLUMNS = ["first_name", "surname", "email", "phone", "company", "city", "postcode"]


def contacts(records: int, seed: int = 5) -> pl.DataFrame:
    """Contacts with `id`, `COLUMNS` and `entity`, the true person."""
    draw = np.random.default_rng(seed)
    people = int(records / (1 + COPIES))
    frame = _people(people, draw)
    copies = frame[np.sort(draw.choice(people, records - people, replace=False))]
    number = copies.height
    spoiled = copies.with_columns(
        first_name=_typo(copies["first_name"], draw, 0.12),
        surname=_typo(copies["surname"], draw, 0.15),
        email=_typo(copies["email"], draw, 0.08),
        phone=_typo(copies["phone"], draw, 0.10),
        company=_typo(copies["company"] + pl.Series(np.where(draw.random(number) < 0.3, " Inc.", "")), draw, 0.08),
        city=_typo(copies["city"], draw, 0.05),
    )
    gaps = {
        "first_name": 0.03,
        "surname": 0.02,
        "email": 0.25,
        "phone": 0.3,
        "company": 0.1,
        "city": 0.15,
        "postcode": 0.2,
    }
    whole = pl.concat([frame, spoiled])
    whole = whole.with_columns(
        pl.when(pl.Series(draw.random(whole.height) >= share)).then(pl.col(name)).alias(name)
        for name, share in gaps.items()
    )
    return (
        whole.sample(fraction=1.0, shuffle=True, seed=seed)
        .with_row_index("id")
        .with_columns(pl.col("id").cast(pl.Int64))
    )


def _people(people: int, draw: np.random.Generator) -> pl.DataFrame:
    def word(parts: int, kinds: int, skew: float) -> pl.Series:
        place = (kinds * draw.random(people) ** skew).astype(np.int64)
        pieces = [pl.Series(np.array(SYLLABLES)[(place * (7 + 4 * part) // (30**part)) % 30]) for part in range(parts)]
        return pl.select(pl.concat_str(pieces).str.to_titlecase()).to_series()

    first, last = word(2, 700, 1.8), word(3, 26_000, 1.5)
    company = (
        word(3, 20_000, 1.2)
        + " "
        + pl.Series(np.array(["Labs", "Group", "Systems", "Foods"])[draw.integers(0, 4, people)])
    )
    city = word(2, 300, 2.0)
    domain = company.str.to_lowercase().str.replace_all(" ", "") + ".example"
    return pl.DataFrame(
        {
            "entity": np.arange(people),
            "first_name": first,
            "surname": last,
            "email": first.str.to_lowercase() + "." + last.str.to_lowercase() + "@" + domain,
            "phone": pl.Series(draw.integers(2_000_000_000, 9_999_999_999, people)).cast(pl.String),
            "company": company,
            "city": city,
            "postcode": city.str.slice(0, 2).str.to_uppercase()
            + pl.Series(draw.integers(100, 400, people)).cast(pl.String),
        }
    )


def _typo(values: pl.Series, draw: np.random.Generator, share: float) -> pl.Series:
    """A letter left out, doubled or changed in a share of the values."""
    number = len(values)
    place = (draw.random(number) * values.str.len_chars().to_numpy()).astype(np.int64)
    kind = draw.integers(0, 3, number)
    letter = pl.Series(np.array(list("aeiounrst0123456789"))[draw.integers(0, 19, number)])
    frame = pl.DataFrame({"v": values, "p": place, "k": kind, "l": letter, "hit": draw.random(number) < share})
    head, rest = pl.col("v").str.slice(0, pl.col("p")), pl.col("v").str.slice(pl.col("p") + 1)
    own = pl.col("v").str.slice(pl.col("p"), 1)
    written = pl.when(pl.col("k") == 0).then(head + rest).when(pl.col("k") == 1).then(head + own + own + rest)
    return frame.select(pl.when("hit").then(written.otherwise(head + pl.col("l") + rest)).otherwise("v")).to_series()


def ours(frame: pl.DataFrame) -> pl.DataFrame:
    """Pairs found by `link_records`, told nothing but the id."""
    from quarterdeck.quality import link_records

    found = link_records(frame.select("id", *COLUMNS), id="id").links
    return found.select(pl.col("id_left").alias("a"), pl.col("id_right").alias("b"))


def by_hand(frame: pl.DataFrame) -> pl.DataFrame:
    """Pairs found by a model that is written for these columns."""
    import logging

    import splink.comparison_library as library
    from splink import DuckDBAPI, Linker, SettingsCreator, block_on

    rules = [
        block_on("email"),
        block_on("phone"),
        block_on("surname", "company"),
        block_on("first_name", "surname", "city"),
        block_on("surname", "postcode"),
        block_on("first_name", "postcode"),
        block_on("first_name", "company"),
    ]
    settings = SettingsCreator(
        link_type="dedupe_only",
        unique_id_column_name="id",
        comparisons=[
            library.NameComparison("first_name"),
            library.NameComparison("surname"),
            library.EmailComparison("email"),
            library.DamerauLevenshteinAtThresholds("phone", [1]),
            library.JaroWinklerAtThresholds("company", [0.95, 0.88]).configure(term_frequency_adjustments=True),
            library.JaroWinklerAtThresholds("city", [0.92]).configure(term_frequency_adjustments=True),
            library.ExactMatch("postcode").configure(term_frequency_adjustments=True),
        ],
        blocking_rules_to_generate_predictions=rules,
        retain_matching_columns=False,
    )
    logging.getLogger("splink").setLevel(logging.ERROR)
    database = DuckDBAPI()
    linker = Linker(database.register(frame.select("id", *COLUMNS).to_arrow()), settings, log_level=None)
    linker.training.estimate_probability_two_random_records_match([block_on("email"), block_on("phone")], recall=0.7)
    linker.training.estimate_u_using_random_sampling(max_pairs=2e6, seed=1)
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("email"))
    linker.training.estimate_parameters_using_expectation_maximisation(block_on("surname", "company"))
    found = linker.inference.predict(threshold_match_probability=0.9)
    pairs = pl.from_arrow(found.as_duckdbpyrelation().select("id_l AS a, id_r AS b").to_arrow_table())
    assert isinstance(pairs, pl.DataFrame)
    return pairs


def score(pairs: pl.DataFrame, entity: NDArray[np.int64]) -> float:
    """F1 of the pairs; the true ones are those of one entity."""
    hits = int((entity[pairs["a"].to_numpy()] == entity[pairs["b"].to_numpy()]).sum())
    counts = np.unique(entity, return_counts=True)[1]
    return 2 * hits / (pairs.height + float((counts * (counts - 1) // 2).sum()))


def measure(way: str, records: int) -> dict[str, Any]:
    frame = contacts(records)
    reset_peak()
    started, worked = time.perf_counter(), time.process_time()
    pairs = {"link_records": ours, "splink by hand": by_hand}[way](frame)
    seconds, work = time.perf_counter() - started, time.process_time() - worked
    return {
        "way": way,
        "seconds": seconds,
        "work": work,
        "peak": peak(),
        "f1": score(pairs, frame["entity"].to_numpy()),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--records", type=int, default=1_000_000)
    parser.add_argument("--repeat", type=int, default=1)
    asked = parser.parse_args()
    seconds: dict[str, list[float]] = {"link_records": [], "splink by hand": []}
    work: dict[str, list[float]] = {way: [] for way in seconds}
    for _ in range(asked.repeat):
        for way in seconds:
            with get_context("spawn").Pool(1) as pool:
                got = pool.apply(measure, (way, asked.records))
            seconds[way].append(got["seconds"])
            work[way].append(got["work"])
            times = f"{got['seconds']:8.1f} s {got['work']:8.1f} s of work"
            print(f"{way:16} {times} {got['peak']:8.0f} MiB peak   F1 {got['f1']:.4f}", flush=True)
    for measured, name in ((seconds, "seconds"), (work, "processor seconds")):
        ratio = statistics.median(measured["link_records"]) / statistics.median(measured["splink by hand"])
        print(f"ratio of medians at {asked.records:,} records, {name}: {ratio:.2f}")


if __name__ == "__main__":
    main()
