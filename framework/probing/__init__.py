"""Linear probes: the accuracy of linear classifiers on the layers of a frozen backbone."""
