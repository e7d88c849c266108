"""The results of a sweep: ranking, figures, comparison."""
