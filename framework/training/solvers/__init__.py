"""Closed-form training of the last layer."""
