"""docs/settings.md names every setting, and its example is a file that is taken.

Method: the page is searched for each key; the example goes through the loader.
"""

import re
from pathlib import Path

import pytest

from pipeline.groups import GROUPS, Settings
from pipeline.live.settings import RedisSettings as LiveBounds
from pipeline.settings import load_settings
from pipeline.settings_page import EXAMPLE, example_file, settings_page

KEYS = [(group, key) for group, model in GROUPS.items() for key in model.model_fields]


def rows_of(group: str) -> dict[str, list[str]]:
    """Return the cells of a group's table by key."""
    section = settings_page().split(f"\n## `{group}`\n", 1)[1].split("\n## ", 1)[0]
    lines = [re.split(r"(?<!\\)\|", line)[1:-1] for line in section.splitlines() if "| `" in line]
    return {cells[0].strip(" `"): [cell.strip() for cell in cells] for cells in lines}


@pytest.mark.parametrize(("group", "key"), KEYS)
def test_every_key_stands_in_its_group_with_default_range_meaning_and_variable(group, key):
    cells = rows_of(group)[key]
    assert len(cells) == 5
    assert all(cells)
    default = getattr(getattr(Settings(), group), key)
    assert str(default).lower().strip('"') in cells[1].lower()


@pytest.mark.parametrize(("group", "key"), KEYS)
def test_the_variable_of_a_key_is_one_that_the_loader_reads(group, key, tmp_path):
    variable = rows_of(group)[key][4].strip("`")
    default = getattr(getattr(Settings(), group), key)
    if default is not None:
        found = load_settings(environ={variable: str(default)}, folder=tmp_path)
        assert found == Settings()
    assert variable == f"FACESTATE_{group}__{key}".upper()


def test_no_key_is_listed_that_is_none():
    assert {group: list(rows_of(group)) for group in GROUPS} == {
        group: list(model.model_fields) for group, model in GROUPS.items()
    }


def test_the_example_is_taken_as_it_stands(tmp_path: Path):
    (tmp_path / "facestate.toml").write_text(example_file())
    found = load_settings(environ={}, folder=tmp_path)
    assert {
        group: {key: getattr(getattr(found, group), key) for key in keys}
        for group, keys in EXAMPLE.items()
    } == EXAMPLE
    assert example_file() in settings_page()


def test_large_numbers_are_written_out():
    assert not re.search(r"\de\+", settings_page())


def test_the_live_views_defaults_come_from_one_place():
    bounds, redis = LiveBounds(), Settings().redis
    for name in ("events_max", "expire_after_s", "spool_rows_max"):
        assert getattr(redis, name) == getattr(bounds, name)
    assert redis.expire_after_s == 3600
