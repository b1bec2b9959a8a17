"""What a mapping composes: products, names in two columns, periods side by side, rows of one key, rows alike."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from quarterdeck.base.config import Company
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.connectors import from_yaml, propose, read, to_yaml
from quarterdeck.connectors.composed import collapsed
from quarterdeck.connectors.shaped import period_of


def taken(folder: Path, *, chunk: int = 1000) -> dict[str, pl.DataFrame]:
    mapping = from_yaml(to_yaml(propose(folder, "x")), "mapping/x.yaml")
    batches = list(read(mapping, folder, company=Company(currency="EUR"), chunk=chunk))
    assert not any(batch.set_aside.height for batch in batches)
    names = dict.fromkeys(batch.table for batch in batches)
    return {name: pl.concat([batch.frame for batch in batches if batch.table == name]) for name in names}


LINES = "invoice;item;qty;unit price;customer;invoice date\n" + "".join(
    f"{900 + n // 3};P{n % 4};{-2 if n == 5 else n % 7 + 1};{n % 5},{25 + n % 3};C{n // 6};{n % 28 + 1:02d}.03.2024\n"
    for n in range(60)
)


@pytest.mark.parametrize("chunk", [7, 1000])
def test_invoices_are_the_sums_of_their_lines_in_chunks_of_any_size(tmp_path: Path, chunk: int) -> None:
    (tmp_path / "order lines.csv").write_text(LINES, encoding="utf-8")
    frames = taken(tmp_path, chunk=chunk)
    cents = [(-2 if n == 5 else n % 7 + 1) * (100 * (n % 5) + 25 + n % 3) for n in range(60)]
    assert frames["orders"]["amount"].to_list() == cents
    invoices = {row["id"]: row["amount"] for row in frames["invoices"].to_dicts()}
    assert invoices == {str(900 + k): sum(cents[3 * k : 3 * k + 3]) for k in range(20)}


def test_rows_alike_are_all_kept_and_have_the_same_keys_in_any_order(tmp_path: Path) -> None:
    rows = [f"P{n % 3},{n % 2 + 1},2.50,2024-01-0{n % 2 + 1}" for n in range(30)]
    keys = []
    for name, given_rows in (("one", rows), ("two", rows[::-1])):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "orders.csv").write_text("\n".join(["item,qty,unit price,order date", *given_rows]), "utf-8")
        orders = taken(folder)["orders"]
        assert orders["id"].n_unique() == 30
        keys.append(sorted(orders["id"]))
    assert keys[0] == keys[1]


def test_a_first_and_a_last_name_are_one_name_by_which_deals_find_their_owner(tmp_path: Path) -> None:
    people = "user id,first name,last name\n" + "".join(f"{n},Ann,Lee{'abcdefghijkl'[n]}\n" for n in range(12))
    (tmp_path / "users.csv").write_text(people, encoding="utf-8")
    deals = "id,stage,owner,amount\n" + "".join(f"d{n},Won,Ann Lee{'abcdefghijkl'[n % 12]},5\n" for n in range(36))
    (tmp_path / "deals.csv").write_text(deals, encoding="utf-8")
    frames = taken(tmp_path)
    assert frames["people"]["name"][0] == "Ann Leea"
    assert frames["opportunities"]["owner_id"].to_list() == [str(n % 12) for n in range(36)]


def test_periods_side_by_side_are_a_target_each_and_empty_cells_and_sums_are_none(tmp_path: Path) -> None:
    rows = "".join(f"Rep {'abcdefghijkl'[n]} Smith,{n}00,,{n}20,{n}20\n" for n in range(1, 12))
    (tmp_path / "Targets 2025.csv").write_text("sales rep,Jan,Feb,Mar,Total\n" + rows, encoding="utf-8")
    targets = taken(tmp_path)["targets"]
    assert targets.height == 22
    assert set(targets["period_start"]) == {date(2025, 1, 1), date(2025, 3, 1)}
    assert targets["amount"].sum() == sum(n * 100_00 + n * 100_00 + 20_00 for n in range(1, 12)) + sum(
        (int(f"{n}20") - n * 100 - 20) * 100 + (int(f"{n}00") - n * 100) * 100 for n in range(1, 12)
    )
    assert set(targets["grain"]) == {"month"}
    assert set(targets["level"]) == {"person"}


def test_a_row_of_a_spread_sheet_that_cannot_be_read_is_told_with_its_own_line(tmp_path: Path) -> None:
    rows = "".join(f"Rep {n} Smith,5,6,7\n" for n in range(39)) + "Rep 40 Smith,5,about 9,7\n"
    (tmp_path / "Targets 2025.csv").write_text("sales rep,Jan,Feb,Mar\n" + rows, encoding="utf-8")
    (batch,) = read(propose(tmp_path, "x"), tmp_path, company=Company())
    assert batch.set_aside["line"].to_list() == [41]
    assert batch.frame.height == 119


@pytest.mark.parametrize(
    ("heading", "meant"),
    [
        ("Jan 2025", ("month", "2025", "01")), ("2025-12", ("month", "2025", "12")), ("Sept", ("month", "", "09")), ("3월", ("month", "", "03")),
        ("2026년 4월", ("month", "2026", "04")), ("Q2", ("quarter", "", "Q2")), ("FY26 Q3", ("quarter", "2026", "Q3")), ("4Q25", ("quarter", "2025", "Q4")),
        ("2분기", ("quarter", "", "Q2")), ("2027", ("year", "2027", "")), ("FY27", ("year", "2027", "")), ("Amount", None), ("Q-value", None), ("3", None),
    ],
)  # fmt: skip
def test_a_heading_is_the_period_that_it_names(heading: str, meant: tuple[str, str, str] | None) -> None:
    assert period_of(heading) == meant


@given(
    st.lists(st.tuples(st.sampled_from("abc"), st.integers(-99, 99), st.sampled_from([None, "x", "y"])), max_size=30)
)
def test_sums_by_key_add_up_whatever_the_parts(rows: list[tuple[str, int, str | None]]) -> None:
    frame = pl.DataFrame(rows, schema={"k": pl.String, "n": pl.Int64, "t": pl.String}, orient="row")
    whole = collapsed(frame, ("k",), ["n"])
    parts = [collapsed(part, ("k",), ["n"]) for part in (frame[: len(rows) // 2], frame[len(rows) // 2 :])]
    assert collapsed(pl.concat(parts), ("k",), ["n"]).rows() == whole.rows()
    for key, total, first in whole.iter_rows():
        assert total == sum(n for k, n, _ in rows if k == key)
        assert first == next((t for k, _, t in rows if k == key and t is not None), None)


def test_a_computed_column_of_nothing_is_a_fault_with_its_line() -> None:
    text = "source: x\nfiles:\n  - path: a.csv\n    table: orders\n    computed:\n      Total: {}\n"
    with pytest.raises(ConfigurationError) as caught:
        from_yaml(text, "m")
    (fault,) = caught.value.faults
    assert fault.startswith("m:6: Total: Value error, give the columns to multiply, or those to join")
