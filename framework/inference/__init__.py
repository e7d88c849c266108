"""Use of a trained classifier: predictions, the drawing page, exports."""
