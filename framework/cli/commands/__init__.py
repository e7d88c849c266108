"""The commands: one module each, imported when it is the one that runs.

A command module has two functions, `add_options(parser)` and `run(options) -> int`,
the exit code. It imports what is heavy inside `run`.
"""
