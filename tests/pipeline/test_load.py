"""Whole projects out of texts: as DVC reads them, and refused when they could do harm."""

from __future__ import annotations

import marshal
import sys
from pathlib import Path

import pytest

from data_versioning.errors import Overlap
from data_versioning.formats import yamltext
from data_versioning.paths import RepoPath
from data_versioning.pipeline.load import load
from data_versioning.pipeline.project import Project
from data_versioning.pipeline.stage import OutputKind
from tests.pipeline.oracle import Texts, compare, project

MD5 = "5ea40360f5b4ec688df672a4db9c17d1"

POINTERS = {
    "file": f"outs:\n- md5: {MD5}\n  size: 6\n  hash: md5\n  path: data\n",
    "directory": f"outs:\n- md5: {MD5}.dir\n  size: 6\n  nfiles: 2\n  hash: md5\n  path: data\n",
    "legacy": f"outs:\n- md5: {MD5}\n  size: 6\n  path: data\n",
    "executable": f"outs:\n- md5: {MD5}\n  isexec: true\n  hash: md5\n  path: data\n",
    "no hash": "outs:\n- path: data\n",
    "options": f"outs:\n- md5: {MD5}\n  hash: md5\n  path: data\n  cache: false\n  persist: true\n"
    "  remote: r\n  push: false\n  desc: d\n  type: model\n  labels: [a, b]\n  meta: {k: [1]}\n",
    "working directory": f"wdir: ..\nouts:\n- md5: {MD5}\n  hash: md5\n  path: elsewhere/data\n",
    "working directory below": f"wdir: deep/down\nouts:\n- md5: {MD5}\n  hash: md5\n  path: ../data\n",
    "stage keys": "desc: words\nfrozen: true\nalways_changed: true\nmeta: {a: 1}\nouts:\n- path: data\n",
    "locked": "locked: true\nouts:\n- path: data\n",
    "plain with checksum": f"md5: {MD5}\nouts:\n- path: data\n",
    "two outputs": f"outs:\n- md5: {MD5}\n  path: a\n- md5: {MD5}\n  path: b\n",
    "nothing": "",
    "null lists": "deps:\nouts:\n",
    "import of a path": f"md5: {MD5}\nfrozen: true\ndeps:\n- md5: {MD5}\n  size: 3\n  hash: md5\n"
    "  path: ../../src\n"
    f"outs:\n- md5: {MD5}\n  size: 3\n  hash: md5\n  path: data\n",
    "import with the right checksum": "md5: 93d0a9cb2bb1f3e4d4d6a8b1be0de0a1\nfrozen: true\n"
    f"deps:\n- md5: {MD5}\n  hash: md5\n  path: in\nouts:\n- md5: {MD5}\n  hash: md5\n  path: data\n",
    "import of a URL": "frozen: true\ndeps:\n- path: https://h/x\n  checksum: abc\n  size: 3\n"
    f"outs:\n- md5: {MD5}\n  hash: md5\n  path: data\n",
}

BAD_POINTERS = {
    "unknown key": "outs:\n- path: data\ncmd: rm -rf\n",
    "unknown output key": "outs:\n- path: data\n  metric: true\n",
    "no path": f"outs:\n- md5: {MD5}\n",
    "short hash": "outs:\n- md5: 'a'\n  path: data\n",
    "list": "- outs\n",
    "text": "outs\n",
    "repeated key": "outs: []\nouts: []\n",
    "repeated output": "outs:\n- path: a\n- path: a\n",
    "overlap": "outs:\n- path: a\n- path: a/b\n",
    "itself": "outs:\n- path: .\n",
    "pointer file": "outs:\n- path: other.dvc\n",
    "broken YAML": "outs: [\n",
}


@pytest.mark.parametrize("case", POINTERS)
def test_pointer_is_read_as_by_dvc(dvc_root: Path, case: str) -> None:
    compare(dvc_root, {"sub/data.dvc": POINTERS[case]})


@pytest.mark.parametrize("case", BAD_POINTERS)
def test_pointer_is_refused_as_by_dvc(dvc_root: Path, case: str) -> None:
    compare(dvc_root, {"sub/data.dvc": BAD_POINTERS[case]})


PIPELINE = """
stages:
  one:
    cmd: run
    deps: [in, ./dot]
    outs: [out, kept: {persist: true}]
    metrics: [m.json: {cache: false}]
    params: [lr, net.size, other.json: ]
  two:
    cmd: [a, b]
    outs: [legacy, lost]
  never: {cmd: x, deps: [y]}
"""
LOCK = f"""schema: '2.0'
stages:
  one:
    cmd: run before
    deps:
    - {{path: in, hash: md5, md5: {MD5}.dir, size: 3, nfiles: 1}}
    - {{path: dot, hash: md5, md5: {MD5}, size: 3}}
    params:
      params.yaml: {{lr: 1, gone: 2}}
      other.json: {{a: {{b: 1}}}}
    outs:
    - {{path: m.json, hash: md5, md5: {MD5}, size: 3}}
    - {{path: out, hash: md5, md5: {MD5}, size: 3, isexec: true}}
    - {{path: unknown, hash: md5, md5: {MD5}, size: 3}}
  two:
    cmd: [a, b]
    outs: [{{path: legacy, md5: {MD5}, size: 3}}]
  gone: {{cmd: z}}
"""


def test_lock_is_merged_as_by_dvc(dvc_root: Path) -> None:
    compare(dvc_root, {"sub/dvc.yaml": PIPELINE, "sub/dvc.lock": LOCK})


@pytest.mark.parametrize("schema", ["", "schema: '1.0'\n", "schema: 2.0\n"])
def test_lock_of_another_schema_is_refused_as_by_dvc(dvc_root: Path, schema: str) -> None:
    compare(dvc_root, {"dvc.yaml": PIPELINE, "dvc.lock": schema + LOCK.partition("\n")[2]})


PROJECTS = {
    "several files": {
        "dvc.yaml": "stages: {a: {cmd: x, deps: [sub/in], outs: [top]}}",
        "sub/dvc.yaml": "stages: {b: {cmd: x, deps: [../top], outs: [in]}}",
        "sub/deep/data.dvc": POINTERS["file"],
        "sub/deep/dvc.yaml": "metrics: [m.json]\n",
    },
    "data that looks like a project": {
        "data.dvc": POINTERS["directory"],
        "data/inner.dvc": "not: [a pointer",
        "data/dvc.yaml": "stages: 3",
    },
    "same output of two files": {"a.dvc": POINTERS["file"], "sub/b.dvc": "wdir: ..\nouts:\n- path: data\n"},
    "output inside another": {"a.dvc": POINTERS["file"], "dvc.yaml": "stages: {a: {cmd: x, outs: [data/y]}}"},
    "similar names": {f"{name}.dvc": f"outs:\n- path: {name}\n" for name in ("a", "a-b", "aa")},
    "circle": {"dvc.yaml": "stages: {a: {cmd: x, deps: [p], outs: [q]}, b: {cmd: x, deps: [q], outs: [p]}}"},
    "circle through params": {"dvc.yaml": "stages: {a: {cmd: x, params: [q.yaml: [k]], outs: [q.yaml]}}"},
    "top level": {
        "params.yaml": "m: s",
        "dvc.yaml": "vars: [{x: 1}]\nparams: [p.yaml]\nmetrics: ['${m}.json']\n"
        "plots: [a.csv, b: , c: {x: s, y: {f: [k, l]}}]\n"
        "artifacts: {'${m}': {path: model, type: t, labels: [l], meta: {k: 1}}}\n"
        "datasets: [{name: d, type: dc, url: u}]\n",
    },
    "unknown top level": {"dvc.yaml": "stage: {}\n"},
    "artifact without path": {"dvc.yaml": "artifacts: {a: {type: b}}"},
    "unknown plot option": {"dvc.yaml": "plots: [a: {z: 1}]"},
    "metrics of mappings": {"dvc.yaml": "metrics: [{a: b}]"},
    "unknown template in metrics": {"dvc.yaml": "metrics: ['${zz}']"},
    "empty dvc.yaml": {"dvc.yaml": ""},
    "null stages": {"dvc.yaml": "stages:\n"},
    "name of a generated stage": {"dvc.yaml": "stages: {a@b: {cmd: x}}"},
    "params beside": {
        "sub/params.yaml": "a: 1",
        "params.yaml": "a: 2",
        "sub/dvc.yaml": "stages: {a: {cmd: 'x ${a}'}}",
    },
    "broken params": {"params.yaml": "a: [", "dvc.yaml": "stages: {a: {cmd: x}}"},
    "params of a list": {"params.yaml": "[1]", "dvc.yaml": "stages: {a: {cmd: x}}"},
    "vars of all kinds": {
        "a.toml": "t = [1, 2]\n", "b.py": "class C:\n    d = 5\ne: int = 6\n", "c.json": '{"f": {"g": 1}}',
        "d.yaml": "f: {h: 2}", "dvc.yaml": "vars: [a.toml, b.py, 'c.json:f', d.yaml, d.yaml, {f: {i: 3}}]\n"
        "stages: {a: {cmd: 'x ${t[1]} ${C.d} ${e} ${f.g} ${f.h} ${f.i}'}}",
    },
}  # fmt: skip


@pytest.mark.parametrize("case", PROJECTS)
def test_project_is_read_as_by_dvc(dvc_root: Path, case: str) -> None:
    compare(dvc_root, PROJECTS[case])


def test_overlap_names_both_files() -> None:
    with pytest.raises(Overlap, match=r"sub/b\.dvc.*a\.dvc") as caught:
        project(a_dvc="outs:\n- path: data\n", sub__b_dvc="wdir: ..\nouts:\n- path: data/x\n")
    assert caught.value.hint == "keep one of them: dv remove sub/b.dvc"
    with pytest.raises(Overlap, match=r"a\.dvc and dvc\.yaml:s"):
        project(a_dvc="outs:\n- path: data\n", dvc_yaml="stages: {s: {cmd: x, outs: [data]}}")


def test_pointer_file_inside_an_output_of_a_deeper_file() -> None:
    with pytest.raises(Overlap, match=r"a/x\.dvc lies inside 'a', an output of b/c/y\.dvc"):
        project(a__x_dvc="wdir: ..\nouts:\n- path: z\n", b__c__y_dvc="wdir: ../..\nouts:\n- path: a\n")


def test_only_given_files_are_read() -> None:
    source = Texts({"a.dvc": "outs:\n- path: a\n", "ignored.dvc": "broken: ["})
    assert [stage.file for stage in load(source, [RepoPath("a.dvc")]).stages] == ["a.dvc"]


def test_dates_survive_packing() -> None:
    loaded = project(
        dvc_yaml="stages: {a: {cmd: x, params: [day], meta: {since: 2024-01-02}}}\n"
        "artifacts: {m: {path: p, meta: 2024-01-01}}",
        dvc_lock="schema: '2.0'\nstages: {a: {cmd: x, params: {params.yaml: {day: 2024-01-02}}}}",
    )
    again = Project.unpack(marshal.loads(marshal.dumps(loaded.pack())))
    assert again.stages == loaded.stages
    assert again.sections == loaded.sections


def test_packed_project_is_the_same() -> None:
    loaded = project(
        data_dvc=POINTERS["options"],
        sub__dvc_yaml=PIPELINE + "metrics: [x.json]\n",
        sub__dvc_lock=LOCK,
        imported_dvc=POINTERS["import of a URL"].replace("path: data", "path: other"),
    )
    again = Project.unpack(marshal.loads(marshal.dumps(loaded.pack())))
    assert again.stages == loaded.stages
    assert again.sections == loaded.sections
    assert again.outputs() == loaded.outputs()
    assert {type(item.output.kind) for item in again.outputs()} == {OutputKind}


def test_many_pointer_files_as_dvc_writes_them_are_read_without_yaml(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = Texts(
        {
            f"d{i // 100}/f{i}.dvc": f"outs:\n- md5: {i:031x}a\n  size: {i}\n  hash: md5\n  path: f{i}\n"
            for i in range(10_000)
        }
    )
    monkeypatch.delattr(yamltext, "read")
    loaded = load(texts)
    again = Project.unpack(marshal.loads(marshal.dumps(loaded.pack())))
    assert len(again.outputs()) == 10_000


def test_reading_back_imports_no_parser() -> None:
    import subprocess

    code = (
        "import sys, data_versioning.pipeline.project, data_versioning.pipeline.staleness;"
        "print(sorted({'yaml', 'ruamel', 'dataclasses', 'datetime', 'difflib'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
