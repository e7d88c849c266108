"""A trained classifier at work: predicting, drawing, exporting."""
