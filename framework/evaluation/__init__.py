"""Metrics, figures, the report of a run, and the comparison of runs."""
