"""The pages are what their sources say; docs/outputs.md is whole and claims no feelings.

Method: the page is generated and compared; families of columns are spread out again and must give
back every column of every table.
"""

import re
from pathlib import Path

import pytest

from pipeline import docs
from pipeline.docs import TABLES, families, outputs_page
from pipeline.groups import Settings
from pipeline.live.keys import LATEST_DOCS, StreamKeys
from schemas.columns import Column
from schemas.errors import FacestateError
from schemas.names import AU_MEANINGS, AU_NAMES, EMOTIONS

DOCS = Path(__file__).parents[2] / "docs"
each_table = pytest.mark.parametrize("table", TABLES)


def section(page: str, title: str) -> str:
    return page.split(f"\n## {title}\n", 1)[1].split("\n## ", 1)[0]


@pytest.mark.parametrize("name", docs.PAGES)
def test_the_page_is_up_to_date(name):
    hint = f"run `python -m pipeline.docs docs/{name}`"
    assert (DOCS / name).read_text(encoding="utf-8") == docs.PAGES[name](), hint


def test_how_long_redis_keeps_keys_is_what_the_settings_say():
    assert f"`expire_after_s` ({Settings().redis.expire_after_s} unless set)" in outputs_page()


def spread(name: str) -> set[str]:
    """Return the names that a row of the page may stand for."""
    if name.startswith("AUxx"):
        return {name.replace("AUxx", au) for au in AU_NAMES}
    return {name.replace("<expression>", word) for word in EMOTIONS}


@each_table
def test_every_column_of_a_table_stands_on_the_page(table):
    rows = re.findall(r"^\| \**`([^`]+)`\** \|", section(outputs_page(), f"Table `{table}`"), re.M)
    assert len(rows) == len(set(rows))
    stood_for = set().union(*(spread(name) for name in rows))
    assert {column.name for column in TABLES[table]} <= stood_for
    assert len(rows) < 60


@each_table
def test_a_family_stands_for_columns_that_agree_in_all_that_is_shown(table):
    by_name = {column.name: column for column in TABLES[table]}
    for family in families(TABLES[table]):
        members = [by_name[name] for name in spread(family.name) if name in by_name]
        assert members
        for member in members:
            assert docs._cells(member)[1:5] == docs._cells(family)[1:5]
            assert member.null == family.null


def test_a_column_that_differs_from_its_family_keeps_its_own_row():
    columns = [
        Column("AU01", "float32", "inner brow raised: probability", high=1),
        Column("AU02", "float32", "outer brow raised: probability", high=1),
        Column("AU04", "float32", "brows lowered: probability", high=2),
    ]
    assert [column.high for column in families(columns)] == [1, 2]


def test_every_action_unit_is_listed_with_what_the_face_shows():
    listed = section(outputs_page(), "Action units")
    for name, meaning in AU_MEANINGS.items():
        assert f"| {name} | {meaning} |" in listed


@each_table
def test_a_cell_never_breaks_its_row(table):
    for line in section(outputs_page(), f"Table `{table}`").splitlines():
        if line.startswith("|"):
            assert len(re.findall(r"(?<!\\)\|", line)) == 8


def test_every_redis_key_and_field_is_listed():
    listed = section(outputs_page(), "Redis: the live view")
    for key in StreamKeys.of("tenant", "stream").all():
        general = re.sub(r"order:\d+$", "order:<window_s>", key)
        assert f"`{general}`" in listed
    assert {doc.name for doc in LATEST_DOCS} <= set(re.findall(r"^\| `([^`]+)` \|", listed, re.M))


def test_every_exit_code_is_listed_once():
    listed = re.findall(r"^\| (\d+) \| \S", section(outputs_page(), "Exit codes"), re.M)
    assert len(listed) == len(set(listed))
    codes = {str(kind.exit_code) for kind in (FacestateError, *FacestateError.__subclasses__())}
    assert codes | {"0", "1", "130"} <= set(listed)


def test_the_page_claims_no_feelings():
    words = re.findall(
        r"\b(?:feel\w*|mood\w*|happy|angry|sad|afraid|lying|stress\w*)\b", outputs_page()
    )
    assert words == ["feels"], "once, to say that none is claimed"
