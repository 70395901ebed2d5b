"""Two repositories that begin equal: the same commands go to `dvc` in one and to `dv` in the other."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from tests.oracle import Result, Tool


@dataclass(frozen=True, slots=True)
class Twins:
    """Directories `dvc` and `dv` below `base`, each with its own user configuration."""

    base: Path
    tools: tuple[Tool, Tool]

    def roots(self) -> list[Path]:
        return [self.base / name / "repo" for name in ("dvc", "dv")]

    def run(self, *args: str, below: str = ".", stdout: bool = True) -> int:
        """Run one command in both; exit codes, output and configuration files must be equal."""
        theirs, ours = (
            self._run(tool, root / below, *args) for tool, root in zip(self.tools, self.roots(), strict=True)
        )
        assert theirs.code == ours.code, f"{theirs}\n{ours}"
        if stdout:
            assert self._neutral(theirs.out) == self._neutral(ours.out), args
        left, right = (self.files(root) for root in self.roots())
        assert left == right, args
        return ours.code

    def _run(self, tool: Tool, directory: Path, *args: str) -> Result:
        user = self.base / tool.name / "user"
        return tool(
            directory, *args, env={"DVC_GLOBAL_CONFIG_DIR": str(user), "HOME": str(self.base / tool.name)}
        )

    def _neutral(self, text: str) -> str:
        text = re.sub(rf"{self.base}/dvc?\b", "<base>", text)
        return " ".join(text.split())  # columns depend on the length of the paths

    @staticmethod
    def files(root: Path) -> dict[str, bytes]:
        """The configuration files; one that is empty is as good as none."""
        places = {
            "repo": root / ".dvc/config",
            "local": root / ".dvc/config.local",
            "user": root.parent / "user/config",
        }
        return {
            name: content for name, path in places.items() if path.exists() and (content := path.read_bytes())
        }
