"""Sweeps: many runs over chosen keys of a config.

Reading and checking a sweep needs neither TensorFlow nor Optuna.
"""
