"""The mapping as a text that a person edits: it comes back equal, and its faults are told all at once."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from quarterdeck.base import schema
from quarterdeck.base.errors import ConfigurationError
from quarterdeck.connectors import ColumnMapping, FileMapping, Mapping, from_yaml, propose, rows, to_yaml
from quarterdeck.connectors.closed_words import CLOSED
from quarterdeck.connectors.vocabulary import value_words

WORD = st.text(st.characters(exclude_categories=("Cs", "Cc")), max_size=12)
WORDS = st.dictionaries(WORD, WORD, max_size=3)
SURE = st.integers(0, 100).map(lambda number: number / 100)


@settings(max_examples=60, deadline=None)
@given(
    names=st.lists(WORD, min_size=1, max_size=4), reason=WORD, sure=SURE, values=WORDS, scale=st.sampled_from([1, 1000])
)
def test_what_is_written_is_read_back(
    names: list[str], reason: str, sure: float, values: dict[str, str], scale: int
) -> None:
    columns = tuple(
        ColumnMapping(column=name, target="attributes", confidence=sure, reason=reason, values=values, scale=scale)
        for name in names
    )
    entry = FileMapping(
        path=names[0], table="accounts", confidence=sure, reason=reason, key=tuple(names), columns=columns
    )
    mapping = Mapping(source="crm", id_prefix="crm:", timezone="Asia/Seoul", missing=("", "-"), files=(entry,))
    assert from_yaml(to_yaml(mapping), "mapping/crm.yaml") == mapping


def test_every_fault_is_told_with_its_line_and_a_remedy() -> None:
    text = """\
source: crm
files:
  - path: deals.csv
    table: oportunities
  - path: people.csv
    table: people
    colour: red
    columns:
      - column: Rep
        target: nam
      - column: Office
        target: region
        confidence: 7
      - column: Zone
        target: region
        joins: acounts.name
"""
    with pytest.raises(ConfigurationError) as caught:
        from_yaml(text, "mapping/crm.yaml")
    faults = caught.value.faults
    assert [fault.split(": ")[0] for fault in faults] == [f"mapping/crm.yaml:{line}" for line in (4, 7, 10, 13, 15, 16)]
    assert "did you mean 'opportunities'?" in faults[0]
    assert "unknown key 'colour'" in faults[1]
    assert "did you mean 'name'?" in faults[2]
    assert "confidence" in faults[3]
    assert "filled by 'Office' already" in faults[4]
    assert "did you mean 'accounts.name'?" in faults[5]


@pytest.mark.parametrize(
    ("text", "line"),
    [("source: crm\nfiles: [\n", 3), ("", 1), ("- a\n- b\n", 1), ("files: []\n", 1), ("source: crm\nid_prefx: x\n", 2)],
)
def test_a_text_that_is_no_mapping_says_where(text: str, line: int) -> None:
    with pytest.raises(ConfigurationError) as caught:
        from_yaml(text, "m.yaml")
    assert caught.value.faults[0].startswith(f"m.yaml:{line}: ")


def test_an_edited_mapping_is_followed(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage,amount,extra\n1,Won,5,7\n2,Open,6,8\n", encoding="utf-8")
    text = to_yaml(propose(tmp_path, "crm")).replace("target: amount", "target: attributes")
    mapping = from_yaml(
        text.replace("column: extra\n        target: attributes", "column: extra\n        target: amount"), "m"
    )
    entry = mapping.files[0].column_for("amount")
    assert entry is not None
    assert entry.column == "extra"


def test_the_printed_table_has_a_row_a_file_and_a_row_a_column(tmp_path: Path) -> None:
    (tmp_path / "deals.csv").write_text("id,stage,amount\n1,Won,5\n2,Open,6\n", encoding="utf-8")
    frame = rows(propose(tmp_path, "crm"))
    assert frame.columns == ["source", "file", "column", "table", "target", "confidence", "reason"]
    assert frame.filter(file="deals.csv")["column"].to_list() == [None, "id", "stage", "stage", "amount"]
    assert frame["reason"].str.len_chars().min() > 0  # type: ignore[operator]


def test_every_word_that_a_closed_column_does_not_know_is_told_with_its_line() -> None:
    text = """\
source: crm
files:
  - path: deals.csv
    table: opportunities
    fill:
      kind: newish
    columns:
      - column: stage
        target: status
        values:
          Won: victory
          Lost: lost
          Parked: opne
  - path: leads.csv
    table: leads
    columns:
      - column: state
        target: status
        values:
          Hot: Qualified
      - column: from
        target: channel
        values:
          Fair: jamboree
  - path: log.csv
    table: activities
    columns:
      - column: type
        target: kind
        values:
          Pigeon: letter
"""
    with pytest.raises(ConfigurationError) as caught:
        from_yaml(text, "mapping/crm.yaml")
    faults = caught.value.faults
    assert [fault.split(": ")[0] for fault in faults] == [f"mapping/crm.yaml:{line}" for line in (6, 11, 13, 20)]
    assert "'victory' is no word for opportunities.status (known: open, won, lost); did you mean 'won'?" in faults[1]
    meant = ("new", "won", "open", "qualified")
    assert all(fault.endswith(f"did you mean '{word}'?") for fault, word in zip(faults, meant, strict=True))


@pytest.mark.parametrize("name", CLOSED)
def test_the_words_of_a_closed_column_are_those_that_the_schema_tells(name: str) -> None:
    table, _, column = name.partition(".")
    described = schema.table(table).column(column).description
    assert described.split(", ") == [*CLOSED[name]]
    assert set(value_words(name).values()) == {*CLOSED[name]}
