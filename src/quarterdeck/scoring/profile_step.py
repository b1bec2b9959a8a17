"""The step that says who fits: the profile of accounts and of leads, its test on later records, letters and reasons."""

from __future__ import annotations

import json
from dataclasses import dataclass

import numpy as np
import polars as pl
from numpy.typing import NDArray

from quarterdeck.base.config import Config
from quarterdeck.base.schema import conform, empty
from quarterdeck.base.step import Result
from quarterdeck.base.tables import Tables
from quarterdeck.scoring import profile_findings as say
from quarterdeck.scoring import profile_records as records_of
from quarterdeck.scoring.profile import AVERAGE, Outcomes, Profile, learn
from quarterdeck.scoring.profile_lift import Lift, lift
from quarterdeck.scoring.profile_records import Records
from quarterdeck.scoring.profile_rules import adjust, forced
from quarterdeck.scoring.profile_settings import LETTERS, ProfileRule, ProfileSettings

Array = NDArray[np.float64]
TESTED = 0.25
"""Share of the outcomes, the latest ones, that a profile is tested on."""
REASONS = 3


@dataclass(frozen=True)
class Learned:
    """A subject's profile from all outcomes, and from those before the cut, with its test on those after it."""

    subject: str
    records: Records
    profile: Profile
    earlier: Profile
    later: pl.DataFrame
    lift: Lift | None
    left_out: tuple[str, ...] = ()


def profile(tables: Tables, config: Config[ProfileSettings]) -> Result:
    """Tables `fits`, `profiles` and `profile_bins`: how well accounts, leads and open deals fit those who bought."""
    found = [study(subject, tables, config) for subject in ("account", "lead")]
    findings = say.missing(tables)
    parts = []
    for learned in found:
        if learned.records.frame.height:
            findings += say.verdict(learned, config.settings)
            used = read_by(learned, next(entry for entry in found if entry is not learned))
            if used is not learned:
                findings.append(say.borrowed(learned, used))
            parts.append(_fits(learned, used, config.settings))
    fits = pl.concat(parts) if parts else empty("fits")
    fits = pl.concat([fits, _deals(tables, fits)])
    return Result(
        {
            "fits": conform("fits", fits),
            "profiles": conform("profiles", _profiles(found, config)),
            "profile_bins": conform("profile_bins", _bins(found)),
        },
        findings,
    )


def study(subject: str, tables: Tables, config: Config[ProfileSettings]) -> Learned:
    """What the outcomes of a subject teach: nothing but an empty profile where there are too few."""
    settings = config.settings
    records = records_of.accounts(tables, config) if subject == "account" else records_of.leads(tables, config)
    lessons = records.lessons()
    won = int(lessons["won"].sum())
    if settings.use == "hand" or min(won, lessons.height - won) < settings.least_outcomes:
        return Learned(subject, records, Profile(n=lessons.height, won=won), Profile(), lessons.clear(), None)
    names = [name for name in records.attributes if name not in settings.leave_out]
    late = records_of.filled_late(records, [name for name in names if name not in settings.keep])
    names = [name for name in names if name not in late]
    whole = _learn(lessons, names, settings)
    known_after = _too_good(whole, records, settings)
    if known_after:
        late, names = [*late, *known_after], [name for name in names if name not in known_after]
        whole = _learn(lessons, names, settings)
    edge = int(lessons.height * (1 - TESTED))
    earlier = _learn(lessons[:edge], names, settings)
    later = lessons[edge:]
    points = earlier.points(later)
    tested = lift(points, later["won"].to_numpy(), later["value"].to_numpy())
    return Learned(subject, records, whole, earlier, later, tested, tuple(late))


def _too_good(learned: Profile, records: Records, settings: ProfileSettings) -> list[str]:
    """Attributes that only the source has and that tell more than what is known before an outcome can."""
    asked = [entry for entry in learned.attributes if entry.name in records.own and entry.name not in settings.keep]
    return [entry.name for entry in asked if entry.information > settings.suspicious]


def _learn(lessons: pl.DataFrame, names: list[str], settings: ProfileSettings) -> Profile:
    group = lessons["id"].rank("dense").cast(pl.Int64).to_numpy()
    outcomes = Outcomes(lessons["won"].to_numpy(), lessons["value"].to_numpy(), group)
    return learn(lessons.select(names), outcomes, by_value=settings.by == "value", shrinkage=settings.shrinkage)


def read_by(learned: Learned, other: Learned) -> Learned:
    """Whose profile a subject's records are read by: its own, unless that tells nothing and the other's does.

    Attributes that the subject lacks then count as unknown.
    """
    own = learned.profile.attributes
    if own and (learned.lift is None or learned.lift.tells_something):
        return learned
    shared = {entry.name for entry in other.profile.attributes} & set(learned.records.attributes)
    is_better = other.lift is not None and other.lift.tells_something
    return other if shared and (is_better or not own) else learned


def _fits(learned: Learned, by: Learned, settings: ProfileSettings) -> pl.DataFrame:
    """The rows of `fits` of a subject, read by a profile of its own or another's."""
    frame, used = learned.records.frame, by.profile
    rules = [rule for rule in settings.rules if settings.use != "learned" and rule.subject in ("both", learned.subject)]
    parts = adjust(used.parts(frame), frame, rules)
    points = total(parts, frame.height)
    fit = share(points)
    letter = letters(points, fit, forced(frame, rules), settings)
    table = pl.DataFrame(
        {
            "subject": [learned.subject] * frame.height,
            "subject_id": frame["id"],
            "fit": fit,
            "points": np.round(points, 2),
            "letter": letter,
            "reasons": reasons(parts, frame, rules),
            "profile": [used.version] * frame.height,
        }
    )
    return conform("fits", table.join(_before(learned, by.earlier, rules, settings), on="subject_id", how="left"))


def _before(learned: Learned, earlier: Profile, rules: list[ProfileRule], settings: ProfileSettings) -> pl.DataFrame:
    """The letter that the earlier profile gives to records of which it knew no outcome."""
    frame = learned.records.frame
    tested = frame.join(learned.later.select("id").unique(), on="id", how="semi")
    points = total(adjust(earlier.parts(frame), frame, rules), frame.height)
    letter = letters(points, share(points), forced(frame, rules), settings)
    both = pl.DataFrame({"subject_id": frame["id"], "letter_before": letter})
    return both.join(tested.select(subject_id="id"), on="subject_id", how="semi")


def total(parts: dict[str, Array], height: int) -> Array:
    return sum(parts.values(), np.full(height, AVERAGE))


def share(points: Array) -> Array:
    """Share (0 … 100) of the records that have fewer whole points; equals share the middle of theirs."""
    rounded = np.round(points)
    ordered = np.sort(rounded)
    below, upto = np.searchsorted(ordered, rounded, "left"), np.searchsorted(ordered, rounded, "right")
    return np.asarray(50 * (below + upto) / max(len(points), 1), dtype=np.float64)


def letters(points: Array, fit: Array, worst: NDArray[np.int64], settings: ProfileSettings) -> list[str]:
    """A to F by points where the settings give them, else by the share that fits worse; a letter by hand stands."""
    if settings.least_points is not None:
        edges, values = np.array(settings.least_points), points
    else:
        edges, values = 100 * np.array(settings.shares), fit
    place = (values[:, None] < edges[None, :]).sum(axis=1)
    return [LETTERS[number] for number in np.where(worst >= 0, worst, place)]


def reasons(parts: dict[str, Array], frame: pl.DataFrame, rules: list[ProfileRule]) -> list[str]:
    """JSON of the attributes that moved the points most, at most three: `text` and `effect` in points."""
    names = list(parts)
    if not names:
        return ["[]"] * frame.height
    matrix = np.column_stack([parts[name] for name in names]).round(1)
    order = np.argsort(-np.abs(matrix), axis=1, kind="stable")[:, :REASONS]
    why = {rule.attribute: rule.why for rule in rules if rule.why}
    told = np.full(order.shape, "", dtype=object)
    for place, name in enumerate(names):
        rows, ranks = np.nonzero((order == place) & (matrix[:, place] != 0)[:, None])
        values = frame[name].gather(rows).to_list() if name in frame.columns else [None] * len(rows)
        texts = {value: json.dumps(_said(name, value, why), ensure_ascii=False) for value in set(values)}
        effects = matrix[rows, place].tolist()
        told[rows, ranks] = [
            f'{{"text": {texts[value]}, "effect": {effect}}}' for value, effect in zip(values, effects, strict=True)
        ]
    return [f"[{', '.join(filter(None, row))}]" for row in told.tolist()]


def _said(name: str, value: object, why: dict[str, str]) -> str:
    words = name.replace("_", " ")
    if value is None:
        text = f"{words} unknown"
    elif isinstance(value, float):
        text = f"{words} {value:,.10g}"
    else:
        text = f"{words} {value:,}" if isinstance(value, int) and not name.endswith("year") else f"{words} {value}"
    return f"{text} ({why[name]})" if name in why else text


def _deals(tables: Tables, fits: pl.DataFrame) -> pl.DataFrame:
    """Open deals fit as their account does, else as their lead does."""
    deals = tables.relation("opportunities").select("id", "account_id", "lead_id", "status").to_polars()
    deals = deals.filter(pl.col("status") == "open")
    parts = []
    for subject, key in (("account", "account_id"), ("lead", "lead_id")):
        own = fits.filter(pl.col("subject") == subject).drop("subject")
        met = deals.join(own, left_on=key, right_on="subject_id", how="inner")
        parts.append(conform("fits", met.with_columns(subject=pl.lit("opportunity"), subject_id="id")))
    return pl.concat(parts).unique("subject_id", keep="first", maintain_order=True)


def _profiles(found: list[Learned], config: Config[ProfileSettings]) -> pl.DataFrame:
    rows = []
    for learned in found:
        test, own = learned.lift, learned.profile
        if not learned.records.frame.height:
            continue
        rows.append(
            {
                "subject": learned.subject,
                "profile": own.version,
                "as_of": config.as_of,
                "origin": _origin(learned, config.settings),
                "n": own.n,
                "won": own.won,
                "tested": test.n if test else 0,
                "tested_won": test.won if test else 0,
                "auc": test.auc if test else None,
                "auc_low": test.auc_low if test else None,
                "auc_high": test.auc_high if test else None,
                "ks": test.ks if test else None,
                "lift": test.lift if test else None,
                "value_lift": test.value_lift if test else None,
            }
        )
    return pl.DataFrame(rows) if rows else empty("profiles")


def _origin(learned: Learned, settings: ProfileSettings) -> str:
    by_hand = settings.use != "learned" and any(rule.subject in ("both", learned.subject) for rule in settings.rules)
    if learned.profile.attributes:
        return "learned, with rules by hand over it" if by_hand else "learned"
    return "by hand" if by_hand else "none"


def _bins(found: list[Learned]) -> pl.DataFrame:
    rows = [
        {
            "subject": learned.subject,
            "attribute": entry.name,
            "place": place,
            "bin": part.text,
            "low": part.low,
            "high": part.high,
            "category": part.category,
            "n": part.n,
            "won": part.won,
            "value": part.value,
            "weight": part.weight,
            "points": part.points,
            "information": entry.information,
            "profile": learned.profile.version,
        }
        for learned in found
        for entry in learned.profile.attributes
        for place, part in enumerate(entry.bins)
        if part.n or part.category is None
    ]
    return pl.DataFrame(rows, infer_schema_length=None) if rows else empty("profile_bins")
