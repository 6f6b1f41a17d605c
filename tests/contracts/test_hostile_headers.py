"""A hostile segment header is refused by its model before anything is opened or allocated.

Method: one sound header, and one change at a time.
"""

import pytest
from pydantic import ValidationError

from schemas.segments import SegmentHeader
from tests.pipeline.live.redis_tools import header

SOUND = header(0).model_dump(mode="json")

HOSTILE = {
    "width_px": (0, -1, 8193, 2**31, 10**30, 1.5, "wide", None),
    "height_px": (0, -1, 8193, 2**31, 10**30),
    "frame_count": (-1, 100_001, 10**12),
    "body_bytes": (-1, 64 * 1024 * 1024 + 1, 10**18),
    "sequence": (-1, "x", None),
    "epoch": (-1,),
    "epoch_start_ms": (-1,),
    "timebase_num": (0, -1),
    "timebase_den": (0, -1),
    "codec": ("x" * 65, None),
    "sha256": ("", "0" * 63, "0" * 65, "G" * 64, "0" * 64 + "\n", "../" + "0" * 61),
    "traceparent": ("x" * 65,),
    "role": ("king",),
    "flags": (["nonsense"], "late"),
    **dict.fromkeys(
        ("tenant", "call_id", "stream_id"),
        ("", ".", "..", "a/b", "a\\b", "a\nb", "a\n", "a b", "a\x00", "ä", "a{b}", "x" * 129, None),
    ),
}
CASES = [(field, value) for field, values in HOSTILE.items() for value in values]


def test_the_sound_header_is_read():
    assert SegmentHeader.model_validate(SOUND) == header(0)


@pytest.mark.parametrize(("field", "value"), CASES)
def test_a_hostile_field_is_refused(field, value):
    with pytest.raises(ValidationError) as caught:
        SegmentHeader.model_validate(SOUND | {field: value})
    assert {error["loc"][0] for error in caught.value.errors()} == {field}


@pytest.mark.parametrize(
    "field", [name for name, field in SegmentHeader.model_fields.items() if field.is_required()]
)
def test_a_header_that_lacks_a_required_field_is_refused(field):
    with pytest.raises(ValidationError):
        SegmentHeader.model_validate({k: v for k, v in SOUND.items() if k != field})


def test_a_header_cannot_be_changed_once_read():
    with pytest.raises(ValidationError):
        header(0).sequence = 3  # type: ignore[misc]
