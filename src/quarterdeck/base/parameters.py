"""Dated values: a number that holds from a day on, with its unit and the reason why it is so."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import Any

from quarterdeck.base.errors import QuarterdeckError, did_you_mean

Value = Decimal | str | list[Any] | dict[str, Any]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One dated value. `values` are (from day, value, reason), ascending by day."""

    name: str
    unit: str
    description: str
    values: tuple[tuple[date, Any, str], ...]
    is_assumed: bool = False

    def at(self, day: date) -> Any:
        """The value that holds on a day; raises when the day lies before the first."""
        place = bisect_right([start for start, _, _ in self.values], day)
        if not place:
            first = self.values[0][0]
            raise QuarterdeckError(
                f"parameters: {self.name} has no value on {day}; its first holds from {first}. Add an earlier one."
            )
        return self.values[place - 1][1]


class Parameters:
    """The workspace's dated values by name."""

    def __init__(self, parameters: Iterable[Parameter] = ()) -> None:
        self._by_name = {parameter.name: parameter for parameter in parameters}

    def __contains__(self, name: str) -> bool:
        return name in self._by_name

    def __getitem__(self, name: str) -> Parameter:
        try:
            return self._by_name[name]
        except KeyError:
            raise QuarterdeckError(f"There is no parameter {name!r}; {did_you_mean(name, self._by_name)}") from None

    def names(self) -> tuple[str, ...]:
        return tuple(self._by_name)

    def at(self, name: str, day: date, default: Any = None) -> Any:
        """The value on a day, or the default when nobody set the parameter."""
        return self._by_name[name].at(day) if name in self._by_name else default

    def only(self, names: Iterable[str]) -> Parameters:
        return Parameters(self._by_name[name] for name in names if name in self._by_name)
