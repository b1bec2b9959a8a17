"""Charts as drawings inside the page: Vega-Lite specifications by Altair, drawn once, coloured by the page's style.

No script runs in the page. Colours are written as CSS variables, so the same drawing is right in light, dark and print.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Sequence
from html import escape
from typing import Any

from markupsafe import Markup

Row = dict[str, Any]

INK, SOFT, LINE = "#1c2530", "#5b6674", "#d9dee4"
FIRST, SECOND, THIRD, FOURTH, BAD = "#1f5f99", "#b8650b", "#2e7d5b", "#7a4fa3", "#b3261e"
VARIABLES = {
    INK: "--ink",
    SOFT: "--soft",
    LINE: "--line",
    FIRST: "--first",
    SECOND: "--second",
    THIRD: "--third",
    FOURTH: "--fourth",
    BAD: "--bad",
}
WIDE, NARROW, TALL = 1060, 520, 230
"""Widths of whole drawings, labels and all, and the height of what is drawn."""
EXTENT, SPACING = 44, 20
"""Room for the figures beside a small drawing, and between two."""


def fan(history: Sequence[Row], bands: Sequence[Row], *, axis: str, labels: Sequence[str]) -> Any:
    """What came (bars) and what is to come: 95, 80 and 50 % bands with the median.

    `history` rows have period and value; `bands` rows have period and q025 to q975. `labels` name the history and the
    bands (95, 80, 50).
    """
    import altair as alt

    order = [row["period"] for row in (*history, *bands)]
    x = alt.X("period:O", sort=order, axis=_periods(), title=None, scale=alt.Scale(paddingInner=0.3))
    y = alt.Y("value:Q", title=axis, axis=_values())
    colours = alt.Scale(domain=list(labels), range=[SOFT, FIRST, FIRST, FIRST, FIRST])
    came = (
        alt.Chart(_data(dict(row, part=labels[0]) for row in history))
        .mark_bar(opacity=0.45)
        .encode(x=x, y=y, color=alt.Color("part:N", scale=colours, legend=None))
    )
    layers = [came]
    for low, high, opacity, label in (
        ("q025", "q975", 0.16, labels[1]),
        ("q10", "q90", 0.26, labels[2]),
        ("q25", "q75", 0.42, labels[3]),
    ):
        rows = [{"period": row["period"], "value": row[low], "high": row[high], "part": label} for row in bands]
        layers.append(
            alt.Chart(_data(rows)).mark_bar(opacity=opacity, color=FIRST).encode(x=x, y=y, y2=alt.Y2("high:Q"))
        )
    medians = [{"period": row["period"], "value": row["q50"]} for row in bands]
    layers.append(alt.Chart(_data(medians)).mark_tick(color=INK, thickness=2, bandSize=20).encode(x=x, y=y))
    return alt.layer(*layers).properties(width=WIDE, height=TALL + 40)


def bars(rows: Sequence[Row], *, axis: str, width: int = NARROW, percent: bool = False) -> Any:
    """A bar a period. Rows have period and value."""
    import altair as alt

    order = [row["period"] for row in rows]
    return (
        alt.Chart(_data(rows))
        .mark_bar(color=FIRST)
        .encode(
            x=alt.X("period:O", sort=order, axis=_periods(), title=None),
            y=alt.Y("value:Q", title=axis, axis=_values(percent)),
        )
        .properties(width=width, height=TALL)
    )


def line(rows: Sequence[Row], *, axis: str, width: int = NARROW, percent: bool = False) -> Any:
    """A point a period, joined. Rows have period and value."""
    import altair as alt

    order = [row["period"] for row in rows]
    return (
        alt.Chart(_data(rows))
        .mark_line(color=FIRST, strokeWidth=2, point=alt.OverlayMarkDef(color=FIRST, size=36))
        .encode(
            x=alt.X("period:O", sort=order, axis=_periods(), title=None),
            y=alt.Y("value:Q", title=axis, axis=_values(percent), scale=alt.Scale(zero=False)),
        )
        .properties(width=width, height=TALL)
    )


def ranked(rows: Sequence[Row], *, axis: str, width: int = WIDE, tones: dict[str, str] | None = None) -> Any:
    """Horizontal bars in the given order. Rows have name, value and, with tones, tone."""
    import altair as alt

    colour = (
        alt.Color("tone:N", scale=alt.Scale(domain=list(tones), range=list(tones.values())), legend=_legend())
        if tones
        else alt.value(FIRST)
    )
    return (
        alt.Chart(_data(rows))
        .mark_bar()
        .encode(
            y=alt.Y("name:N", sort=[row["name"] for row in rows], title=None, axis=_names(rows)),
            x=alt.X("value:Q", title=axis, axis=_values()),
            color=colour,
        )
        .properties(width=width, height=alt.Step(22))
    )


def stacked(rows: Sequence[Row], *, axis: str, parts: Sequence[str], width: int = WIDE) -> Any:
    """Parts of a whole, a bar a period. Rows have period, part and value."""
    import altair as alt

    order = list(dict.fromkeys(row["period"] for row in rows))
    ranges = [FIRST, SECOND, THIRD, FOURTH, BAD, SOFT][: len(parts)]
    ranked_rows = [dict(row, place=parts.index(row["part"])) for row in rows]
    return (
        alt.Chart(_data(ranked_rows))
        .mark_bar()
        .encode(
            x=alt.X("period:O", sort=order, axis=_periods(), title=None, scale=alt.Scale(paddingInner=0.35)),
            y=alt.Y("value:Q", title=axis, axis=_values()),
            color=alt.Color("part:N", scale=alt.Scale(domain=list(parts), range=ranges), legend=_legend()),
            order=alt.Order("place:Q"),
        )
        .properties(width=width, height=TALL)
    )


def floating(opening: tuple[str, float], changes: Sequence[tuple[str, float]], closing: str) -> list[Row]:
    """Bars of a waterfall: the level at the start, each change from where the one before ended, and the level reached.

    >>> [(row["name"], row["value"], row["high"]) for row in floating(("Start", 5.0), [("Won", -2.0)], "End")]
    [('Start', 0.0, 5.0), ('Won', 5.0, 3.0), ('End', 0.0, 3.0)]
    """
    name, level = opening
    rows: list[Row] = [{"name": name, "value": 0.0, "high": level, "part": 0}]
    for name, change in changes:
        rows.append({"name": name, "value": level, "high": level + change, "part": 1 if change > 0 else 2})
        level += change
    return [*rows, {"name": closing, "value": 0.0, "high": level, "part": 0}]


def waterfall(rows: Sequence[Row], *, axis: str, labels: tuple[str, str, str], width: int = WIDE) -> Any:
    """Bars of `floating` beside each other. `labels` name levels, what adds and what takes away."""
    import altair as alt

    drawn = [dict(row, part=labels[row["part"]]) for row in rows]
    scale = alt.Scale(domain=list(labels), range=[FIRST, THIRD, SECOND])
    order = [row["name"] for row in rows]
    return (
        alt.Chart(_data(drawn))
        .mark_bar()
        .encode(
            x=alt.X("name:N", sort=order, axis=_periods(), title=None, scale=alt.Scale(paddingInner=0.35)),
            y=alt.Y("value:Q", title=axis, axis=_values()),
            y2=alt.Y2("high:Q"),
            color=alt.Color("part:N", scale=scale, legend=_legend()),
        )
        .properties(width=width, height=TALL)
    )


def against(rows: Sequence[Row], *, axis: str, labels: tuple[str, str, str], width: int = WIDE) -> Any:
    """Figures against a mark: a bar for what is, an interval around it where there is one, a tick for what is aimed at.

    Rows have period, value, mark and, where known, low and high. `labels` name value, mark and interval.
    """
    import altair as alt

    order = [row["period"] for row in rows]
    x = alt.X("period:O", sort=order, axis=_periods(), title=None, scale=alt.Scale(paddingInner=0.4))
    y = alt.Y("value:Q", title=axis, axis=_values())
    values = [{"period": row["period"], "value": row["value"], "part": labels[0]} for row in rows]
    marks = [
        {"period": row["period"], "value": row["mark"], "part": labels[1]} for row in rows if row["mark"] is not None
    ]
    spans = [
        {"period": row["period"], "value": row["low"], "high": row["high"], "part": labels[2]}
        for row in rows
        if row.get("low") is not None
    ]
    shown = labels if spans else labels[:2]
    scale = alt.Scale(domain=list(shown), range=[FIRST, SECOND, INK][: len(shown)])
    colour = alt.Color("part:N", scale=scale, legend=_legend())
    layers = [alt.Chart(_data(values)).mark_bar(opacity=0.55).encode(x=x, y=y, color=colour)]
    if spans:
        layers.append(
            alt.Chart(_data(spans)).mark_rule(strokeWidth=2).encode(x=x, y=y, y2=alt.Y2("high:Q"), color=colour)
        )
    layers.append(alt.Chart(_data(marks)).mark_tick(thickness=3, bandSize=34).encode(x=x, y=y, color=colour))
    return alt.layer(*layers).properties(width=width, height=TALL)


def small(rows: Sequence[Row], *, labels: tuple[str, str], columns: int = 3) -> Any:
    """A small drawing a name: load as bars, capacity as ticks. Rows have name, period, load and capacity."""
    import altair as alt

    names = list(dict.fromkeys(row["name"] for row in rows))
    order = sorted({row["period"] for row in rows})
    scale = alt.Scale(domain=list(labels), range=[FIRST, SECOND])
    x = alt.X("period:O", axis=_periods(), title=None, scale=alt.Scale(domain=order, paddingInner=0.2))
    loads = [{"name": row["name"], "period": row["period"], "value": row["load"], "part": labels[0]} for row in rows]
    limits = [
        {"name": row["name"], "period": row["period"], "value": row["capacity"], "part": labels[1]} for row in rows
    ]
    base = alt.Chart(_data([*loads, *limits])).encode(
        x=x,
        y=alt.Y("value:Q", title=None, axis=_values(extent=EXTENT)),
        color=alt.Color("part:N", scale=scale, legend=_legend()),
    )
    drawn = alt.layer(
        base.transform_filter(alt.datum.part == labels[0]).mark_bar(opacity=0.6),
        base.transform_filter(alt.datum.part == labels[1]).mark_tick(thickness=3, bandSize=18),
    ).properties(width=(WIDE - SPACING * (columns - 1)) // columns - EXTENT - 10, height=110)
    facets = drawn.facet(
        facet=alt.Facet(
            "name:N", sort=names, title=None, header=alt.Header(labelColor=INK, labelFontWeight="bold", labelLimit=190)
        ),
        columns=columns,
        spacing={"column": SPACING + EXTENT, "row": 60},
        bounds="flush",
        align="all",
    )
    # Every drawing has all months, its own axes and the same place for them, so that months stand under each other.
    return facets.resolve_scale(y="independent").resolve_axis(x="independent")


def draw(chart: Any, title: str, description: str) -> Markup:
    """The chart as SVG text with a title and a description for those who cannot see it."""
    import vl_convert

    spec = chart.configure(**_style()).to_dict()
    if "facet" not in spec:
        spec["autosize"] = {"type": "fit-x", "contains": "padding"}
    text = vl_convert.vegalite_to_svg(spec, vl_version="6.4")
    text = text[text.index("<svg") :]
    # Drawings share one page: the names of their titles must differ.
    prefix = hashlib.sha256((title + text).encode()).hexdigest()[:8]
    text = re.sub(r"<[^>]+>", _restyled, text)
    head, _, rest = text.partition(">")
    words = f"<title id='c{prefix}-t'>{escape(title)}</title><desc id='c{prefix}-d'>{escape(description)}</desc>"
    return Markup(f'{head} role="img" aria-labelledby="c{prefix}-t c{prefix}-d">{words}{rest}')


def _restyled(tag: re.Match[str]) -> str:
    """A tag with the page's font and colours, and without a voice of its own: the title speaks for all of it."""
    text = re.sub(r'\s(aria-[a-z]+|role|focusable|font-family)="[^"]*"', "", tag[0])
    for colour, variable in VARIABLES.items():
        text = re.sub(f'="{colour}"', f'="var({variable})"', text, flags=re.IGNORECASE)
    return text


def _data(rows: Iterable[Row]) -> Any:
    import altair as alt

    return alt.Data(values=list(rows))


def _periods() -> Any:
    import altair as alt

    return alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=8, ticks=False, grid=False)


def _names(rows: Sequence[Row]) -> Any:
    import altair as alt

    # The reader's font may be wider than the one that the drawing was measured with.
    longest = max((len(str(row["name"])) for row in rows), default=0)
    return alt.Axis(labelLimit=330, minExtent=min(330, 8 * longest), ticks=False, domain=False)


def _values(percent: bool = False, extent: int | None = None) -> Any:
    import altair as alt

    fixed = {"minExtent": extent, "maxExtent": extent} if extent else {}
    return alt.Axis(tickCount=5, domain=False, ticks=False, format="%" if percent else ",~r", **fixed)


def _legend() -> Any:
    import altair as alt

    return alt.Legend(orient="top", title=None, symbolType="square", labelLimit=260, columnPadding=28)


def _style() -> dict[str, Any]:
    text = {
        "labelColor": SOFT,
        "titleColor": SOFT,
        "labelFontSize": 12,
        "titleFontSize": 12,
        "titleFontWeight": "normal",
    }
    return {
        "background": "transparent",
        "padding": {"left": 5, "top": 5, "right": 20, "bottom": 5},
        "font": "Noto Sans, Helvetica, Arial, sans-serif",
        "view": {"stroke": None},
        "axis": {**text, "gridColor": LINE, "domainColor": LINE, "tickColor": LINE, "labelPadding": 6},
        "legend": {"labelColor": INK, "labelFontSize": 12},
        "header": {"labelFontSize": 12},
    }
