"""What no value may exceed, so that it can be shown, compared and kept whatever file it comes from."""

from __future__ import annotations

from data_versioning.errors import FormatError

MAX_DEPTH = 100
MAX_BITS = 14_000  # of a whole number: beyond 4300 digits Python does not write it
TOO_DEEP = f"nested deeper than {MAX_DEPTH} levels"
TOO_BIG = "a number of more than 4000 digits"


def checked(value: object, *, file: str) -> object:
    """Return `value` unless something in it is too deep or too big: `FormatError`. Does not recurse."""
    layer, depth = [value], 0
    while layer:
        if depth > MAX_DEPTH:
            raise FormatError(TOO_DEEP, file=file)
        depth += 1
        below: list[object] = []
        for item in layer:
            if isinstance(item, dict):
                below += item
                below += item.values()
            elif isinstance(item, (list, tuple, set, frozenset)):
                below += item
            elif isinstance(item, int) and item.bit_length() > MAX_BITS:
                raise FormatError(TOO_BIG, file=file)
        layer = below
    return value
