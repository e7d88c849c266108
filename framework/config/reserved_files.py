"""Files that the framework itself writes into the directories of runs and of sweeps."""

# Only an unfinished run has any of these three. This one is there from the start until all other
# files are written.
UNFINISHED = "UNFINISHED"

# Held while a process works in the directory.
LOCK = ".lock"

# The state of the training after its last complete epoch.
CHECKPOINT = "checkpoint.npz"

# Which images the model was trained, validated and tested on.
SPLITS = "splits.npz"

# Its run in MLflow, also of a sweep.
TRACKED = "tracking.json"
FOLDS = "folds"

# Of a sweep: what it tries, its trials from the best to the worst, and the folder of their runs.
SWEEP_FILE = "sweep.json"
RANKING = "ranking.csv"
TRIALS = "trials"

# Files that no callback may write to; callbacks draw no figures, so those are left out.
RESERVED_FILES = frozenset(
    {
        UNFINISHED,
        LOCK,
        CHECKPOINT,
        SPLITS,
        TRACKED,
        "config.json",
        "environment.json",
        "history.csv",
        "metrics.json",
        "model.keras",
        "predictions_test.csv",
        "predictions_folds.csv",
        "report.html",
        "run.log",
        "submission.csv",
    }
)
