"""What the objects of `--json` have in common: a version, and dataclasses that describe them."""

VERSION = 1
"""Counts the changes of keys that were promised."""
