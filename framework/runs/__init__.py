"""Run directories: created, found, read back, and what each run was made of."""
