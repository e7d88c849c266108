"""Training of what lies above the split point."""
