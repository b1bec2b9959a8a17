"""Checks on references: does the record exist that another one names?"""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality import addresses, mending
from quarterdeck.quality.check import Check, Moment, deals, is_blank, offending


def _unknown(tables: Tables, moment: Moment, column: str, table: str) -> Any:
    rows = deals(tables, moment)
    known = tables.relation(table)
    rows = rows.filter(~is_blank(rows[column])).anti_join(known, rows[column] == known.id)
    return offending(rows, rows.worth, named=rows[column])


def unknown_product(tables: Tables, moment: Moment) -> Any:
    return _unknown(tables, moment, "product_id", "products")


def unknown_owner(tables: Tables, moment: Moment) -> Any:
    return _unknown(tables, moment, "owner_id", "people")


def unknown_account(tables: Tables, moment: Moment) -> Any:
    return _unknown(tables, moment, "account_id", "accounts")


def contact_without_account(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("contacts"), tables.relation("accounts")
    rows = rows.anti_join(known, rows.account_id == known.id)
    return offending(rows, named=rows.account_id.fill_null("none"))


CHECKS: tuple[Check, ...] = (
    Check(
        name="unknown_product",
        kind="reference",
        severity="error",
        table="opportunities",
        title="Deal of a product that is not in the list",
        why="It has no price and no recipe, and stands beside its product in every table.",
        message="The deal names the product {named}, which is not in the product list.",
        fix="Correct the product's name in the deal, or add the product to the list.",
        find=unknown_product,
        needs=("products",),
    ),
    Check(
        name="unknown_owner",
        kind="reference",
        severity="error",
        table="opportunities",
        title="Deal of an owner who is not in the list of people",
        why="Its region, quota and pay are unknown.",
        message="The deal belongs to {named}, who is not in the list of people.",
        fix="Correct the owner, or add the person with the last day of work.",
        find=unknown_owner,
        needs=("people",),
    ),
    Check(
        name="unknown_account",
        kind="reference",
        severity="error",
        table="opportunities",
        title="Deal of an account that is not in the list",
        why="Nothing is known about the customer.",
        message="The deal names the account {named}, which is not in the list of accounts.",
        fix="Correct the account in the deal, or add the account.",
        find=unknown_account,
        mend=mending.account_from_people,
        needs=("accounts",),
    ),
    Check(
        name="contact_without_account",
        kind="reference",
        severity="warning",
        table="contacts",
        title="Contact of no known account",
        why="Whoever works on the account does not find the person.",
        message="The contact's account is {named}; there is none such.",
        fix="Link the contact to its account.",
        find=contact_without_account,
        mend=addresses.account_by_domain,
        needs=("contacts", "accounts"),
    ),
)
