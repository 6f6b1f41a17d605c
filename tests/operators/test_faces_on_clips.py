"""Goal: on real clips the faces found and followed are those a person sees.

Method: each clip is analysed as a stream would be, 5 frames a second, from cut to quality.
"""

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
import pytest

from operators import cuts, find, quality, tracks
from operators.align import align
from operators.detect import FaceDetector
from operators.pose import Pose, pose_of
from operators.tracks import TrackedFace

RAW_PERIOD_MS = 40.0  # a raw stream carries no times; this one was made at 25 frames a second


@dataclass(frozen=True)
class Analysed:
    frame_index: int
    pts_ms: float
    is_cut: bool
    faces: list[TrackedFace]
    judged: list[quality.Quality]


@pytest.fixture(scope="module")
def detector(weights: Path) -> FaceDetector:
    return FaceDetector((weights / "face_detection_yunet_2023mar.onnx").read_bytes())


def sampled(
    path: Path, fps: float, from_s: float, to_s: float
) -> Iterator[tuple[int, float, np.ndarray]]:
    slot = None
    with av.open(str(path)) as container:
        for index, frame in enumerate(container.decode(video=0)):
            is_raw = path.suffix == ".264" or frame.pts is None
            pts_ms = index * RAW_PERIOD_MS if is_raw else float(frame.pts * frame.time_base) * 1000
            here = int(pts_ms * fps / 1000)
            if here == slot or not from_s * 1000 <= pts_ms:
                continue
            if pts_ms > to_s * 1000:
                return
            slot = here
            yield index, pts_ms, frame.to_ndarray(format="rgb24")


def analysed(
    path: Path, detector: FaceDetector, fps: float = 5.0, from_s: float = 0.0, to_s: float = 1e6
) -> list[Analysed]:
    cut_state, search, tracker = cuts.CutState(), find.FindState(), tracks.TrackerState()
    out = []
    for index, pts_ms, image in sampled(path, fps, from_s, to_s):
        cut_state, is_cut = cuts.step(cut_state, image)
        expected = [] if is_cut else [box for _, box in tracks.predict(tracker, pts_ms)]
        search, found, _ = find.find_faces(search, image, pts_ms, expected, detector, is_cut=is_cut)
        tracker, faces = tracks.step(tracker, found, pts_ms, is_cut)
        judged = [
            quality.assess(
                one.detection, align(image, one.detection.points_px, 256), image.shape
            )
            for one in faces
        ]  # fmt: skip
        out.append(Analysed(index, pts_ms, is_cut, faces, judged))
    return out


def ids(frames: list[Analysed]) -> set[str]:
    return {one.track_id for frame in frames for one in frame.faces}


def counts(frames: list[Analysed]) -> Counter[int]:
    return Counter(len(frame.faces) for frame in frames)


@pytest.mark.parametrize(
    ("name", "count", "frames"),
    [
        ("multi_face_5.jpg", 5, 1),
        ("intel_three_people.gif", 3, 17),
        ("headset_screenshare.mp4", 1, 42),
        ("pyfeat_pexels_woman.mp4", 1, 99),
        ("pyfeat_single_face.mp4", 1, 12),
        ("intel_man_headpose_smile.gif", 1, 26),
        ("videoconf_zhling_720p.264", 1, 4),
    ],
)
def test_every_face_is_followed_through_the_whole_clip_and_may_be_scored(
    clips: Path, detector: FaceDetector, name: str, count: int, frames: int
) -> None:
    seen = analysed(clips / name, detector)
    assert counts(seen) == {count: frames}
    assert len(ids(seen)) == count
    assert not any(frame.is_cut for frame in seen)
    assert {judged.reason for frame in seen for judged in frame.judged} == {None}


def test_a_man_who_talks_leans_back_and_hides_his_chin_is_one_track(
    clips: Path, detector: FaceDetector
) -> None:
    seen = analysed(clips / "webcam_talk_cap12.mp4", detector)
    assert ids(seen) == {"t0001"}
    assert counts(seen) == {1: 268}


def test_a_dog_is_no_face_on_any_frame(clips: Path, detector: FaceDetector) -> None:
    seen = analysed(clips / "negative_dog.mp4", detector, fps=30)
    assert counts(seen) == {0: 41}


def test_the_dog_stays_well_below_the_limit_and_faces_well_above(
    clips: Path, detector: FaceDetector
) -> None:
    def believed(name: str, score: float) -> int:
        settings = find.FindSettings(new_score_min=score)
        _, _, image = next(sampled(clips / name, 5, 0, 10))
        return len(find.find_faces(find.FindState(), image, 0, [], detector, settings)[1])

    assert believed("negative_dog.mp4", 0.68) == 0
    assert believed("negative_dog.mp4", 0.0) == 1
    assert believed("intel_three_people.gif", 0.82) == 3


def test_the_late_face_comes_with_the_cut_at_frame_96(clips: Path, detector: FaceDetector) -> None:
    seen = analysed(clips / "pyfeat_noface_face.mov", detector, from_s=1.0)
    before = [frame for frame in seen if frame.frame_index < 96]
    after = [frame for frame in seen if 96 <= frame.frame_index < 168]
    assert counts(before) == {0: len(before)}
    assert counts(after) == {1: len(after)}
    assert ids(seen) == {"t0001"}
    assert [frame.frame_index for frame in seen if frame.is_cut] == [after[0].frame_index]


@pytest.mark.parametrize("fps", [2, 8])
def test_three_walkers_keep_their_ids_at_other_rates(
    clips: Path, detector: FaceDetector, fps: float
) -> None:
    seen = analysed(clips / "intel_three_people.gif", detector, fps)
    assert set(counts(seen)) == {3}
    assert len(ids(seen)) == 3


def mean_pose(frames: list[Analysed], from_s: float, to_s: float) -> Pose:
    poses = [
        pose_of(one.detection.points_px)
        for frame in frames
        if from_s * 1000 <= frame.pts_ms <= to_s * 1000
        for one in frame.faces
    ]
    means = np.mean([(pose.yaw_deg, pose.pitch_deg, pose.roll_deg) for pose in poses], axis=0)
    return Pose(*(float(value) for value in means))


def test_a_head_turn_changes_the_sign_of_yaw(clips: Path, detector: FaceDetector) -> None:
    seen = analysed(clips / "webcam_talk_cap12.mp4", detector, 10, from_s=19.5, to_s=21.6)
    assert mean_pose(seen, 19.8, 20.2).yaw_deg < -5
    assert mean_pose(seen, 21.1, 21.5).yaw_deg > 5


def test_a_bowed_head_has_lower_pitch(clips: Path, detector: FaceDetector) -> None:
    seen = analysed(clips / "headset_screenshare.mp4", detector, 5, from_s=3.0)
    assert mean_pose(seen, 3.3, 4.6).pitch_deg < mean_pose(seen, 5.2, 8.2).pitch_deg - 3


def test_a_tilted_head_is_seen_tilted(clips: Path, detector: FaceDetector) -> None:
    _, _, image = next(sampled(clips / "pyfeat_single_face.mp4", 5, 0, 10))

    def roll(picture: np.ndarray) -> float:
        (face,) = find.find_faces(find.FindState(), picture, 0, [], detector)[1]
        return pose_of(face.points_px).roll_deg

    tilted = roll(turned(image, 16))
    assert 10 < tilted - roll(image) < 20


def turned(image: np.ndarray, degrees: float) -> np.ndarray:
    height, width = image.shape[:2]
    matrix = cv2.getRotationMatrix2D((width / 2, height / 2), -degrees, 1.0)
    return cv2.warpAffine(image, matrix, (width, height))


def test_faces_of_forty_pixels_in_a_large_picture_are_found(
    clips: Path, detector: FaceDetector
) -> None:
    _, _, photo = next(sampled(clips / "multi_face_5.jpg", 5, 0, 10))
    small = cv2.resize(photo, None, fx=0.42, fy=0.42, interpolation=cv2.INTER_AREA)
    picture = np.full((1080, 1920, 3), 90, np.uint8)
    picture[700 : 700 + small.shape[0], 1400 : 1400 + small.shape[1]] = small
    faces = find.find_faces(find.FindState(), picture, 0, [], detector)[1]
    assert len(faces) == 5
    assert all(28 < face.size_px < 50 for face in faces)
