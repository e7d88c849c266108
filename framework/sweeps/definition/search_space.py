"""The values that a swept key may have: a choice, or a range of numbers."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

Parameter = str | int | float | bool | None
"""Stands for a value where only simple values are possible: in the database and in tables."""


@dataclass(frozen=True)
class Choice:
    """Values of any kind.

    Args:
        values: The parameter that stands for each value, and the value.
    """

    values: tuple[tuple[Parameter, Any], ...]

    def count(self) -> int:
        """Return how many values there are."""
        return len(self.values)

    def value_at(self, index: int) -> Parameter:
        """Return one of the parameters, in order."""
        return self.values[index][0]

    def quantile(self, share: float) -> Parameter:
        """Return the parameter below which a share, in [0, 1), of random samples lies."""
        return self.value_at(int(share * len(self.values)))

    def decode(self, parameter: Parameter) -> Any:
        """Return the value for the config that a parameter stands for."""
        return next(value for label, value in self.values if label == parameter)


@dataclass(frozen=True)
class Range:
    """Numbers from the lowest to the highest, both included.

    Args:
        low: The lowest.
        high: The highest.
        step: The distance of neighbors; `None` for a continuum.
        log: Whether the logarithm is distributed uniformly, not the number.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False

    @property
    def is_integer(self) -> bool:
        """Whether the numbers are integers."""
        return isinstance(self.low, int) and isinstance(self.high, int)

    @property
    def highest(self) -> float:
        """The highest number that is possible: `high`, unless no step reaches it."""
        count = self.count()
        return self.high if count is None else self.value_at(count - 1)

    def count(self) -> int | None:
        """Return how many numbers there are; `None` for a continuum."""
        if self.step is None:
            return None
        # A highest number that no step reaches is not one of them; rounding must not lose one.
        return math.floor((self.high - self.low) / self.step + 1e-9) + 1

    def value_at(self, index: int) -> float:
        """Return one of countable numbers, in order."""
        value = self.low + index * (self.step or 0)
        return value if self.is_integer else round(value, 12)

    def quantile(self, share: float) -> float:
        """Return the number below which a share, in [0, 1), of random samples lies."""
        if self.log:
            low, high = math.log(self.low), math.log(self.high)
            value = math.exp(low + share * (high - low))
            return min(max(round(value) if self.is_integer else value, self.low), self.high)
        count = self.count()
        if count is None:
            return self.low + share * (self.high - self.low)
        return self.value_at(int(share * count))

    def decode(self, parameter: Parameter) -> Parameter:
        """Return the number itself."""
        return parameter


Dimension = Choice | Range
Space = Mapping[str, Dimension]
"""Dotted path of a key -> its values."""


def make_dimension(entry: Mapping[str, Any]) -> Dimension:
    """Return the values of a checked entry of `sweep_config.keys`."""
    if "choice" in entry:
        return Choice(tuple(list_choices(entry["choice"])))
    low, high = entry.get("range") or entry["log_range"]
    integer = isinstance(low, int) and isinstance(high, int)
    log = "log_range" in entry
    return Range(low, high, entry.get("step", 1 if integer else None), log)


def list_choices(choice: Sequence[Any] | Mapping[str, Any]) -> list[tuple[Parameter, Any]]:
    """Return each value of a choice after its parameter: its name, itself, or its JSON."""
    if isinstance(choice, Mapping):
        return list(choice.items())
    simple = (str, int, float, bool, type(None))
    return [(v if isinstance(v, simple) else json.dumps(v), v) for v in choice]


def count_combinations(space: Space) -> int | None:
    """Return how many combinations a space has; `None` where a key has a continuum of values."""
    counts = [dimension.count() for dimension in space.values()]
    return None if None in counts else math.prod(count for count in counts if count)
