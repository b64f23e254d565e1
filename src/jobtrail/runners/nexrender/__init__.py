"""Renders at a nexrender server: handed in once, followed to their end, and believed only when the output is there."""
