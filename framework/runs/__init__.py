"""Run directories: creating, finding and reading them, and the manifest of each run."""
