"""The definition of a sweep: the search space and the checked `sweep_config`."""
