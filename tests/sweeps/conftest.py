"""Processes for sweeps that start at once: TensorFlow is imported before they part."""

import multiprocessing

import pytest


@pytest.fixture(scope="session")
def processes():
    """The context of processes of their own, which can be killed, cheap to start."""
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["sweeping"])
    return context
