"""The commands: one module each, imported only when its command runs.

A command module has two functions, `add_options(parser)` and `run(options) -> int`, which returns
the exit code. Heavy packages are imported inside `run`.
"""
