"""Export of a classifier to other formats, with verification."""
