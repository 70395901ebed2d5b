"""The local disk: atomic writes, locks, links, fast walks, many files at once."""
