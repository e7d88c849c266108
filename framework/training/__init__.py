"""Fitting what lies above the freeze line."""
