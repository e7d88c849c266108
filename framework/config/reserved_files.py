"""Files of a run directory that the framework itself writes."""

# Of these three only an unfinished run has any. This one is present from its first moment until
# all of its other files are there.
UNFINISHED = "UNFINISHED"

# Held while a process works in the directory.
LOCK = ".lock"

# Where the training stands after its last whole epoch.
CHECKPOINT = "checkpoint.npz"

# What no callback may write to. Pictures are left out: callbacks draw none.
RESERVED_FILES = frozenset(
    {
        UNFINISHED,
        LOCK,
        CHECKPOINT,
        "config.json",
        "environment.json",
        "history.csv",
        "metrics.json",
        "model.keras",
        "predictions_test.csv",
        "report.html",
        "run.log",
        "submission.csv",
    }
)
