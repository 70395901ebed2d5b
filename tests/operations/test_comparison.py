"""Two states of tracked data, path by path. What DVC says of them is in the tests of `data status` and `diff`."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from data_versioning.objects.oid import ObjectId
from data_versioning.operations import comparison
from data_versioning.operations.comparison import Entries
from data_versioning.paths import parents

PATHS = ("a", "d", "d/x", "d/y", "d/in/z", "other/x")
sides = st.builds(
    Entries,
    st.dictionaries(st.sampled_from(PATHS), st.sampled_from(["1", "2"])),
    st.frozensets(st.sampled_from(["d"])).map(set),
)


@given(sides, sides)
def test_every_path_is_in_one_group(old: Entries, new: Entries) -> None:
    found = comparison.compare(old, new)
    groups = (found.added, found.deleted, found.modified, found.unchanged)
    hidden = [path for path in PATHS if path.startswith("d/") and old.unknown | new.unknown]
    told = [path for group in groups for path in group]
    assert sorted(told) == sorted((old.values.keys() | new.values.keys()) - set(hidden))
    assert [path for path in found.unknown if not path.endswith("/")] == sorted(
        path for path in hidden if path in new.values
    )
    assert all(group == sorted(group) for group in (*groups, found.unknown))
    for path in found.modified:
        assert old.values[path] != new.values[path]


def test_renames_go_by_the_order_of_names() -> None:
    old = Entries({"z": "1", "a/b": "1", "a-b": "1", "lone": "2"})
    new = Entries({"new": "1", "more": "1"})
    pairs = comparison.renames(old, new, old.values, new.values)
    assert pairs == [("a/b", "more"), ("a-b", "new")]


def test_ids_of_dvc_2_are_other_ids() -> None:
    value = "0" * 32
    old, new = comparison.id_of(ObjectId(value, legacy=True)), comparison.id_of(ObjectId(value))
    assert old != new
    assert comparison.value_of(old) == comparison.value_of(new) == value
    entries = Entries()
    entries.put_inside("d", ObjectId(f"{value}.dir", legacy=True), ["x"], [value])
    assert entries.values == {"d/x": old}


def test_what_lies_below() -> None:
    entries = Entries({"d": "0.dir", "d/in/x": "1", "da": "2"}, {"d"})
    assert entries.within(["d/in", "d/in/x"]) == Entries({"d/in/x": "1"}, {"d"})
    assert [entries.shown(path) for path in entries.values] == ["d/", "d/in/x", "da"]


@given(st.lists(st.sampled_from(PATHS)))
def test_directories(paths: list[str]) -> None:
    assert comparison.directories(paths) == {parent for path in paths for parent in parents(path)}
