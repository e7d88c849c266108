"""Finished runs side by side: metrics, significance, and differences."""
