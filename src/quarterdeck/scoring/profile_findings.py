"""What to say about a profile: how far it can be trusted, what would make it better."""

from __future__ import annotations

from typing import TYPE_CHECKING

from quarterdeck.base.finding import Finding
from quarterdeck.base.tables import Tables
from quarterdeck.scoring.profile_settings import ProfileSettings

if TYPE_CHECKING:
    from quarterdeck.scoring.profile_step import Learned

GAINS = {
    "accounts": "which companies are like those that bought",
    "leads": "which leads are like those that were converted",
}


def missing(tables: Tables) -> list[Finding]:
    """A finding for each table whose rows would be graded."""
    return [
        Finding(
            code="scoring.nobody_to_fit",
            severity="notice",
            message=f"The table {name} is empty; it would tell {gain}.",
            fix=f"Map a file or an export to the table {name}.",
            table=name,
        )
        for name, gain in GAINS.items()
        if not tables.has(name)
    ]


def verdict(learned: Learned, settings: ProfileSettings) -> list[Finding]:
    """How the profile did on later records, or why there is none; and what was left out."""
    table = f"{learned.subject}s"
    ends = "won and lost deals" if learned.subject == "account" else "converted and unqualified leads"
    found = []
    if not learned.profile.attributes and settings.use != "hand":
        won, lost = learned.profile.won, learned.profile.n - learned.profile.won
        found.append(
            Finding(
                code="scoring.no_profile",
                severity="notice",
                message=f"{won} and {lost} {ends} of {table} with a record are too few to learn who fits.",
                fix=f"Load {settings.least_outcomes} of each, or write rules: profile.rules in quarterdeck.yaml.",
                table=table,
            )
        )
    if learned.left_out:
        names = ", ".join(learned.left_out)
        found.append(
            Finding(
                code="scoring.known_afterwards",
                severity="notice",
                message=f"{names}: tells the outcome too well, or is filled in too late, and so is not learned from.",
                fix="If it is known before the outcome, name it in profile.keep; else in profile.leave_out.",
                table=table,
            )
        )
    test = learned.lift
    if test is None:
        return found
    figures = (
        f"AUC {test.auc:.3f} ({test.auc_low:.3f} to {test.auc_high:.3f}; 0.5 knows nothing), KS {test.ks:.2f}, "
        f"best fifth {test.lift:.2f} times the average rate"
    )
    if test.tells_something:
        message = f"The profile of {table}, tested on the {test.n} latest outcomes, which it had not seen: {figures}."
        code, fix = "scoring.profile_report", "Nothing to mend: it says how far to trust the letters A to F."
    else:
        message = f"The profile of {table} told the {test.n} latest outcomes no better than chance: {figures}."
        code = "scoring.profile_tells_little"
        fix = (
            "Record more about them (industry, size, what they use), or write rules by hand; do not trust this profile."
        )
    return [*found, Finding(code=code, severity="notice", message=message, fix=fix, table=table, count=test.n)]


def borrowed(learned: Learned, used: Learned) -> Finding:
    """That a subject is graded by the other's profile."""
    return Finding(
        code="scoring.profile_borrowed",
        severity="notice",
        message=f"{learned.subject.title()}s are graded by what is learned from {used.subject}s, on what both have: "
        f"their own outcomes tell nothing yet.",
        fix=f"Nothing to mend; with more outcomes and attributes of {learned.subject}s their own profile takes over.",
        table=f"{learned.subject}s",
    )
