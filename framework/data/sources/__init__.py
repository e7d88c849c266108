"""Where images come from: arrays, folders, CSV, NPZ, EMNIST, Keras downloads."""
