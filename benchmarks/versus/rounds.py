"""Several programs take turns, step by step."""

from __future__ import annotations

import itertools
from collections.abc import Mapping
from typing import TypeAlias

from lives import Life
from place import Place
from results import Result

# Lives by the name of their tool; those of one group take turns, step by step.
Group: TypeAlias = Mapping[str, Life]


def turns(group: Group, number: int) -> Group:
    """Return the group with another tool first in each round."""
    order = list(group)
    return {
        tool: group[tool] for tool in itertools.islice(itertools.cycle(order), number, number + len(order))
    }


def run(group: Group, place: Place, result: Result) -> None:
    """Let the lives of a group take turns, step by step."""
    for steps in itertools.zip_longest(*group.values()):
        for tool, step in zip(group, steps, strict=True):
            if step is None:
                continue
            sample = place.measured(step.command, step.cwd)
            result.add(step.name, tool, sample)
            print(f"  {step.name:<28}{tool:<9}{sample.seconds:9.3f} s{sample.peak / 1e6:9.1f} MB", flush=True)
