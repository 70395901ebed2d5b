"""Data versioning for ordinary DVC repositories: the public names, loaded when first used."""

from __future__ import annotations

import importlib

TYPE_CHECKING = False  # as typing says, without loading it

if TYPE_CHECKING:
    from data_versioning.api.dvc_tracker import DVCTracker, PushFailed
    from data_versioning.api.metrics_comparator import MetricsComparator
    from data_versioning.api.params import load_params
    from data_versioning.api.pipeline_manager import PipelineFailed, PipelineManager
    from data_versioning.errors import DataVersioningError

__version__ = "0.1.0"

__all__ = [
    "DVCTracker",
    "DataVersioningError",
    "MetricsComparator",
    "PipelineFailed",
    "PipelineManager",
    "PushFailed",
    "__version__",
    "load_params",
]

_HOME = {
    "DVCTracker": "data_versioning.api.dvc_tracker",
    "MetricsComparator": "data_versioning.api.metrics_comparator",
    "PushFailed": "data_versioning.api.dvc_tracker",
    "PipelineFailed": "data_versioning.api.pipeline_manager",
    "PipelineManager": "data_versioning.api.pipeline_manager",
    "load_params": "data_versioning.api.params",
    "DataVersioningError": "data_versioning.errors",
}


def __getattr__(name: str) -> object:
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOME[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
