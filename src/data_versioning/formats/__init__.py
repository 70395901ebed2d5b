"""The files users commit, as text on one side and frozen dataclasses on the other; pure."""
