"""Tables `runs` and `tags`: which passes over which calls exist, and what the user said of them."""

from schemas.columns import Column, row_model

RUN_COLUMNS = (
    Column("tenant", "string", "customer of the installation", is_key=True),
    Column("call_id", "string", "the conversation", is_key=True),
    Column("stream_id", "string", "one camera or tile of the call", is_key=True),
    Column("run_id", "string", "the pass", is_key=True),
    Column("revision", "int32", "the row with the highest revision of a run counts", low=1,
           is_key=True),
    Column("recorded_at", "timestamp", "when this row was written", "UTC"),
    Column("state", "string", "started; finished; or replaced, while its old rows are deleted"),
    Column("model_id", "string", "the model that scores"),
    Column("adapter_id", "string", "the adapter on the model", null="no adapter"),
    Column("policy_id", "string", "the policy table that decides"),
    Column("settings_hash", "string", "hash of everything that changes results"),
    Column("registration", "string", "the registration, as JSON"),
    Column("source_name", "string", "last part of the input's name"),
    Column("content_sha256", "string", "hash of the input file", null="a live source"),
    Column("start_at", "timestamp", "wall clock of the first frame", "UTC"),
    Column("anchor_source", "string", "where that wall clock comes from"),
    Column("duration_ms", "int64", "media time covered", "ms", low=0, null="not finished"),
    Column("analysis_fps", "float32", "frames analysed per second of media time", "1/s", low=0),
)  # fmt: skip

TAG_COLUMNS = (
    Column("tenant", "string", "customer of the installation", is_key=True),
    Column("call_id", "string", "the conversation", is_key=True),
    Column("key", "string", "name of the tag: a column of the imported list", is_key=True),
    Column("value", "string", "the tag's text"),
    Column("recorded_at", "timestamp", "when it was imported; the newest counts", "UTC"),
)

RunRow = row_model("RunRow", "One pass over one stream of a call.", RUN_COLUMNS)
TagRow = row_model("TagRow", "One thing the user said of a call.", TAG_COLUMNS)
