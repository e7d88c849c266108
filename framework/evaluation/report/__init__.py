"""The report of a run: its figures and the self-contained page that holds them."""
