"""Check the images of a config: label errors, outliers, duplicates and damaged pictures."""
