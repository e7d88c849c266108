"""What figures are drawn from, computed where the classifier and the images are.

The figures themselves import no TensorFlow, and may be drawn by another process.
"""
