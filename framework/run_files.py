"""Files of a run directory that only an unfinished run has."""

# Present from the first moment of a run until all of its other files are there.
UNFINISHED = "UNFINISHED"

# Held while a process works in the directory.
LOCK = ".lock"

# Where the training stands after its last whole epoch.
CHECKPOINT = "checkpoint.npz"
