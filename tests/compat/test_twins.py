"""The same history played by `dvc` in one repository and by `dv` in its twin leaves the same bytes.

Compared after every step: every workspace file, pointer, `.gitignore`, cache object, mode, symlink target and
hard-link identity, the remote, the exit code, and what `status` and `data status --granular --unchanged` say.
"""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given, seed, settings

from tests.compat.steps import Step, histories
from tests.compat.twins import Twins, fresh
from tests.oracle import Sandbox, Tool

CACHE_TYPES = ("copy", "hardlink", "symlink", "reflink,copy")


def check(sandbox: Sandbox, tools: tuple[Tool, Tool], template: Path, cache_type: str, examples: int) -> None:
    # An executable bit set on a hard link or through a symlink would unprotect the object behind it. With hard
    # links, DVC takes a second symlink to a file that it has hard-linked into the cache for a link that is in order.
    independent = cache_type in ("copy", "reflink,copy")

    @settings(max_examples=examples)
    @given(steps=histories(links=cache_type != "hardlink", executables=independent))
    def run(steps: tuple[Step, ...]) -> None:
        with fresh(sandbox) as place:
            twins = Twins.make(tools, sandbox, template, place, cache_type=cache_type)
            for step in steps:
                if not twins.play(step):
                    break

    seed(len(cache_type))(run)()


@pytest.mark.parametrize("cache_type", CACHE_TYPES)
def test_twins_stay_equal(sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, cache_type: str) -> None:
    check(sandbox, (dvc, dv), template, cache_type, examples=50)


@pytest.mark.soak
@pytest.mark.parametrize("cache_type", CACHE_TYPES)
def test_twins_stay_equal_for_long(
    sandbox: Sandbox, dvc: Tool, dv: Tool, template: Path, cache_type: str
) -> None:
    check(sandbox, (dvc, dv), template, cache_type, examples=2_000)
