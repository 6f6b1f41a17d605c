"""Decoded pictures as RGB arrays in display orientation."""

import av
import numpy as np
from av.video.reformatter import ColorRange, Colorspace

from schemas.media import Image
from schemas.segments import HEIGHT_PX_MAX, PIXELS_MAX, WIDTH_PX_MAX

# What players assume where a stream does not name its matrix: BT.709 from HD on (ITU-T H.273
# leaves "unspecified" to the application).
_HD_HEIGHT_PX_MIN = 720
_HD_WIDTH_PX_MIN = 1280
_MATRIX_UNSPECIFIED = 2


def is_size_allowed(width_px: int, height_px: int) -> bool:
    """Tell whether a picture of this size may be allocated."""
    is_area_allowed = width_px * height_px <= PIXELS_MAX
    return 0 < width_px <= WIDTH_PX_MAX and 0 < height_px <= HEIGHT_PX_MAX and is_area_allowed


def quarter_turns(frame: av.VideoFrame) -> int:
    """Return how often the picture is turned 90° counter-clockwise for display, 0 to 3."""
    return round(frame.rotation / 90) % 4


def displayed_size_px(frame: av.VideoFrame) -> tuple[int, int]:
    """Return width and height after rotation."""
    if quarter_turns(frame) % 2:
        return frame.height, frame.width
    return frame.width, frame.height


def to_image(frame: av.VideoFrame) -> Image:
    """Return the frame as contiguous H x W x 3 uint8 RGB, full range, display orientation.

    The matrix and range are those of the stream; an unnamed matrix is BT.709 for HD pictures and
    BT.601 for smaller ones. Costs about 0.5 ms for 720p.
    """
    assert is_size_allowed(frame.width, frame.height), "sizes are checked before conversion"
    picture = frame.reformat(
        format="rgb24", src_colorspace=_matrix(frame), dst_color_range=ColorRange.JPEG
    )
    image = picture.to_ndarray()
    turns = quarter_turns(frame)
    return np.ascontiguousarray(np.rot90(image, turns) if turns else image, dtype=np.uint8)


def _matrix(frame: av.VideoFrame) -> Colorspace | None:
    if frame.colorspace != _MATRIX_UNSPECIFIED or frame.format.is_rgb:
        return None
    is_hd = frame.height >= _HD_HEIGHT_PX_MIN or frame.width >= _HD_WIDTH_PX_MIN
    return Colorspace.ITU709 if is_hd else Colorspace.ITU601
