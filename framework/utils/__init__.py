"""Helpers that are not about transfer learning: files, text, network, console, seeds."""
