"""Images that may spoil a classifier: wrong labels, copies, outliers and damaged pictures."""
