"""Checks on addresses and on records that are there twice."""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality import addresses
from quarterdeck.quality.addresses import EMAIL
from quarterdeck.quality.check import Check, Moment, deals, is_blank, offending

_PUNCTUATION = "[-.,;:'\"&()/_+]+"
_LEGAL_FORM = (
    "( (inc|incorporated|corp|corporation|co|company|ltd|limited|llc|llp|plc|gmbh|ag|sa|sas|srl|bv|oy|ab|kk))+$"
)


def _invalid_email(tables: Tables, table: str) -> Any:
    rows = tables.relation(table)
    rows = rows.filter(~is_blank(rows.email) & ~rows.email.strip().re_search(EMAIL))
    return offending(rows, address=rows.email)


def contact_email_invalid(tables: Tables, _moment: Moment) -> Any:
    return _invalid_email(tables, "contacts")


def lead_email_invalid(tables: Tables, _moment: Moment) -> Any:
    return _invalid_email(tables, "leads")


def plain_name(column: Any) -> Any:
    """A company's name without what is written now this way, now that: case, punctuation, spaces and legal form."""
    bare = column.lower().replace("(주)", "").replace("㈜", "").replace("주식회사", "")
    spaced = bare.re_replace(_PUNCTUATION, " ").re_replace(" +", " ").strip()
    return spaced.re_replace(_LEGAL_FORM, "").re_replace(" +", "")


def _repeated(rows: Any, key: Any) -> Any:
    """Rows whose key a row of a smaller id has too; the smallest of those ids is `twin`."""
    rows = rows.mutate(key=key).filter(lambda row: row.key.notnull() & (row.key != ""))
    firsts = rows.group_by(first_key=rows.key).agg(twin=rows.id.min(), together=rows.id.nunique())
    firsts = firsts.filter(firsts.together > 1)
    rows = rows.inner_join(firsts, rows.key == firsts.first_key)
    return rows.filter(rows.id != rows.twin)


def duplicate_account(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("accounts")
    by_name = _repeated(rows, plain_name(rows.name))
    domain = rows.domain.lower().strip().re_replace("^(https?://)?(www[.])?", "").re_replace("/.*$", "")
    by_domain = _repeated(rows, domain)
    both = by_name.union(by_domain, distinct=False)
    single = both.group_by("id").agg(name=both.name.max(), owner_id=both.owner_id.max(), twin=both.twin.min())
    return offending(single, name=single.name, twin=single.twin)


def duplicate_contact(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("contacts")
    rows = _repeated(rows, rows.email.lower().strip())
    return offending(rows, address=rows.email, twin=rows.twin)


def duplicate_lead(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = tables.relation("leads")
    rows = rows.mutate(address=rows.email.lower().strip()).filter(~is_blank(rows.email) & rows.created_at.notnull())
    same = ibis.window(group_by=rows.address, order_by=[rows.created_at, rows.id])
    rows = rows.mutate(twin=rows.id.lag().over(same), twin_at=rows.created_at.lag().over(same))
    # The same person may well come back next year; within days it is one lead that was entered twice.
    apart = rows.created_at.epoch_seconds().cast("int64") - rows.twin_at.epoch_seconds().cast("int64")
    rows = rows.filter(apart <= moment.settings.double_days * 86_400)
    return offending(rows, address=rows.email, twin=rows.twin)


def double_deal(tables: Tables, moment: Moment) -> Any:
    import ibis

    rows = deals(tables, moment)
    rows = rows.filter(
        ~is_blank(rows.account_id) & rows.product_id.notnull() & rows.owner_id.notnull() & rows.created_at.notnull()
    )
    same = ibis.window(group_by=[rows.account_id, rows.product_id, rows.owner_id], order_by=[rows.created_at, rows.id])
    rows = rows.mutate(
        twin=rows.id.lag().over(same),
        twin_at=rows.created_at.lag().over(same),
        twin_amount=rows.amount.lag().over(same),
        twin_status=rows.status.lag().over(same),
    )
    apart = rows.created_at.epoch_seconds().cast("int64") - rows.twin_at.epoch_seconds().cast("int64")
    are_alike = (rows.amount == rows.twin_amount) | rows.amount.isnull() | rows.twin_amount.isnull()
    are_open = (rows.status == "open") | (rows.twin_status == "open")
    rows = rows.filter((apart <= moment.settings.double_days * 86_400) & are_alike & (are_open | (rows.amount > 0)))
    return offending(rows, rows.worth, twin=rows.twin, created=rows.created_at.date(), other=rows.twin_at.date())


CHECKS: tuple[Check, ...] = (
    Check(
        name="contact_email_invalid",
        kind="validity",
        severity="warning",
        table="contacts",
        title="Contact with an impossible address",
        why="No mail arrives, and the contact cannot be matched with leads or with another system.",
        message="{address} is no e-mail address.",
        fix="Correct the address.",
        find=contact_email_invalid,
        mend=addresses.as_meant("contacts"),
        needs=("contacts",),
    ),
    Check(
        name="lead_email_invalid",
        kind="validity",
        severity="warning",
        table="leads",
        title="Lead with an impossible address",
        why="Nobody can answer the lead.",
        message="{address} is no e-mail address.",
        fix="Correct the address; check it in the form where leads enter it.",
        find=lead_email_invalid,
        mend=addresses.as_meant("leads"),
        needs=("leads",),
    ),
    Check(
        name="duplicate_account",
        kind="uniqueness",
        severity="warning",
        table="accounts",
        title="Account that is there twice",
        why="Two sellers may call on one customer, and neither sees the whole business.",
        message="{name} has the same name or web domain as account {twin}.",
        fix="Merge the two, or give them different names.",
        find=duplicate_account,
        needs=("accounts",),
    ),
    Check(
        name="duplicate_contact",
        kind="uniqueness",
        severity="warning",
        table="contacts",
        title="Contact that is there twice",
        why="The person gets every mail twice, and an opt-out on one record does not hold for the other.",
        message="{address} also belongs to contact {twin}.",
        fix="Merge the two contacts.",
        find=duplicate_contact,
        needs=("contacts",),
    ),
    Check(
        name="duplicate_lead",
        kind="uniqueness",
        severity="notice",
        table="leads",
        title="Lead that is there twice",
        why="Two people may answer, and conversion looks lower than it is.",
        message="{address} came a few days before as lead {twin}.",
        fix="Merge the two leads.",
        find=duplicate_lead,
        needs=("leads",),
    ),
    Check(
        name="double_deal",
        kind="uniqueness",
        severity="warning",
        table="opportunities",
        title="Deal that is probably there twice",
        why="Its money is counted twice, in the pipeline or in what was won.",
        message="Same account, product, owner and amount as deal {twin}, created {other} and {created}.",
        fix="Delete one of the two, or say in their names what sets them apart.",
        find=double_deal,
    ),
)
