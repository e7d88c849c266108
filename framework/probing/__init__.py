"""Which layer of a frozen backbone tells the classes apart best, and from how many images."""
