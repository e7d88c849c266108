"""Features: outputs of the frozen part of a classifier, computed once and stored."""
