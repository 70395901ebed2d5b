"""A directory on the disk that is measured, and the programs that run there."""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import measure

PROGRAMS = Path(sys.executable).parent
DV, DVC = str(PROGRAMS / "dv"), str(PROGRAMS / "dvc")


@dataclass(frozen=True, slots=True)
class Place:
    """Everything that a benchmark leaves lies below `path`; settings and caches of the user are not seen."""

    path: Path

    @property
    def environment(self) -> Mapping[str, str]:
        """The environment of every command."""
        home = self.path / "home"
        home.mkdir(exist_ok=True)
        return {
            # DVC's suite writes no report as the child of a test that runs in parallel.
            **{name: value for name, value in os.environ.items() if not name.startswith("PYTEST_")},
            "HOME": str(home),
            "DVC_SITE_CACHE_DIR": str(home / "site"),
            "DVC_GLOBAL_CONFIG_DIR": str(home / "global"),
            "DVC_SYSTEM_CONFIG_DIR": str(home / "system"),
            "DVC_NO_ANALYTICS": "true",
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_AUTHOR_NAME": "b",
            "GIT_AUTHOR_EMAIL": "b@example.com",
            "GIT_COMMITTER_NAME": "b",
            "GIT_COMMITTER_EMAIL": "b@example.com",
        }

    def measured(self, command: Sequence[str], cwd: Path) -> measure.Sample:
        """Run and measure a command."""
        return measure.run(command, cwd=str(cwd), env=self.environment)

    def quiet(self, *command: str, cwd: Path, **variables: str) -> None:
        """Run a command without measuring it."""
        subprocess.run(
            command, cwd=cwd, env={**self.environment, **variables}, check=True, capture_output=True
        )

    def fresh(self, name: str) -> Path:
        """Return the path of a directory or file that does not exist (any more)."""
        path = self.path / name
        discard(path)
        return path

    def git_repository(self, name: str) -> Path:
        """Make an empty Git repository."""
        root = self.fresh(name)
        root.mkdir()
        self.quiet("git", "init", "-q", "-b", "main", cwd=root)
        return root

    def data_repository(self, name: str, *, link: str) -> Path:
        """Make a repository of DVC's with one commit, a cache of this link type, and an empty local remote."""
        root, remote = self.git_repository(name), self.fresh(f"{name}-remote")
        self.quiet(DV, "init", "-q", cwd=root)
        self.quiet(DV, "config", "-q", "cache.type", link, cwd=root)
        self.quiet(DV, "remote", "add", "-q", "-d", "store", str(remote), cwd=root)
        self.commit(root)
        return root

    def commit(self, root: Path) -> None:
        """Commit everything to Git."""
        self.quiet("git", "add", "-A", cwd=root)
        self.quiet("git", "commit", "-q", "--allow-empty", "-m", "step", cwd=root)

    def clone(self, root: Path, **variables: str) -> Path:
        """Clone a Git repository to a directory beside it."""
        clone = self.fresh(f"{root.name}-clone")
        self.quiet("git", "clone", "-q", str(root), str(clone), cwd=self.path, **variables)
        return clone

    def clear(self, *, keep: Path) -> None:
        """Delete everything but the directory `keep`."""
        for path in self.path.iterdir():
            if path != keep:
                discard(path)


def compile_package() -> None:
    """Compile the package to byte code, as pip does with every package that is not installed to be edited."""
    source = Path(__file__).parents[2] / "src"
    subprocess.run([sys.executable, "-m", "compileall", "-q", str(source)], check=True)


def discard(path: Path) -> None:
    """Delete a file or a directory, if it exists."""
    if path.is_dir():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def machine(path: Path) -> dict[str, object]:
    """Describe where the figures come from."""
    cpu = [line for line in Path("/proc/cpuinfo").read_text().splitlines() if line.startswith("model name")]
    kind = subprocess.run(["stat", "-f", "-c", "%T", str(path)], capture_output=True, text=True, check=True)
    return {
        "processor": cpu[0].split(":", 1)[1].strip() if cpu else platform.processor(),
        "cores": os.cpu_count(),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9),
        "file_system": kind.stdout.strip(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "programs": {
            "dv": version(DV, "--version"),
            "dvc": version(DVC, "--version"),
            "git": version("git", "--version"),
            "git-lfs": version("git", "lfs", "version"),
        },
    }


def version(*command: str) -> str:
    """Return the version number that a command prints."""
    text = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    return text.split("(")[0].split()[-1].rpartition("/")[2]
