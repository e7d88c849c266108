"""Helpers that know nothing of transfer learning: files, network, console, seeds, timing."""
