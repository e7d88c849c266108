"""Scores, pictures and the report of a run."""
