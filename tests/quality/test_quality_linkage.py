"""`link_records` on frames whose truth is known."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import polars as pl
import pyarrow as pa
import pytest
from linkage_companies import companies

from quarterdeck.base.errors import QuarterdeckError
from quarterdeck.quality import link_records

PEOPLE = pl.DataFrame(
    [
        ("a1", "Robert Smith", "bob.smith@acme.com", "+1 202 555 0101", "Boston"),
        ("a2", "Smith, Bob", "bob.smith@acme.com", "(202) 555-0101", "Boston"),
        ("a3", "Jane Miller", "jane.miller@acme.com", "+1 202 555 0102", "Boston"),
        ("a4", "Chul-soo Kim", "cs.kim@hanbit.co.kr", "+82 2 312 3456", "Seoul"),
        ("a5", "김철수", "cs.kim@hanbit.co.kr", None, "Seoul"),
        ("a6", "Maria Lopez", "maria@lopez.es", None, "Madrid"),
        ("a7", "Jean Dupont", "jean.dupont@gmail.com", "+33 1 23 45 67 89", "Paris"),
        ("a8", "Ann Lee", "ann.lee@gmail.com", None, "London"),
        ("a9", "Tom Baker", "tom.baker@beta.io", "+44 20 7946 0018", "London"),
        ("b1", "Wei Chen", "wei.chen@gamma.cn", None, "Beijing"),
        ("b2", "Olga Ivanova", "olga@delta.ru", None, "Moscow"),
        ("b3", "Ravi Patel", "ravi.patel@eps.in", None, "Delhi"),
    ],
    schema=["id", "name", "email", "phone", "city"],
    orient="row",
)


def pairs(links: pl.DataFrame, key: str = "id") -> set[frozenset[str]]:
    return {frozenset(row) for row in links.select(f"{key}_left", f"{key}_right").rows()}


def clustered(clusters: pl.DataFrame, key: str = "id") -> pl.DataFrame:
    """All pairs within a cluster, `a` before `b`."""
    both = clusters.select(key, "cluster").join(clusters.select(key, "cluster"), on="cluster")
    return both.filter(pl.col(key) < pl.col(f"{key}_right")).select(a=key, b=f"{key}_right")


def f1(found: pl.DataFrame, truth: pl.DataFrame) -> tuple[float, float, float]:
    """Precision, recall and F1 of pairs `a`, `b`, each with the smaller id first."""
    hits = found.join(truth, on=["a", "b"]).height
    return hits / found.height, hits / truth.height, 2 * hits / (found.height + truth.height)


def true_pairs(frame: pl.DataFrame, key: str, entity: str) -> pl.DataFrame:
    return clustered(frame.select(key, pl.col(entity).alias("cluster")), key)


def read(path: Path) -> pl.DataFrame:
    frame = pl.read_csv(path, infer_schema=False)
    frame = frame.rename({name: name.strip() for name in frame.columns})
    return frame.with_columns(pl.col(pl.String).str.strip_chars().replace("", None))


def test_two_forms_of_a_name_are_one_person_and_colleagues_are_two() -> None:
    found = link_records(PEOPLE, id="id")
    assert pairs(found.links) == {frozenset({"a1", "a2"}), frozenset({"a4", "a5"})}
    assert found.summary["columns"] == {"name": "person", "email": "email", "phone": "phone", "city": "category"}


def test_each_link_says_what_speaks_for_it_with_its_weight() -> None:
    links = link_records(PEOPLE, id="id").links
    evidence = links.filter(pl.col("id_left") == "a1")["evidence"][0]
    assert "same email +" in evidence
    assert "name in another form +" in evidence
    assert (links["probability"] > 0.9).all()


def test_the_parts_of_the_evidence_and_the_base_add_up_to_the_weight() -> None:
    found = link_records(PEOPLE, id="id")
    base = None
    for weight, evidence in found.links.select("weight", "evidence").rows():
        parts = sum(float(piece.rsplit(" ", 1)[1].replace("−", "-")) for piece in evidence.split(", "))
        base = weight - parts if base is None else base
        assert weight - parts == pytest.approx(base, abs=0.3)
    assert base is not None
    assert base < -3


def test_the_answer_is_the_same_every_time_and_in_every_order_of_columns() -> None:
    first, again = link_records(PEOPLE, id="id"), link_records(PEOPLE, id="id")
    assert first.links.equals(again.links)
    turned = link_records(PEOPLE.select("city", "phone", "email", "name", "id"), id="id")
    assert pairs(turned.links) == pairs(first.links)


@pytest.mark.parametrize("kind", [pd.DataFrame, pa.Table])
def test_the_frames_come_back_as_they_were_given(kind: type) -> None:
    given = PEOPLE.to_pandas() if kind is pd.DataFrame else PEOPLE.to_arrow()
    found = link_records(given, id="id")
    assert isinstance(found.links, kind)
    assert isinstance(found.clusters, kind)
    assert isinstance(found.model, kind)
    assert pairs(pl.DataFrame(found.links)) == pairs(link_records(PEOPLE, id="id").links)


def test_two_frames_are_linked_across_only() -> None:
    left, right = PEOPLE.filter(pl.col("id") != "a2"), PEOPLE.filter(pl.col("id").is_in(["a2", "a5", "a3"]))
    right = right.with_columns(pl.col("id") + "r")
    found = link_records(left, right, id="id")
    assert set(found.links.select("id_left", "id_right").rows()) == {
        ("a1", "a2r"),
        ("a4", "a5r"),
        ("a5", "a5r"),
        ("a3", "a3r"),
    } - ({("a4", "a5r")} if found.summary["one_to_one"] else set())
    single = link_records(left, right, id="id", one_to_one=True).links
    assert single["id_left"].is_unique().all()
    assert single["id_right"].is_unique().all()


def test_pairs_that_are_known_to_be_two_are_never_one() -> None:
    found = link_records(PEOPLE, id="id", apart=[("a2", "a1")])
    assert pairs(found.links) == {frozenset({"a4", "a5"})}
    assert found.clusters["id"].to_list() == ["a4", "a5"]


def test_a_bridge_between_two_clusters_does_not_make_them_one() -> None:
    from quarterdeck.quality.linkage.clusters import coherent

    strong = [(0, 1, 12.0), (0, 2, 12.0), (1, 2, 12.0), (3, 4, 12.0), (3, 5, 12.0), (4, 5, 12.0)]
    scored = pl.DataFrame([*strong, (2, 3, 2.0), (1, 4, -6.0)], schema=["left", "right", "weight"], orient="row")
    label = coherent(scored, (scored["weight"] > 0).to_numpy(), 7)
    assert label[0] == label[1] == label[2]
    assert label[3] == label[4] == label[5]
    assert len({label[0], label[3], label[6]}) == 3


def persons(surnames: list[str]) -> pl.DataFrame:
    """A person of another first name and birthday for each surname."""
    firsts = [
        one + other
        for one in ("Al", "Bo", "Ce", "Di", "Ed", "Fy", "Gu", "Ha")
        for other in ("ra", "no", "mi", "ke", "ju", "to")
    ]
    rows = [
        (f"p{n}", firsts[n * 7 % len(firsts)], surname, f"19{50 + n % 40}-{1 + n % 12:02}-{1 + n * 5 % 28:02}")
        for n, surname in enumerate(surnames)
    ]
    return pl.DataFrame(rows, schema=["id", "first_name", "surname", "born"], orient="row")


def test_a_rare_name_in_common_says_more_than_a_frequent_one() -> None:
    frame = persons(["Smith"] * 60 + [f"Family{n * 37}" for n in range(60)])
    copies = frame.filter(pl.col("id").is_in(["p3", "p70"])).with_columns(pl.col("id") + "x")
    links = link_records(pl.concat([frame, copies]), id="id", columns=["first_name", "surname", "born"]).links
    said = {row[0]: row[1] for row in links.select("id_left", "evidence").rows()}
    weight = {
        key: float(said[key].split("same surname +")[1].split(",")[0])
        for key in ("p3", "p70")
        if "same surname +" in said[key]
    }
    assert weight["p70"] >= weight.get("p3", 0.0) + 3


def test_colleagues_without_addresses_are_not_one_person() -> None:
    frame = persons(
        [
            f"{one}{other}"
            for one in ("Bar", "Cal", "Dor", "Fen", "Gil", "Hom")
            for other in (
                "kin",
                "ley",
                "man",
                "ner",
                "ost",
                "pel",
                "row",
                "sey",
                "ton",
                "wick",
                "yard",
                "zen",
                "box",
                "cut",
                "dale",
            )
        ]
    )
    frame = frame.select("id", name=pl.col("first_name") + " " + pl.col("surname"))
    frame = frame.with_columns(
        company=pl.Series(
            [
                f"{word} Group"
                for word in ("Acorn", "Bison", "Cobra", "Dingo", "Eagle", "Finch", "Gecko", "Heron", "Ibis", "Jackal")
                for _ in range(9)
            ]
        )
    )
    frame = frame.with_columns(city=pl.Series([f"Town{n // 9 * 31}" for n in range(90)]))
    assert link_records(frame, id="id").links.is_empty()


def test_nothing_to_compare_gives_empty_frames() -> None:
    for frame in (PEOPLE.clear(), PEOPLE.head(1), PEOPLE.select("id")):
        found = link_records(frame, id="id")
        assert found.links.columns == ["id_left", "id_right", "probability", "weight", "evidence"]
        assert found.links.is_empty()
        assert found.clusters.is_empty()


def test_what_is_wrong_with_the_input_is_said() -> None:
    with pytest.raises(QuarterdeckError, match=r"no column 'key'"):
        link_records(PEOPLE, id="key")
    with pytest.raises(QuarterdeckError, match=r"0 missing and 11 repeated"):
        link_records(PEOPLE.with_columns(id=pl.lit("x")), id="id")
    with pytest.raises(QuarterdeckError, match=r"no kind 'persn'.*person"):
        link_records(PEOPLE, id="id", columns={"name": "persn"})
    with pytest.raises(QuarterdeckError, match="give a Polars, pandas or Arrow table"):
        link_records([1, 2], id="id")  # type: ignore[type-var]


def test_companies_in_hangul_and_latin_letters_are_found() -> None:
    precision, recall = [], []
    for seed in (1, 2):
        frame, truth = companies(seed)
        found = pairs(link_records(frame, id="id").links)
        precision.append(len(found & truth) / len(found))
        recall.append(len(found & truth) / len(truth))
    assert min(precision) >= 0.9
    assert min(recall) >= 0.85


@pytest.mark.shared_data
def test_febrl_4_links_two_files(shared_data: Path) -> None:
    folder = shared_data / "record_linkage"
    left, right = read(folder / "dataset4a.csv"), read(folder / "dataset4b.csv")
    found = link_records(left, right, id="rec_id").links
    number = r"rec-(\d+)-"
    hits = found.filter(pl.col("rec_id_left").str.extract(number) == pl.col("rec_id_right").str.extract(number)).height
    assert 2 * hits / (found.height + 5000) >= 0.995


@pytest.mark.shared_data
def test_fake_1000_with_clerical_labels(shared_data: Path) -> None:
    folder = shared_data / "record_linkage"
    people = read(folder / "fake_1000.csv")
    found = link_records(people.drop("cluster"), id="unique_id")
    precision, recall, score = f1(clustered(found.clusters, "unique_id"), true_pairs(people, "unique_id", "cluster"))
    assert precision >= 0.98
    assert recall >= 0.88
    assert score >= 0.94


@pytest.mark.long
@pytest.mark.shared_data
def test_febrl_3_finds_duplicates(shared_data: Path) -> None:
    people = read(shared_data / "record_linkage" / "dataset3.csv")
    found = link_records(people, id="rec_id").clusters
    truth = people.with_columns(entity=pl.col("rec_id").str.extract(r"rec-(\d+)-"))
    assert f1(clustered(found, "rec_id"), true_pairs(truth, "rec_id", "entity"))[2] >= 0.99


@pytest.mark.long
@pytest.mark.shared_data
def test_fifty_thousand_historical_figures(shared_data: Path) -> None:
    figures = pl.read_parquet(shared_data / "record_linkage" / "historical_figures_with_errors_50k.parquet")
    found = link_records(figures.drop("cluster"), id="unique_id").clusters
    precision, _, score = f1(clustered(found, "unique_id"), true_pairs(figures, "unique_id", "cluster"))
    assert precision >= 0.95
    assert score >= 0.9
