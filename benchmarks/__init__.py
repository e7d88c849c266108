"""How fast the framework is, against plain Keras and against itself; see docs/performance.md."""
