"""Table `tags`: what the user said of a call in an imported list."""

from collections.abc import Mapping
from datetime import UTC, datetime

import polars as pl

from pipeline.lake.layout import to_frame
from pipeline.lake.tables import Lake


def current_tags(lake: Lake, tenant: str) -> pl.DataFrame:
    """Return call_id, key and value of the tags that count: the newest of each key."""
    return (
        lake.scan("tags")
        .filter(pl.col("tenant") == tenant)
        .sort("recorded_at")
        .group_by("call_id", "key", maintain_order=True)
        .last()
        .select("call_id", "key", "value")
        .collect()
    )


def record_tags(lake: Lake, tenant: str, tags: Mapping[str, Mapping[str, str]]) -> int:
    """Add tags per call that are new or changed; return how many were written."""
    if not any(tags.values()):
        return 0
    known = {(call, key): value for call, key, value in current_tags(lake, tenant).iter_rows()}
    now = datetime.now(UTC)
    rows = [
        {"tenant": tenant, "call_id": call, "key": key, "value": value, "recorded_at": now}
        for call, pairs in tags.items()
        for key, value in pairs.items()
        if known.get((call, key)) != value
    ]
    if rows:
        lake.append("tags", to_frame("tags", rows))
    return len(rows)
