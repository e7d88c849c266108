"""JSON and YAML text as values with source locations, merged with base files and overrides."""
