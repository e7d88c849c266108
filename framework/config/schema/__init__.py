"""The JSON Schema of a config, and validation against it."""
