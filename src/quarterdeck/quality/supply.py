"""Checks on what supply is planned from: products, recipes, resources and stock."""

from __future__ import annotations

from typing import Any

from quarterdeck.base.tables import Tables
from quarterdeck.quality.check import Check, Moment, deals, is_blank, offending, rule


def product_without_price(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("products")
    rows = rows.filter(rows.unit_price.isnull() | (rows.unit_price.cast("float64") <= 0))
    return offending(rows, name=rows.name)


def product_below_cost(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("products")
    price, cost = rows.unit_price.cast("float64"), rows.unit_cost.cast("float64")
    rows = rows.filter((price > 0) & (cost > price))
    return offending(rows, name=rows.name, price=rows.unit_price.cast("string"), cost=rows.unit_cost.cast("string"))


def product_unsold(tables: Tables, moment: Moment) -> Any:
    rows, sold = tables.relation("products"), deals(tables, moment)
    rows = rows.anti_join(sold, rows.id == sold.product_id)
    if tables.has("orders"):
        ordered = tables.relation("orders")
        rows = rows.anti_join(ordered, rows.id == ordered.product_id)
    if tables.has("opportunity_lines"):
        lines = tables.relation("opportunity_lines")
        rows = rows.anti_join(lines, rows.id == lines.product_id)
    return offending(rows, name=rows.name)


def product_without_recipe(tables: Tables, moment: Moment) -> Any:
    rows, recipes, sold = tables.relation("products"), tables.relation("recipes"), deals(tables, moment)
    sold = sold.filter(sold.status == "open")
    rows = rows.anti_join(recipes, rows.id == recipes.product_id)
    money = sold.group_by(sold_id=sold.product_id).agg(money=sold.worth.sum())
    rows = rows.inner_join(money, rows.id == money.sold_id)
    return offending(rows, rows.money, name=rows.name)


def recipe_without_resource(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("recipes"), tables.relation("resources")
    rows = rows.anti_join(known, rows.resource_id == known.id)
    return offending(rows, product=rows.product_id, named=rows.resource_id)


def recipe_of_unknown_product(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("recipes"), tables.relation("products")
    rows = rows.anti_join(known, rows.product_id == known.id)
    return offending(rows, named=rows.product_id)


def recipe_of_nothing(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("recipes")
    rows = rows.filter(~(rows.quantity > 0) | (rows.duration_months < 1).fill_null(False))
    return offending(rows, product=rows.product_id, quantity=rows.quantity, months=rows.duration_months)


def resource_without_recipe(tables: Tables, _moment: Moment) -> Any:
    rows, recipes = tables.relation("resources"), tables.relation("recipes")
    rows = rows.anti_join(recipes, rows.id == recipes.resource_id)
    return offending(rows, name=rows.name)


def resource_without_capacity(tables: Tables, moment: Moment) -> Any:
    rows = tables.relation("resources")
    over = (rows.available_to < moment.today).fill_null(False)
    rows = rows.filter(
        ~over & (rows.kind != "supplier") & (~(rows.capacity > 0) | (rows["count"] <= 0).fill_null(False))
    )
    return offending(rows, name=rows.name, capacity=rows.capacity, count=rows["count"].fill_null(1.0))


def stock_negative(tables: Tables, _moment: Moment) -> Any:
    rows = tables.relation("stock")
    rows = rows.filter(rows.quantity < 0)
    return offending(rows, product=rows.product_id, quantity=rows.quantity, counted=rows.counted_on)


def stock_of_unknown_product(tables: Tables, _moment: Moment) -> Any:
    rows, known = tables.relation("stock"), tables.relation("products")
    rows = rows.filter(~is_blank(rows.product_id)).anti_join(known, rows.product_id == known.id)
    return offending(rows, named=rows.product_id)


CHECKS: tuple[Check, ...] = (
    rule(
        product_without_price, "products",
        "Product without a list price",
        "Open deals of it without an amount are worth nothing in the pipeline.",
        "{name} has no list price.",
        "Enter its list price.",
        kind="supply", severity="warning",
    ),
    rule(
        product_below_cost, "products",
        "Product that costs more than it brings",
        "Every sale loses money, or price and cost are in different units.",
        "{name} is sold at {price} and costs {cost}.",
        "Correct price or cost.",
        kind="supply", severity="warning",
    ),
    rule(
        product_unsold, "products",
        "Product that nobody ever sold",
        "It lengthens every list, or its deals stand under another name.",
        "No deal, line or order names {name}.",
        "Retire it, or look under which name it is sold.",
        kind="supply", needs=("products", "opportunities"), of_now=True,
    ),
    rule(
        product_without_recipe, "products",
        "Product in the pipeline without a recipe",
        "Nobody plans who delivers it; the plan looks as if it took nothing.",
        "Open deals hold {name}, and no recipe says what it takes.",
        "Write down what one unit or one customer of it takes, in hours, machines or material.",
        kind="supply", severity="warning", needs=("products", "recipes", "opportunities"), of_now=True,
    ),
    rule(
        recipe_without_resource, "recipes",
        "Recipe of a resource that is not there",
        "The product takes something that nobody plans.",
        "The recipe of {product} names the resource {named}, which is not in the list.",
        "Correct the resource, or add it with its capacity.",
        kind="supply", severity="error", needs=("recipes", "resources"),
    ),
    rule(
        recipe_of_unknown_product, "recipes",
        "Recipe of a product that is not in the list",
        "It plans nothing, and the product that it is meant for takes nothing.",
        "The recipe names the product {named}, which is not in the list.",
        "Correct the product's name.",
        kind="supply", severity="warning", needs=("recipes", "products"),
    ),
    rule(
        recipe_of_nothing, "recipes",
        "Recipe that uses nothing",
        "The product takes no capacity.",
        "The recipe of {product} uses {quantity} for {months} months.",
        "Enter how much is used, and for how many months.",
        kind="supply", severity="warning",
    ),
    rule(
        resource_without_recipe, "resources",
        "Resource that no product uses",
        "Its cost is planned, its work is not.",
        "No recipe names {name}.",
        "Write down what products take of it, or take it out.",
        kind="supply", needs=("resources", "recipes"),
    ),
    rule(
        resource_without_capacity, "resources",
        "Resource without capacity",
        "All demand for it is short.",
        "{name} has {count} with a capacity of {capacity} a month.",
        "Enter how many there are and what one of them gives in a month, or its last day.",
        kind="supply", severity="warning", of_now=True,
    ),
    rule(
        stock_negative, "stock",
        "Negative stock",
        "Something was shipped that was never booked in; purchases are planned too large.",
        "The stock of {product} was {quantity} on {counted}.",
        "Count it, and book what is missing.",
        kind="supply", severity="error",
    ),
    rule(
        stock_of_unknown_product, "stock",
        "Stock of a product that is not in the list",
        "It serves no demand.",
        "The stock names the product {named}, which is not in the list.",
        "Correct the product's name, or add it.",
        kind="supply", severity="warning", needs=("stock", "products"),
    ),
)  # fmt: skip
