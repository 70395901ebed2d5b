"""Errors reach whoever started the work, in another process, too."""

from __future__ import annotations

import pickle

import pytest

from data_versioning.api.pipeline_manager import PipelineFailed
from data_versioning.errors import DataVersioningError, FormatError, MetricNotFound
from data_versioning.formats.config import BadOption
from data_versioning.metrics.plotfiles import UnknownKind
from data_versioning.operations.repro import Outcome, ReproResult, StageResult

_FAILED = ReproResult(stages=(StageResult("train", Outcome.FAILED, message="it hung", log="train.log"),))


@pytest.mark.parametrize(
    "error",
    [
        DataVersioningError("what", hint="how"),
        FormatError("what", file="dvc.yaml", line=3),
        MetricNotFound("what", hint="how"),
        BadOption("what", section="core", key="remote", hint="how", instead="x"),
        UnknownKind("a.txt"),
        PipelineFailed(_FAILED),
    ],
    ids=lambda error: type(error).__name__,
)
def test_errors_are_carried(error: DataVersioningError) -> None:
    found = pickle.loads(pickle.dumps(error))
    assert type(found) is type(error)
    assert (str(found), found.args, vars(found)) == (str(error), error.args, vars(error))
