"""Which values each trial has: known beforehand, whoever runs it and whatever came between."""

from __future__ import annotations

import random
from collections.abc import Iterator
from itertools import count, islice

from framework.sweeps.definition.search_space import Parameter, Space, count_combinations
from framework.sweeps.definition.sweep_config import SweepConfig

Parameters = dict[str, Parameter]


class Plan:
    """The parameters of the trials of a grid or of a random search, by their number.

    They follow from the space and the seed alone, so that processes need not tell each
    other, and a sweep that was killed goes on with the trials it would have had.

    Args:
        space: What is varied.
        settings: Sampler, seed, number of trials. The sampler `tpe` learns from results
            and has no plan but for the number.

    Attributes:
        trials: How many trials there are; `None`: as many as time allows.
    """

    def __init__(self, space: Space, settings: SweepConfig) -> None:
        self._space = space
        self._seed = settings.seed
        sampler = settings.sampler
        combinations = None if sampler == "tpe" else count_combinations(space)
        limits = [limit for limit in (settings.trials, combinations) if limit is not None]
        self.trials: int | None = min(limits, default=None)
        self._drawn: list[Parameters] = []
        self._draws = self._list_grid() if sampler == "grid" else self._draw_randomly()

    def find_parameters(self, number: int) -> Parameters:
        """Return the parameters of a trial, counted from 0."""
        missing = number + 1 - len(self._drawn)
        self._drawn.extend(islice(self._draws, max(0, missing)))
        return self._drawn[number]

    def _list_grid(self) -> Iterator[Parameters]:
        """Yield all combinations, the last key's values changing fastest."""
        sizes = [dimension.count() or 1 for dimension in self._space.values()]
        for number in count():
            places = []
            for size in reversed(sizes):
                number, place = divmod(number, size)
                places.append(place)
            yield {
                path: dimension.pick(place)
                for (path, dimension), place in zip(
                    self._space.items(), reversed(places), strict=True
                )
            }

    def _draw_randomly(self) -> Iterator[Parameters]:
        """Yield different combinations; Python's generator draws the same in every release."""
        seen = set()
        generator = random.Random(self._seed)
        while True:
            drawn = {p: dimension.draw(generator.random()) for p, dimension in self._space.items()}
            if repr(drawn) not in seen:
                seen.add(repr(drawn))
                yield drawn
