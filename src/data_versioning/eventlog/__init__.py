"""Numbered, hash-chained events: each appears complete and only once."""
