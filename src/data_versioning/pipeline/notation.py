"""A graph in the languages of Graphviz and Mermaid, as DVC writes them: edges lead from what is needed to its users."""

from __future__ import annotations

from collections.abc import Mapping, Sequence


def dot(needs: Mapping[str, Sequence[str]]) -> str:
    """Return a graph for Graphviz.

    >>> print(dot({"train": ["data.dvc"], "data.dvc": []}), end="")
    strict digraph {
    "train";
    "data.dvc";
    "data.dvc" -> "train";
    }
    """
    lines = ["strict digraph {", *(f"{_quoted(name)};" for name in needs)]
    users = _users(needs)
    lines += [f"{_quoted(name)} -> {_quoted(user)};" for name in needs for user in users[name]]
    return "\n".join([*lines, "}\n"])


def mermaid(groups: Sequence[Mapping[str, Sequence[str]]]) -> str:
    """Return connected graphs for Mermaid, which is what GitHub draws in Markdown.

    >>> print(mermaid([{"train": ["data.dvc"], "data.dvc": []}]).expandtabs(2))
    flowchart TD
      node1["data.dvc"]
      node2["train"]
      node1-->node2
    """
    lines, count = ["flowchart TD"], 0
    for needs in groups:
        ids = {name: f"node{count + number}" for number, name in enumerate(sorted(needs), 1)}
        count += len(ids)
        lines += [f'\t{identifier}["{name}"]' for name, identifier in ids.items()]
        edges = sorted((need, name) for name, needed in needs.items() for need in needed)
        lines += [f"\t{ids[need]}-->{ids[name]}" for need, name in edges]
    return "\n".join(lines)


def _quoted(name: str) -> str:
    return '"' + name.replace('"', '\\"') + '"'


def _users(needs: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    users: dict[str, list[str]] = {name: [] for name in needs}
    for name, needed in needs.items():
        for need in needed:
            users[need].append(name)
    return users
