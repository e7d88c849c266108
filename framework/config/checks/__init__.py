"""Rules that a JSON Schema cannot express, one topic per module."""
