"""Graphviz and Mermaid; that DVC writes the same is tested with the command."""

from __future__ import annotations

from data_versioning.pipeline import notation

DIAMOND = {"a": [], "c": ["b", "a"], "b": ["a"]}


def test_edges_follow_the_nodes() -> None:
    expected = 'strict digraph {\n"a";\n"c";\n"b";\n"a" -> "c";\n"a" -> "b";\n"b" -> "c";\n}\n'
    assert notation.dot(DIAMOND) == expected


def test_numbers_go_on_in_the_next_part() -> None:
    text = notation.mermaid([DIAMOND, {"z": []}])
    assert text.splitlines()[1:5] == ['\tnode1["a"]', '\tnode2["b"]', '\tnode3["c"]', "\tnode1-->node2"]
    assert text.endswith('\tnode2-->node3\n\tnode4["z"]')


def test_a_quote_does_not_end_a_name() -> None:
    assert notation.dot({'a"; b': []}) == 'strict digraph {\n"a\\"; b";\n}\n'
