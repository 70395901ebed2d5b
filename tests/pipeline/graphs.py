"""Graphs for the tests of drawing."""

from __future__ import annotations

from hypothesis import strategies as st


@st.composite
def graphs(draw: st.DrawFn) -> dict[str, list[str]]:
    """An acyclic graph whose nodes may be connected or not."""
    names = draw(
        st.lists(st.text("abcdefg@.-_", min_size=1, max_size=9), min_size=1, max_size=14, unique=True)
    )
    return {
        name: draw(st.lists(st.sampled_from(names[:index]), max_size=3, unique=True)) if index else []
        for index, name in enumerate(names)
    }
