"""All checks, in the order in which they are made."""

from __future__ import annotations

from quarterdeck.quality import (
    accounts,
    activities,
    billing,
    contacts,
    history,
    leads,
    opportunities,
    outliers,
    people,
    planning,
    process,
    references,
    spelling,
    stack,
    stages,
    supply,
)
from quarterdeck.quality.check import Check
from quarterdeck.quality.settings import QualitySettings

CHECKS: dict[str, Check] = {
    check.name: check
    for check in (
        *opportunities.CHECKS,
        *references.CHECKS,
        *contacts.CHECKS,
        *outliers.CHECKS,
        *people.CHECKS,
        *spelling.CHECKS,
        *history.CHECKS,
        *stages.CHECKS,
        *process.CHECKS,
        *leads.CHECKS,
        *accounts.CHECKS,
        *activities.CHECKS,
        *billing.CHECKS,
        *supply.CHECKS,
        *planning.CHECKS,
        *stack.CHECKS,
    )
}


def catalogue(settings: QualitySettings) -> dict[str, Check]:
    """The checks of this house and the company's own."""
    return CHECKS | {entry.name: entry.as_check() for entry in settings.checks}
