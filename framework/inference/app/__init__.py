"""The drawing page: its server, segmentation of drawings, and static files."""
