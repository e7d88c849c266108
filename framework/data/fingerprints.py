"""Fingerprints of arrays."""

import hashlib
from collections.abc import Iterable

import numpy as np


def fingerprint_arrays(arrays: Iterable[np.ndarray]) -> str:
    """Return SHA-256 of the shapes, dtypes and bytes of arrays, in hexadecimal."""
    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype.str}".encode())
        digest.update(np.ascontiguousarray(array).data)
    return digest.hexdigest()
