"""A company's own checks: a table, a condition in SQL, a message and a fix, written in the settings."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Self

from pydantic import Field, field_validator, model_validator

from quarterdeck.base.config import Section
from quarterdeck.base.errors import QuarterdeckError, did_you_mean
from quarterdeck.base.finding import Severity
from quarterdeck.base.schema import facts, table
from quarterdeck.quality.sql import columns_of, refuse, translate

if TYPE_CHECKING:
    import polars as pl

    from quarterdeck.base.tables import Tables
    from quarterdeck.quality.check import Check, Moment

_PLACE = re.compile(r"{(\w+)}")


class OwnCheck(Section):
    """A check of the company's own. Money is in major units, days are written as '2024-07-01'."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$")
    """Its name, such as discount_without_reason."""
    table: str
    """The table that it looks at, such as opportunities."""
    where: str
    """The rows that are wrong, as a condition in SQL over the table's columns: status = 'won' and amount < 100."""
    title: str
    """What it finds, in a few words."""
    message: str
    """What is wrong, with columns in braces: The deal was won for {amount}."""
    fix: str
    """What to do."""
    why: str = "The company asks for it."
    """Why it matters."""
    severity: Severity = "warning"
    """How bad it is: error, warning or notice."""
    owner: str | None = None
    """Column of the person who mends it; empty for the record's owner."""
    money: str | None = None
    """Column of the money at stake, such as amount."""
    column: str | None = None
    """Column that `value` mends."""
    value: str | None = None
    """The value that would mend it, as an expression in SQL: lower(trim(email))."""
    confidence: float = Field(default=0.8, gt=0, le=1)
    """How sure that value is."""

    @field_validator("table")
    @classmethod
    def _table_is_known(cls, value: str) -> str:
        if value not in facts():
            raise ValueError(f"there is no table {value!r}; {did_you_mean(value, facts())}")
        return value

    @model_validator(mode="after")
    def _parts_fit_the_table(self) -> Self:
        known = table(self.table).names
        faults = [fault for text in (self.where, self.value) if text and (fault := refuse(text, self.table))]
        named = {"owner": self.owner, "money": self.money, "column": self.column}
        named |= {f"{{{place}}}": place for text in (self.message, self.fix) for place in _PLACE.findall(text)}
        for role, column in named.items():
            if column is not None and column not in known:
                faults.append(f"{role}: {self.table} has no column {column!r}; {did_you_mean(column, known)}")
        if self.money in known and self.money is not None and table(self.table).column(self.money).type != "money":
            faults.append(f"money: {self.money} of {self.table} is no money")
        if (self.column is None) != (self.value is None):
            faults.append("write both `column` and `value`, or neither")
        if not faults and (fault := _fault_of_types(self)):
            faults.append(fault)
        if faults:
            raise ValueError(f"check {self.name}: " + "; ".join(faults))
        return self

    def as_check(self) -> Check:
        """The check as those of this house are."""
        from quarterdeck.quality.check import Check

        return Check(
            name=self.name, kind="own", severity=self.severity, table=self.table, title=self.title, why=self.why,
            message=self.message, fix=self.fix, find=self._find, mend=self._mend if self.value else None,
        )  # fmt: skip

    def _wrong(self, tables: Tables, moment: Moment) -> Any:
        rows = tables.relation(self.table)
        return rows.filter(translate(self.where, rows, self.table, moment))

    def _find(self, tables: Tables, moment: Moment) -> Any:
        from quarterdeck.quality.check import offending

        rows = self._wrong(tables, moment)
        if self.owner is not None:
            rows = rows.mutate(owner_id=rows[self.owner])
        shown = {place for text in (self.message, self.fix) for place in _PLACE.findall(text)}
        # The frame has columns of its own by these names, with what the record's column says.
        shown -= {"owner_id"}
        money = rows[self.money] if self.money else None
        return offending(rows, money, **{place: rows[place] for place in sorted(shown)})

    def _mend(self, tables: Tables, moment: Moment, _wrong: pl.DataFrame) -> pl.DataFrame:
        import ibis

        from quarterdeck.quality.check import proposals

        assert self.value is not None
        rows = self._wrong(tables, moment)
        made: pl.DataFrame = rows.select(
            record_id=rows.id,
            column=ibis.literal(self.column),
            value_proposed=translate(self.value, rows, self.table, moment).cast("string"),
            confidence=ibis.literal(self.confidence),
            why=ibis.literal(f"the check {self.name}"),
        ).to_polars()
        return proposals(made, self.table)


def _fault_of_types(entry: OwnCheck) -> str | None:
    """What the condition does with values of the wrong type, tried on the empty table."""
    from datetime import datetime

    import ibis

    from quarterdeck.base.config import Company
    from quarterdeck.base.schema import empty
    from quarterdeck.quality.check import Moment
    from quarterdeck.quality.settings import QualitySettings

    moment = Moment(datetime(2024, 1, 1), datetime(2024, 1, 1).date(), Company(), QualitySettings())
    rows = ibis.memtable(empty(entry.table).to_arrow())
    for text in (entry.where, entry.value):
        if text is None:
            continue
        try:
            value = translate(text, rows, entry.table, moment)
            rows.select(value=value).to_polars()
        except QuarterdeckError as fault:
            return str(fault)
        except Exception as fault:
            return f"{text!r} does not fit the columns {', '.join(columns_of(text))}: {str(fault).splitlines()[0]}"
        if text == entry.where and not value.type().is_boolean():
            return f"{text!r} is no condition; write a comparison, such as amount > 1000"
    return None


def without_doubles(entries: tuple[OwnCheck, ...]) -> tuple[OwnCheck, ...]:
    """The checks, when each name stands once and is none of this house's; raises ValueError otherwise."""
    from quarterdeck.quality.catalogue import CHECKS

    names = [entry.name for entry in entries]
    doubled = sorted({name for name in names if names.count(name) > 1 or name in CHECKS})
    if doubled:
        raise ValueError(f"the names {', '.join(doubled)} are taken; give the checks other ones")
    return entries
