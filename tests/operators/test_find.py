"""Goal: the search looks where and when it should, and believes only what it should.

Method: a picture whose pixels say where they are, and a detector that knows which faces are there.
"""

import json
from dataclasses import dataclass, field, replace

import numpy as np
import pytest

from operators.detect import Detection, scale_for
from operators.find import FindSettings, FindState, find_faces


def picture(width_px: int = 1280, height_px: int = 720) -> np.ndarray:
    y, x = np.mgrid[:height_px, :width_px]
    return np.stack([x % 256, y % 256, (x // 256) * 16 + y // 256], axis=2).astype(np.uint8)


@dataclass(frozen=True)
class Thing:
    """A face, or something that looks like one only when it is large in the network's eyes."""

    x: float
    y: float
    size_px: float
    is_face: bool = True
    score: float = 0.9

    @property
    def box(self) -> tuple[float, float, float, float]:
        half = self.size_px / 2
        return (self.x - half, self.y - half, self.x + half, self.y + half)


@dataclass
class KnowingDetector:
    """Finds things between 14 and 300 px after scaling; notes where it was asked to look."""

    things: list[Thing]
    whole_px: int = 1280
    wholes: list[int] = field(default_factory=list)
    parts: int = 0

    def detect(self, image_rgb: np.ndarray, side_px: int | None = None) -> list[Detection]:
        height, width = image_rgb.shape[:2]
        scale = scale_for(max(height, width), side_px)
        if width == self.whole_px:
            self.wholes.append(round(width * scale))
        else:
            self.parts += 1
        a, b, c = (int(v) for v in image_rgb[0, 0])
        left, top = (c // 16) * 256 + a, (c % 16) * 256 + b
        found = []
        for thing in self.things:
            x, y, seen_px = thing.x - left, thing.y - top, thing.size_px * scale
            if not (0 <= x < width and 0 <= y < height and 14 <= seen_px <= 300):
                continue
            score = thing.score if thing.is_face or seen_px > 100 else 0.45
            half = thing.size_px / 2
            box = (x - half, y - half, x + half, y + half)
            found.append(Detection(box, ((x, y),) * 5, score))
        return sorted(found, key=lambda one: -one.score)


def middles(faces: list[Detection]) -> list[float]:
    return [(one.box_xyxy_px[0] + one.box_xyxy_px[2]) / 2 for one in faces]


FACE = Thing(900, 500, 80)
OTHER = Thing(300, 300, 150)
SEARCHED = FindState(0.0, 0.0)


def test_the_first_frame_is_searched_wholly_and_in_detail() -> None:
    detector = KnowingDetector([FACE, OTHER])
    state, faces, is_whole = find_faces(FindState(), picture(), 40.0, [], detector)
    assert (is_whole, detector.wholes) == (True, [640, 1280])
    assert middles(faces) == pytest.approx([300, 900])
    assert state == FindState(40.0, 40.0)


def test_between_searches_only_the_expected_places_are_looked_at() -> None:
    detector = KnowingDetector([FACE, OTHER])
    expected = [FACE.box, OTHER.box]
    state, faces, is_whole = find_faces(SEARCHED, picture(), 200.0, expected, detector)
    assert (is_whole, detector.wholes) == (False, [])
    assert middles(faces) == pytest.approx([300, 900])
    assert state == SEARCHED


@pytest.mark.parametrize(("pts_ms", "is_whole"), [(800.0, False), (1000.0, True), (1200.0, True)])
def test_the_whole_picture_is_searched_every_second(pts_ms: float, is_whole: bool) -> None:
    detector = KnowingDetector([FACE, OTHER])
    _, faces, was_whole = find_faces(SEARCHED, picture(), pts_ms, [FACE.box], detector)
    assert was_whole is is_whole
    assert len(faces) == (2 if is_whole else 1)


def test_where_no_face_is_expected_the_search_comes_sooner() -> None:
    detector = KnowingDetector([FACE])
    assert not find_faces(SEARCHED, picture(), 200.0, [], detector)[2]
    assert find_faces(SEARCHED, picture(), 400.0, [], detector)[2]


def test_a_missing_face_is_searched_for_everywhere_at_once() -> None:
    detector = KnowingDetector([Thing(200, 200, 80)])
    _, faces, is_whole = find_faces(SEARCHED, picture(), 200.0, [FACE.box], detector)
    assert is_whole
    assert middles(faces) == pytest.approx([200])


def test_a_face_that_stays_missing_is_not_searched_for_on_every_frame() -> None:
    state, searched = SEARCHED, []
    for n in range(1, 31):
        state, _, is_whole = find_faces(state, picture(), n * 33.3, [FACE.box], KnowingDetector([]))
        searched.append(is_whole)
    assert sum(searched) <= 5


def test_a_cut_expects_nothing_and_searches_everything() -> None:
    detector = KnowingDetector([OTHER])
    _, faces, is_whole = find_faces(SEARCHED, picture(), 200.0, [FACE.box], detector, is_cut=True)
    assert is_whole
    assert middles(faces) == pytest.approx([300])


def test_time_that_goes_back_makes_the_search_due() -> None:
    assert find_faces(FindState(9e6, 9e6), picture(), 0.0, [], KnowingDetector([]))[2]


@pytest.mark.parametrize(
    ("shape", "sides"),
    [
        ((1280, 720), [640, 1280]),
        ((1920, 1080), [640, 1280]),
        ((960, 540), [640, 960]),
        ((640, 360), [640]),
        ((480, 270), [640]),
        ((160, 120), [320]),
    ],
)
def test_the_sides_searched_follow_the_picture(shape: tuple[int, int], sides: list[int]) -> None:
    detector = KnowingDetector([], whole_px=shape[0])
    find_faces(FindState(), picture(*shape), 0.0, [], detector)
    assert detector.wholes == sides


def test_the_closer_search_finds_small_faces_and_comes_every_four_seconds() -> None:
    small = Thing(1500, 700, 38)
    state, found = FindState(), []
    for n in range(21):
        detector = KnowingDetector([small], whole_px=1920)
        state, faces, _ = find_faces(state, picture(1920, 1080), n * 400.0, [], detector)
        found.append(len(faces))
    assert [n for n, count in enumerate(found) if count] == [0, 10, 20]


def test_what_looks_like_a_face_at_one_scale_only_is_not_believed() -> None:
    dog = Thing(600, 350, 500, is_face=False)
    detector = KnowingDetector([dog, FACE])
    _, faces, _ = find_faces(FindState(), picture(), 0.0, [], detector)
    assert detector.detect(picture(), 640)[1].score == 0.9
    assert middles(faces) == pytest.approx([900])


def test_an_expected_face_is_found_though_it_scores_low() -> None:
    covered = Thing(900, 500, 80, score=0.55)
    assert find_faces(SEARCHED, picture(), 200.0, [FACE.box], KnowingDetector([covered]))[1]
    assert not find_faces(FindState(), picture(), 0.0, [], KnowingDetector([covered]))[1]


def test_an_expected_face_may_have_moved_by_most_of_its_size() -> None:
    moved = KnowingDetector([Thing(960, 520, 80)])
    _, faces, is_whole = find_faces(SEARCHED, picture(), 200.0, [FACE.box], moved)
    assert (middles(faces), is_whole) == (pytest.approx([960]), False)


def test_one_face_near_two_expected_places_comes_out_once() -> None:
    expected = [FACE.box, Thing(930, 500, 80).box]
    faces = find_faces(SEARCHED, picture(), 200.0, expected, KnowingDetector([FACE]))[1]
    assert middles(faces) == pytest.approx([900])


def test_a_face_half_outside_is_found_and_one_almost_gone_is_not() -> None:
    half, gone = Thing(5, 300, 100), Thing(1, 600, 100)
    found = find_faces(FindState(), picture(), 0.0, [], KnowingDetector([half]))[1]
    assert middles(found) == pytest.approx([5])
    strict = FindSettings(visible_share_min=0.52)
    assert not find_faces(FindState(), picture(), 0.0, [], KnowingDetector([gone]), strict)[1]


def test_at_most_the_set_number_of_faces_comes_out() -> None:
    crowd = [Thing(60 + 110 * n, 300, 80) for n in range(10)]
    settings = FindSettings(faces_max=4)
    faces = find_faces(FindState(), picture(), 0.0, [], KnowingDetector(crowd), settings)[1]
    assert len(faces) == 4


def test_an_expected_place_outside_the_picture_or_without_area_is_passed_over() -> None:
    places = [(-500.0, -500.0, -400.0, -400.0), (50.0, 50.0, 50.0, 50.0)]
    _, faces, is_whole = find_faces(SEARCHED, picture(), 300.0, places, KnowingDetector([]))
    assert (faces, is_whole) == ([], True)


def test_the_state_survives_json() -> None:
    for state in (FindState(), FindState(1 / 3, 2e12 + 0.1)):
        assert FindState.from_json(json.loads(json.dumps(state.to_json()))) == state


@dataclass
class PointsDetector(KnowingDetector):
    """Draws the points elsewhere, by a share of the face's size, where it looks closely."""

    shift: float = 0.0

    def detect(self, image_rgb: np.ndarray, side_px: int | None = None) -> list[Detection]:
        found = super().detect(image_rgb, side_px)
        if max(image_rgb.shape[:2]) > 150 or side_px is None or side_px < 200:
            return found
        dx = self.shift * 80
        return [
            replace(one, points_px=tuple((x + dx, y) for x, y in one.points_px)) for one in found
        ]


@pytest.mark.parametrize(("shift", "x"), [(0.05, 904), (0.2, 900)])
def test_points_come_from_the_closest_look_unless_they_stray(shift: float, x: float) -> None:
    detector = PointsDetector([FACE], shift=shift)
    (face,) = find_faces(SEARCHED, picture(), 200.0, [FACE.box], detector)[1]
    assert face.points_px[0][0] == pytest.approx(x)
    assert face.box_xyxy_px == pytest.approx(FACE.box)
