"""Differential tests against the real DVC."""
