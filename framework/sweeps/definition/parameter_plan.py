"""The parameters of each trial, where they are known before any trial runs."""

import random
from collections.abc import Iterator
from itertools import count, islice

from framework.sweeps.definition.search_space import Parameter, Space, count_combinations
from framework.sweeps.definition.sweep_config import SweepConfig

Parameters = dict[str, Parameter]


class ParameterPlan:
    """The parameters of the trials of a grid or of a random search, by trial index.

    They follow from the space and the seed alone, so that processes need not communicate,
    and a sweep that was killed resumes with the trials it would have had.

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
        self._known: list[Parameters] = []
        self._following = self._list_grid() if sampler == "grid" else self._sample_randomly()

    def find_parameters(self, trial_index: int) -> Parameters:
        """Return the parameters of a trial, counted from 0."""
        missing = trial_index + 1 - len(self._known)
        self._known.extend(islice(self._following, max(0, missing)))
        return self._known[trial_index]

    def _list_grid(self) -> Iterator[Parameters]:
        """Yield all combinations, the last key's values changing fastest."""
        for number in count():
            parameters = {}
            for path, dimension in reversed(list(self._space.items())):
                number, index = divmod(number, dimension.count() or 1)
                parameters[path] = dimension.value_at(index)
            yield dict(reversed(parameters.items()))

    def _sample_randomly(self) -> Iterator[Parameters]:
        """Yield different combinations; Python's generator gives the same in every release."""
        seen = set()
        generator = random.Random(self._seed)
        while True:
            sample = {
                path: dimension.quantile(generator.random())
                for path, dimension in self._space.items()
            }
            if repr(sample) not in seen:
                seen.add(repr(sample))
                yield sample
