"""Goal: tags are kept per call and tenant, the newest counts, and nothing is written twice.

Method: a lake in a temporary folder.
"""

from pipeline.importing.tags import current_tags, record_tags
from pipeline.lake.tables import Lake


def tags_of(lake: Lake, tenant: str = "default") -> dict[tuple[str, str], str]:
    return {(call, key): value for call, key, value in current_tags(lake, tenant).iter_rows()}


def test_tags_of_a_call_are_read_back(tmp_path):
    lake = Lake(tmp_path)
    assert record_tags(lake, "default", {"a": {"team": "x", "site": "y"}, "b": {"team": "z"}}) == 3
    assert tags_of(lake) == {("a", "team"): "x", ("a", "site"): "y", ("b", "team"): "z"}


def test_what_is_known_already_is_not_written_again(tmp_path):
    lake = Lake(tmp_path)
    record_tags(lake, "default", {"a": {"team": "x", "site": "y"}})
    assert record_tags(lake, "default", {"a": {"team": "x", "site": "y"}}) == 0
    assert record_tags(lake, "default", {"a": {"team": "x", "site": "new"}}) == 1
    assert tags_of(lake) == {("a", "team"): "x", ("a", "site"): "new"}
    assert len(lake.scan("tags").collect()) == 3


def test_a_tag_that_came_back_counts_again(tmp_path):
    lake = Lake(tmp_path)
    for value in ("x", "y", "x"):
        assert record_tags(lake, "default", {"a": {"team": value}}) == 1
    assert tags_of(lake) == {("a", "team"): "x"}


def test_tenants_do_not_see_each_others_tags(tmp_path):
    lake = Lake(tmp_path)
    record_tags(lake, "one", {"a": {"team": "x"}})
    assert tags_of(lake, "two") == {}
    assert record_tags(lake, "two", {"a": {"team": "x"}}) == 1


def test_any_text_is_a_tag(tmp_path):
    lake = Lake(tmp_path)
    value = "quote ' \" semicolon ; line\nend \x1b[31m 'DROP' é 🙂"
    record_tags(lake, "default", {"a": {"note": value}})
    assert tags_of(lake) == {("a", "note"): value}


def test_no_tags_make_no_table(tmp_path):
    assert record_tags(Lake(tmp_path), "default", {"a": {}}) == 0
    assert list(tmp_path.iterdir()) == []
