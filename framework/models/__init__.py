"""Classifiers: a backbone, its weights, and the declared top."""
