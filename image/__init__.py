"""Builds the disk of a box; README.md says how, and what lies where."""
