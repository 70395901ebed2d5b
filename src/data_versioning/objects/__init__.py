"""Content-addressed data: object ids, hashing, directory trees, the cache."""
