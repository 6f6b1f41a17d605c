"""Goal: the summary says of each face how long, how sure, what, when and with which muscles.

Method: made-up faces whose smiles, pauses and absences are known to the tenth of a second.
"""

from dataclasses import replace

import numpy as np
import polars as pl
import pytest

from pipeline.queries import CallSummary, resolve_call, summary
from pipeline.queries.peaks import PEAK_DISTANCE_S, find_peaks
from schemas.names import Subject
from tests.rows import AGENT, CALL, CUSTOMER, Face, TableLake, frame_rows, run_row, table

SMILE = {"AU12": ((2.0, 5.0, 0.9),), "AU06": ((2.0, 5.0, 0.8),)}


def summarised(*faces: Face, duration_s: float = 30.0, fps: float = 5.0) -> CallSummary:
    frames = frame_rows(faces, duration_s=duration_s, fps=fps)
    lake = TableLake(frames=frames, runs=table("runs", [run_row(analysis_fps=fps)]))
    return summary(lake, resolve_call(lake, "default", CALL))


@pytest.fixture(scope="module")
def call() -> CallSummary:
    """Return the summary of the call of two people."""
    return summarised(AGENT, CUSTOMER)


def test_seconds_on_screen_and_scored_share_are_those_of_the_face(call: CallSummary) -> None:
    agent, customer = call.participants
    assert (agent.who, customer.who) == ("agent", "customer")
    assert agent.seconds == pytest.approx(30.0)
    assert customer.seconds == pytest.approx(26.0)
    assert agent.scored_share == pytest.approx(145 / 150)
    assert agent.abstained == {"extreme_pose": 5}
    assert customer.abstained == {}


def test_the_dominant_expression_is_the_one_with_the_highest_mean(call: CallSummary) -> None:
    agent, _ = call.participants
    assert agent.dominant is not None
    assert agent.dominant[0] == "neutral"
    assert list(agent.expressions.values()) == sorted(agent.expressions.values(), reverse=True)
    assert sum(agent.expressions.values()) == pytest.approx(1.0, abs=1e-3)


def test_peaks_tell_the_moment_the_score_and_the_muscles_behind_it(call: CallSummary) -> None:
    agent, customer = call.participants
    assert [peak.name for peak in agent.peaks] == ["happiness", "surprise", "happiness"]
    assert [name for name, _ in agent.peaks[0].aus] == ["AU12", "AU06"]
    assert 6.0 < agent.peaks[0].time_s < 10.5
    assert [peak.name for peak in customer.peaks] == ["happiness", "anger", "happiness"]
    assert "AU04" in dict(customer.peaks[1].aus)


def test_the_strongest_aus_are_those_present_longest(call: CallSummary) -> None:
    _, customer = call.participants
    names = [au.name for au in customer.strongest]
    assert names[0] == "AU04"
    shares = [au.share for au in customer.strongest]
    assert shares == sorted(shares, reverse=True)
    assert customer.strongest[0].max == pytest.approx(0.9)


def test_a_participant_of_two_tracks_is_one_face_and_two_tracks() -> None:
    early, late = Face(track_id="a", present=(0, 4)), Face(track_id="b", present=(20, 30))
    call = summarised(early, late)
    (face,) = call.participants
    assert (face.track_count, len(call.tracks)) == (2, 2)
    # The 16 s between the two sightings are not time on screen.
    assert face.seconds == pytest.approx(14.0)
    assert [track.who for track in call.tracks] == ["a", "b"]
    assert call.tracks[1].subject is Subject.TRACK
    assert (call.tracks[1].first_s, call.tracks[1].last_s) == pytest.approx((20.0, 29.8))


def test_two_faces_at_once_are_not_twice_the_time() -> None:
    (face,) = summarised(Face(track_id="a"), Face(track_id="b"), duration_s=10).participants
    assert face.seconds == pytest.approx(10.0)


def test_facial_actions_only_gives_aus_but_no_expression() -> None:
    (face,) = summarised(Face(policy="facial_actions_only", aus=SMILE)).participants
    assert face.expressions == {}
    assert face.dominant is None
    assert face.peaks[0].score == "AU12"
    assert face.strongest[0].name == "AU12"


def test_a_skipped_face_has_its_time_and_the_reason_and_nothing_else() -> None:
    (face,) = summarised(Face(policy="skip"), duration_s=4).participants
    assert (face.scored_count, face.peaks, face.strongest) == (0, (), ())
    assert face.skipped == {"preset": 20}
    assert face.speaking_share is None


def test_faces_in_no_region_come_as_one_row() -> None:
    outside = Face(participant_id=None, policy="skip")
    call = summarised(outside, replace(outside, track_id="x"), duration_s=2)
    (face,) = call.participants
    assert (face.who, face.role, face.track_count) == ("outside regions", "unknown", 2)


def test_a_still_lasts_one_frame_period() -> None:
    (face,) = summarised(Face(aus=SMILE), duration_s=0.2).participants
    assert face.frame_count == 1
    assert face.seconds == pytest.approx(0.2)


def test_the_frame_period_comes_from_the_data_not_from_the_setting() -> None:
    frames = frame_rows((Face(),), duration_s=10, fps=2)
    lake = TableLake(frames=frames, runs=table("runs", [run_row(analysis_fps=5.0)]))
    (face,) = summary(lake, resolve_call(lake, "default", CALL)).participants
    assert face.seconds == pytest.approx(10.0)


def test_a_face_is_never_longer_on_screen_than_the_call_lasts() -> None:
    frames = frame_rows((Face(),), duration_s=10)
    lake = TableLake(frames=frames, runs=table("runs", [run_row(duration_ms=9_900)]))
    (face,) = summary(lake, resolve_call(lake, "default", CALL)).participants
    assert face.seconds == pytest.approx(9.9)


def test_a_blink_at_the_peak_is_not_among_the_muscles_behind_it() -> None:
    blink = {**SMILE, "AU45": ((2.0, 5.0, 0.95),), "AU43": ((2.0, 5.0, 0.95),)}
    (face,) = summarised(Face(aus=blink), duration_s=8).participants
    assert [name for name, _ in face.peaks[0].aus] == ["AU12", "AU06"]


def test_a_call_without_faces_has_no_rows() -> None:
    assert summarised().participants == ()


class TestPeaks:
    @staticmethod
    def rows(values: list[float], step_s: float = 0.5) -> pl.DataFrame:
        face = frame_rows((Face(),), duration_s=len(values) * step_s, fps=1 / step_s)
        share = pl.Series("emotion_happiness", values, dtype=pl.Float32)
        times = pl.Series("time_s", np.arange(len(values)) * step_s)
        flat = {f"emotion_{n}": pl.lit(0.0, pl.Float32) for n in
                ("sadness", "surprise", "fear", "disgust", "anger", "contempt")}  # fmt: skip
        return face.with_columns(share, times, **flat)

    def test_one_long_smile_is_one_moment(self) -> None:
        peaks = find_peaks(self.rows([0.0, 0.8, 0.75, 0.8, 0.75, 0.79, 0.76, 0.8, 0.75, 0.8, 0.0]))
        assert len(peaks) == 1

    def test_two_smiles_with_a_pause_are_two_moments(self) -> None:
        peaks = find_peaks(self.rows([0, 0.8, 0.1, 0.1, 0.1, 0.1, 0.9, 0]))
        assert [peak.time_s for peak in peaks] == [0.5, 3.0]

    def test_moments_lie_at_least_two_seconds_apart(self) -> None:
        peaks = find_peaks(self.rows([0.1, 0.8, 0.1, 0.9, 0.1, 0.8, 0.1, 0.85, 0.1, 0.8]))
        gaps = np.diff([peak.time_s for peak in peaks])
        assert (gaps >= PEAK_DISTANCE_S).all()
        assert max(peak.value for peak in peaks) == pytest.approx(0.9)

    def test_at_most_three_are_told_and_the_highest_are_kept(self) -> None:
        values = [0.0] * 60
        for index, height in ((5, 0.5), (15, 0.9), (25, 0.6), (35, 0.8), (45, 0.4)):
            values[index] = height
        assert [p.value for p in find_peaks(self.rows(values))] == pytest.approx([0.9, 0.6, 0.8])

    def test_a_face_that_shows_nothing_has_no_moment(self) -> None:
        assert find_peaks(self.rows([0.1, 0.2, 0.1, 0.2, 0.1])) == ()

    def test_a_smile_at_either_end_of_the_call_counts(self) -> None:
        peaks = find_peaks(self.rows([0.9, 0.1, 0.1, 0.1, 0.1, 0.1, 0.8]))
        assert [peak.time_s for peak in peaks] == [0.0, 3.0]

    def test_frames_that_were_not_scored_make_no_moment(self) -> None:
        rows = self.rows([0.1, 0.9, 0.1]).with_columns(status=pl.lit("abstained"))
        assert find_peaks(rows) == ()


def test_a_summary_speaks_of_the_policy_under_which_frames_were_scored() -> None:
    frames = frame_rows((Face(),), duration_s=10)
    is_early = pl.col("pts_ms") < 7000
    skipped = {"policy": "skip", "status": "skipped", "reason": "over_max_faces"}
    columns = [pl.when(is_early).then(pl.lit(said)).otherwise(pl.col(name)).alias(name)
               for name, said in skipped.items()]  # fmt: skip
    lake = TableLake(frames=frames.with_columns(columns), runs=table("runs", [run_row()]))
    (face,) = summary(lake, resolve_call(lake, "default", CALL)).participants
    assert (face.policy, face.scored_count) == ("full", 15)
    assert face.skipped == {"over_max_faces": 35}


def test_a_summary_knows_the_jurisdiction_whose_preset_held() -> None:
    frames = frame_rows((Face(policy="skip"),), duration_s=2)
    run = run_row(registration='{"jurisdiction": "US-IL", "regions": []}')
    lake = TableLake(frames=frames, runs=table("runs", [run]))
    (face,) = summary(lake, resolve_call(lake, "default", CALL)).participants
    assert (face.policy, face.jurisdiction) == ("skip", "US-IL")
