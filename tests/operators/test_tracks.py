"""Goal: one face keeps one id while it is in sight, and no id ever stands for two sightings.

Method: stories of made-up boxes over seconds of media time; properties over random walks.
"""

import json
import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from operators.detect import Detection
from operators.tracks import (
    TrackedFace,
    TrackerSettings,
    TrackerState,
    live_ids,
    predict,
    step,
)


def face(x: float, y: float = 200.0, size: float = 100.0, score: float = 0.9) -> Detection:
    half = size / 2
    points = ((x - 20, y - 20), (x + 20, y - 20), (x, y), (x - 15, y + 25), (x + 15, y + 25))
    return Detection((x - half, y - half, x + half, y + half), points, score)


def run(
    frames: list[tuple[float, list[Detection]]], cuts: frozenset[float] = frozenset()
) -> list[list[TrackedFace]]:
    state, outputs = TrackerState(), []
    for time_ms, faces in frames:
        state, tracked = step(state, faces, time_ms, time_ms in cuts)
        outputs.append(tracked)
    return outputs


def ids(outputs: list[list[TrackedFace]]) -> set[str]:
    return {one.track_id for tracked in outputs for one in tracked}


def test_a_still_picture_gives_its_faces_at_once() -> None:
    (tracked,) = run([(0, [face(x * 200) for x in range(5)])])
    assert [one.track_id for one in tracked] == ["t0001", "t0002", "t0003", "t0004", "t0005"]
    assert all(one.is_new and one.started_ms == 0 for one in tracked)


def test_an_unsure_face_is_handed_out_from_its_second_sighting_on() -> None:
    first, second, third = run([(t, [face(100, score=0.6)]) for t in (0, 200, 400)])
    assert first == []
    assert [(one.is_new, one.started_ms) for one in second] == [(True, 0)]
    assert [one.is_new for one in third] == [False]


def test_an_unsure_face_seen_once_never_comes_out() -> None:
    outputs = run([(0, [face(100, score=0.6)]), (200, []), (2000, [face(900, score=0.6)])])
    assert ids(outputs) == set()


@pytest.mark.parametrize("fps", [2, 5, 10, 30])
def test_a_face_that_walks_keeps_its_id(fps: int) -> None:
    times = [n * 1000 / fps for n in range(4 * fps)]
    outputs = run([(t, [face(100 + 0.1 * t, 200 + 10 * math.sin(t / 300))]) for t in times])
    assert ids(outputs) == {"t0001"}
    assert all(len(tracked) == 1 for tracked in outputs)


def test_a_person_who_leans_back_keeps_the_id() -> None:
    sizes = [195, 195, 170, 140, 115, 97, 97]
    assert ids(run([(n * 200, [face(200, size=size)]) for n, size in enumerate(sizes)])) == {
        "t0001"
    }


def test_a_face_hidden_for_less_than_the_timeout_keeps_its_id() -> None:
    assert ids(run([(0, [face(100)]), (200, []), (600, []), (1000, [face(110)])])) == {"t0001"}


def test_a_face_that_returns_after_three_seconds_is_another_sighting() -> None:
    frames = [(t, [face(100)] if t < 1000 or t >= 4000 else []) for t in range(0, 6000, 200)]
    outputs = run(frames)
    assert ids(outputs) == {"t0001", "t0002"}
    assert [one.is_new for one in outputs[20]] == [True]


def test_no_gap_longer_than_the_timeout_is_joined_even_without_frames_between() -> None:
    assert ids(run([(0, [face(100)]), (1001, [face(100)])])) == {"t0001", "t0002"}
    assert ids(run([(0, [face(100)]), (1000, [face(100)])])) == {"t0001"}


def test_a_cut_ends_all_tracks_even_where_faces_stay_in_place() -> None:
    frames = [(t, [face(100), face(500)]) for t in (0, 200, 400)]
    outputs = run(frames, cuts=frozenset({400}))
    assert [one.track_id for one in outputs[2]] == ["t0003", "t0004"]
    assert all(one.is_new and one.started_ms == 400 for one in outputs[2])


def test_time_that_goes_back_ends_all_tracks() -> None:
    assert ids(run([(5000, [face(100)]), (0, [face(100)])])) == {"t0001", "t0002"}


def test_two_faces_that_pass_each_other_keep_their_ids() -> None:
    def at(n: int) -> list[Detection]:
        near, far = face(100 + 40 * n, 200, 130), face(700 - 40 * n, 190, 90)
        return [near] if abs((100 + 40 * n) - (700 - 40 * n)) < 50 else [near, far]

    outputs = run([(n * 200, at(n)) for n in range(16)])
    assert ids(outputs) == {"t0001", "t0002"}
    last = {one.track_id: one.detection.box_xyxy_px for one in outputs[-1]}
    assert last["t0001"][2] - last["t0001"][0] == 130
    assert last["t0002"][2] - last["t0002"][0] == 90


def test_a_face_too_far_away_is_another_one() -> None:
    assert ids(run([(0, [face(100)]), (200, [face(400)])])) == {"t0001", "t0002"}


def test_a_face_of_quite_another_size_is_another_one() -> None:
    assert ids(run([(0, [face(100, size=60)]), (200, [face(100, size=200)])])) == {"t0001", "t0002"}


def test_a_moving_face_is_expected_ahead_and_comes_to_rest_unseen() -> None:
    state = TrackerState()
    for n in range(6):
        state, _ = step(state, [face(100 + 20 * n)], n * 200, is_cut=False)
    middles = []
    for gap_ms in (200, 400, 900):
        ((track_id, box),) = predict(state, 1000 + gap_ms)
        assert track_id == "t0001"
        middles.append((box[0] + box[2]) / 2)
    assert 205 < middles[0] < middles[1] < middles[2] < 240


def test_nothing_is_expected_of_a_track_that_timed_out() -> None:
    state, _ = step(TrackerState(), [face(100)], 0, is_cut=False)
    assert predict(state, 1001) == []
    assert live_ids(state) == ("t0001",)
    state, _ = step(state, [], 1001, is_cut=False)
    assert live_ids(state) == ()


def test_the_number_of_tracks_is_bounded_and_the_best_faces_are_kept() -> None:
    faces = [face(300 * n, score=0.8 + 0.01 * n) for n in range(5)]
    settings = TrackerSettings(tracks_max=2)
    state, tracked = step(TrackerState(), faces, 0, is_cut=False, settings=settings)
    assert [one.detection.score for one in tracked] == pytest.approx([0.83, 0.84])
    assert len(state.tracks) == 2


def test_a_box_without_area_is_no_face() -> None:
    assert run([(0, [face(100, size=0)])]) == [[]]


spots = st.tuples(
    st.integers(0, 8).map(lambda n: n * 90.0), st.sampled_from([60.0, 100.0, 150.0]),
    st.sampled_from([0.55, 0.7, 0.9]),
)  # fmt: skip
walks = st.lists(
    st.tuples(
        st.integers(33, 1500),
        st.lists(spots, max_size=4, unique_by=lambda s: s[0]),
        st.integers(0, 12).map(lambda n: n == 0),
    ),
    max_size=20,
)


def as_frames(walk: list) -> list[tuple[float, list[Detection], bool]]:
    time_ms, frames = 0.1, []
    for gap_ms, faces, is_cut in walk:
        time_ms += gap_ms + 1 / 3
        frames.append((time_ms, [face(x, 200, size, score) for x, size, score in faces], is_cut))
    return frames


@settings(deadline=None)
@given(walk=walks)
def test_an_id_is_never_used_again_after_its_timeout_or_a_cut(walk: list) -> None:
    state, seen_ms, cut_ms = TrackerState(), {}, -1.0
    for time_ms, faces, is_cut in as_frames(walk):
        cut_ms = time_ms if is_cut else cut_ms
        state, tracked = step(state, faces, time_ms, is_cut)
        assert len({one.track_id for one in tracked}) == len(tracked)
        for one in tracked:
            last_ms = seen_ms.get(one.track_id)
            assert one.is_new == (last_ms is None)
            assert last_ms is None or last_ms >= cut_ms
            assert one.started_ms >= cut_ms
            seen_ms[one.track_id] = time_ms


@settings(deadline=None)
@given(walk=walks, split=st.integers(0, 20))
def test_a_replay_from_any_checkpoint_gives_the_same_faces(walk: list, split: int) -> None:
    frames = as_frames(walk)
    state, expected = TrackerState(), []
    for index, (time_ms, faces, is_cut) in enumerate(frames):
        if index == split:
            restored = TrackerState.from_json(json.loads(json.dumps(state.to_json())))
            assert restored == state
        state, tracked = step(state, faces, time_ms, is_cut)
        expected += [tracked] if index >= split else []
    if split < len(frames):
        again = []
        for time_ms, faces, is_cut in frames[split:]:
            restored, tracked = step(restored, faces, time_ms, is_cut)
            again.append(tracked)
        assert (again, restored) == (expected, state)


@settings(deadline=None)
@given(walk=walks, random=st.randoms(use_true_random=False))
def test_the_order_of_detections_does_not_matter(walk: list, random) -> None:
    one, other = TrackerState(), TrackerState()
    for time_ms, faces, is_cut in as_frames(walk):
        shuffled = random.sample(faces, len(faces))
        one, tracked = step(one, faces, time_ms, is_cut)
        other, tracked_too = step(other, shuffled, time_ms, is_cut)
        assert (one, tracked) == (other, tracked_too)


@settings(deadline=None)
@given(fps=st.integers(2, 30), gap_ms=st.integers(100, 3000))
def test_the_timeout_is_the_same_at_every_rate(fps: int, gap_ms: int) -> None:
    period_ms = 1000 / fps
    before = [(n * period_ms, [face(100)]) for n in range(fps)]
    last_ms = before[-1][0]
    empty = [(last_ms + n * period_ms, []) for n in range(1, int((gap_ms - 1) // period_ms) + 1)]
    outputs = run([*before, *empty, (last_ms + gap_ms, [face(100)])])
    assert ids(outputs) == ({"t0001"} if gap_ms <= 1000 else {"t0001", "t0002"})
