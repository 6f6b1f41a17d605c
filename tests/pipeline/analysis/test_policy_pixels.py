"""Goal: with real faces and the real detector no forbidden pixel comes through the scorer's door.

Method: the forbidden part of real pictures is painted in colours that nothing else has, and a
scorer that keeps every crop looks for them; first under a policy that lets them through.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import av
import cv2
import numpy as np
import pytest

from operators.detect import FaceDetector
from operators.find import FindState, find_faces
from schemas.media import DecodedFrame, Image, Segment
from schemas.names import PtsSource, Role
from schemas.registration import Registration
from tests.fakes import MadeFrame, segment
from tests.policy_tools import analysed, call, region


def paint(image: Image, box: Any) -> None:
    """Paint a part of a picture magenta: its light in red and blue, nothing in green."""
    x1, y1, x2, y2 = (max(0, round(v)) for v in box)
    part = cv2.cvtColor(image[y1:y2, x1:x2], cv2.COLOR_RGB2GRAY)
    light = np.maximum(part, 40)
    image[y1:y2, x1:x2] = np.stack([light, np.zeros_like(light), light], -1)


def canary_px(image: Image) -> int:
    """Count the pixels that only `paint` makes; interpolation keeps their kind."""
    red, green, blue = (image[..., channel].astype(int) for channel in range(3))
    return int(((abs(red - blue) <= 8) & (4 * green < red) & (red >= 30)).sum())


@dataclass(frozen=True)
class Pictures:
    """Pictures in place of coded packets, five a second."""

    images: tuple[Image, ...]

    def frames(self, is_wanted: Callable[[float], bool]) -> Iterator[DecodedFrame]:
        for index, image in enumerate(self.images):
            assert is_wanted(200.0 * index)
            yield DecodedFrame(index, 200.0 * index, PtsSource.CONTAINER, False, image)  # noqa: FBT003


class PictureDecoder:
    name = "pictures"

    def frames(
        self, segment: Segment, is_wanted: Callable[[float], bool]
    ) -> Iterator[DecodedFrame]:
        assert isinstance(segment.body, Pictures)
        return segment.body.frames(is_wanted)


def pictures(images: list[Image]) -> list[Segment]:
    times = [MadeFrame(200.0 * index) for index in range(len(images))]
    return [replace(segment(0, times, is_end_of_stream=True), body=Pictures(tuple(images)))]


def real_frames(path: Path, count: int, every: int) -> list[Image]:
    with av.open(str(path)) as container:
        images = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
    return images[::every][:count]


@pytest.fixture(scope="module")
def detector(weights: Path) -> FaceDetector:
    return FaceDetector((weights / "face_detection_yunet_2023mar.onnx").read_bytes())


def faces_of(image: Image, detector: FaceDetector) -> list[Any]:
    _, faces, _ = find_faces(FindState(), image, 0.0, [], detector)
    return [face.box_xyxy_px for face in faces]


def boundary(boxes: list[Any], index: int, width: int) -> float:
    """Return the x halfway between two faces, as a fraction of the picture."""
    return float((boxes[index][2] + boxes[index + 1][0]) / 2 / width)


def split(x: float, left: Role = Role.AGENT) -> Registration:
    return call(
        region("agents", left, (0, 0, x, 1), max_faces=8),
        region("customers", Role.CUSTOMER, (x, 0, 1, 1), max_faces=8),
        jurisdiction="EU",
    )


def check_real(images: list[Image], x: float, detector: FaceDetector) -> tuple[int, int]:
    """Prove that nothing magenta comes through; return skipped and scored rows."""
    stream = pictures(images)
    _, open_door = analysed(stream, split(x, Role.PERFORMER), detector, PictureDecoder())
    assert sum(canary_px(crop) > 500 for crop in open_door.crops) > 0, "the canary can be seen"
    rows, scorer = analysed(stream, split(x), detector, PictureDecoder())
    for row in rows:
        is_agent = (row["box_x1_px"] + row["box_x2_px"]) / 2 < x * images[0].shape[1]
        assert (row["status"] == "skipped") is is_agent
        assert row["participant_id"].startswith("agents" if is_agent else "customers")
    assert [canary_px(crop) for crop in scorer.crops] == [0] * len(scorer.crops)
    skipped = sum(row["status"] == "skipped" for row in rows)
    return skipped, len(scorer.crops)


def test_in_a_group_photo_the_neighbours_pixels_stay_out(
    clips: Path, detector: FaceDetector
) -> None:
    photo = cv2.cvtColor(cv2.imread(str(clips / "multi_face_5.jpg")), cv2.COLOR_BGR2RGB)
    assert canary_px(photo) == 0
    boxes = faces_of(photo, detector)
    x = boundary(boxes, 1, photo.shape[1])
    for box in boxes[:2]:
        paint(photo, box)
    assert check_real([photo], x, detector) == (2, 3)


def test_among_people_who_walk_the_agents_pixels_stay_out(
    clips: Path, detector: FaceDetector
) -> None:
    images = real_frames(clips / "intel_three_people.gif", count=12, every=3)
    x = boundary(faces_of(images[-1], detector), 0, images[0].shape[1])
    for image in images:
        paint(image, (0, 0, round(x * image.shape[1]), image.shape[0]))
    skipped, scored = check_real(images, x, detector)
    assert skipped >= 10
    assert scored >= 20


def test_in_a_two_party_recording_the_whole_agents_tile_stays_out(
    clips: Path, detector: FaceDetector
) -> None:
    agents = real_frames(clips / "webcam_talk_cap12.mp4", count=8, every=5)
    customers = real_frames(clips / "pyfeat_single_face.mp4", count=8, every=8)
    images = []
    for agent, customer in zip(agents, customers, strict=True):
        image = np.hstack([agent, cv2.resize(customer, (533, 300))])
        paint(image, (0, 0, 400, 300))
        images.append(image)
    assert check_real(images, 400 / 933, detector) == (8, 8)
