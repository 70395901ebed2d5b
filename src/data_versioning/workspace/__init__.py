"""The user's files: what is there, what changed, and how to make it match."""
