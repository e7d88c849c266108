"""Ray clusters: reached, checked, and left as they were found.

Ray is an optional package: it is imported only where it is used.
"""
