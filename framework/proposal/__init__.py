"""Propose a config for images: what fits them and this machine, and why."""
