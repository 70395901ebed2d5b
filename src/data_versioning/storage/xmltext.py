"""XML that servers answer with."""

from __future__ import annotations

from xml.etree import ElementTree


def parsed(text: bytes) -> ElementTree.Element:
    """Return a document that defines no entities of its own: those can grow without bounds.

    Raises `ValueError`.
    """
    if b"<!" in text:
        raise ValueError("a document type")
    try:
        return ElementTree.fromstring(text)  # noqa: S314 - without a document type there is nothing to expand
    except ElementTree.ParseError as error:
        raise ValueError(str(error)) from None
