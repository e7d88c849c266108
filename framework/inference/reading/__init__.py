"""Reading of pictures that hold characters: found, separated and framed as in training."""
