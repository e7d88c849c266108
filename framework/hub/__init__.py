"""Networks of KerasHub as backbones: what a preset is, and its network as a flat graph."""
