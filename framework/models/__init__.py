"""The factory: a frozen backbone, its weights, and the declared top."""
