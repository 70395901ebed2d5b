"""Hostile input for every format that is read, and for every command."""
