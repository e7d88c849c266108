"""The Python interface; its names are those of the package itself, such as `framework.train`."""
