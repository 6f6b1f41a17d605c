"""Goal: the figures of the model card count what they say. Method: few faces, counted by hand."""

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from schemas.names import AU_NAMES, EMOTIONS
from tests.bench.development import Row, row_of, scores_of
from tests.bench.development_figures import (
    Labelled,
    Scores,
    au_figures,
    auc,
    expression_figures,
    means_by_expression,
    neutral_figures,
    read_labels,
    smile_figures,
    within_clip_auc,
)

AU12, AU25 = AU_NAMES.index("AU12"), AU_NAMES.index("AU25")


def labelled(
    clip: str = "a", expression: str = "neutral", smile: float = np.nan, **aus: int
) -> Labelled:
    values = tuple(aus.get(name, -1) for name in AU_NAMES)
    return Labelled(clip, f"{clip}#0", 7, (0.0, 0.0, 10.0, 10.0), values, expression, smile)


def scores(*au12: float) -> Scores:
    raw = np.zeros((len(au12), len(AU_NAMES)))
    raw[:, AU12] = au12
    raw[np.isnan(au12)] = np.nan
    emotion = np.tile(np.eye(len(EMOTIONS))[1], (len(au12), 1))
    emotion[np.isnan(au12)] = np.nan
    return Scores(raw, raw / 2, emotion, 5 * raw[:, AU12])


@given(st.lists(st.tuples(st.integers(0, 5), st.integers(-1, 1)), max_size=20))
def test_an_auc_is_the_share_of_pairs_in_right_order(pairs: list[tuple[int, int]]) -> None:
    positives = [score for score, label in pairs if label == 1]
    negatives = [score for score, label in pairs if label == 0]
    found = auc(np.array([p[0] for p in pairs], float), np.array([p[1] for p in pairs], int))
    if min(len(positives), len(negatives)) < 2:
        assert found is None
        return
    wins = sum((p > n) + 0.5 * (p == n) for p in positives for n in negatives)
    assert found == pytest.approx(wins / len(positives) / len(negatives))


def test_within_clips_only_faces_of_one_clip_are_compared() -> None:
    score = np.array([0.1, 0.1, 0.2, 0.2, 0.7, 0.7, 0.6, 0.6, 0.9])
    label = np.array([0, 0, 1, 1, 0, 0, 1, 1, 1])
    clips = ["a"] * 4 + ["b"] * 4 + ["c"]
    assert within_clip_auc(clips, score, label) == (0.5, 2)
    assert within_clip_auc(["c"], score[-1:], label[-1:]) == (None, 0)


def test_an_action_unit_counts_hits_false_alarms_and_people() -> None:
    faces = [
        labelled("a", "happiness", AU12=1), labelled("a", "happiness", AU12=1),
        labelled("b", "happiness", AU12=1), labelled("c", AU12=0), labelled("c", AU12=0),
        labelled("d"),
    ]  # fmt: skip
    found = au_figures(faces, scores(0.9, 0.4, np.nan, 0.6, 0.1, 0.8))["AU12"]
    assert (found["positives"], found["positive_people"], found["negatives"]) == (2, 1, 2)
    assert (found["hit_rate"], found["false_alarm_rate"], found["auc"]) == (0.5, 0.5, 0.75)
    assert (found["false_alarms"], found["false_alarm_people"]) == ({"neutral": 1}, 1)
    assert found["neutral_false_rate"] == pytest.approx(2 / 3)
    assert (found["final_hit_rate"], found["final_false_alarm_rate"]) == (0.0, 0.0)


def test_an_action_unit_without_labels_has_no_figures_but_may_fire_on_neutral_faces() -> None:
    found = au_figures([labelled()], scores(0.9))["AU12"]
    assert (found["auc"], found["hit_rate"], found["false_alarm_rate"]) == (None, None, None)
    assert found["neutral_false_rate"] == 1.0


def test_on_neutral_faces_what_is_labelled_present_is_not_false() -> None:
    given = scores(0.9, 0.1, 0.9)
    given.raw[1, AU25] = 0.9
    faces = [labelled(), labelled(AU25=1), labelled(expression="happiness", AU12=1)]
    found = neutral_figures(faces, given)
    assert (found["faces"], found["people"]) == (2, 1)
    assert (found["false_aus_per_face"], found["share_without_false_au"]) == (0.5, 0.5)
    assert found["hit_rate_all_labelled"] == 1.0


def test_only_named_expressions_of_scored_faces_are_compared() -> None:
    faces = [labelled(expression=name) for name in ("neutral", "neutral", "other", "")]
    found = expression_figures(faces, scores(0.1, np.nan, 0.1, 0.1))
    assert {k: sum(v.values()) for k, v in found.items()} == {"neutral": 1}
    assert found["neutral"][EMOTIONS[1]] == 1


def test_mean_probabilities_are_those_of_the_scored_faces_of_an_expression() -> None:
    faces = [labelled(), labelled(), labelled(expression=""), labelled(expression="happiness")]
    found = means_by_expression(faces, scores(0.2, np.nan, 0.9, 0.8))
    assert {k: v["AU12"] for k, v in found.items()} == {"neutral": 0.2, "happiness": 0.8}


def test_smile_strength_is_compared_where_both_are_known() -> None:
    faces = [labelled(smile=value) for value in (0.0, 2.0, 4.0, np.nan)]
    found = smile_figures(faces, scores(0.1, 0.2, 0.3, 0.9))
    assert (found["faces"], found["people"]) == (3, 1)
    assert found["r"] == pytest.approx(1.0)
    assert found["mean_at"] == pytest.approx({"0": 0.5, "2": 1.0, "4": 1.5})


def test_a_labelled_face_is_met_by_frame_and_overlap() -> None:
    def row(frame_index: int, x1: int) -> Row:
        return {"frame_index": frame_index, "box_x1_px": x1, "box_y1_px": 0,
                "box_x2_px": x1 + 10, "box_y2_px": 10}  # fmt: skip

    near, nearer = row(7, 3), row(7, 1)
    assert row_of(labelled(), [near, nearer, row(6, 0), row(7, 9)]) is nearer
    assert row_of(labelled(), [row(6, 0), row(7, 9)]) is None


def test_a_face_that_was_not_found_or_not_scored_has_no_scores() -> None:
    names = [f"{name}{suffix}" for name in AU_NAMES for suffix in ("", "_raw", "_intensity")]
    names += [f"emotion_{name}_raw" for name in EMOTIONS]
    found = scores_of([dict.fromkeys(names, 0.5), dict.fromkeys(names), None])
    assert found.is_scored.tolist() == [True, False, False]
    assert found.raw.shape == (3, len(AU_NAMES))
    assert np.isnan(found.smile_intensity).tolist() == [False, True, True]


def test_persons_are_told_by_clip_and_by_place(tmp_path: Path) -> None:
    file = tmp_path / "labels.csv"
    file.write_text(
        "clip,frame_index,face_box_xyxy_px,AU12,expression,smile_intensity\n"
        "two.gif,3,50 0 60 10,1,happiness,4\n"
        "two.gif,3,5 0 15 10,,,\n"
        "pyfeat_noface_face.mov,1,0 0 9 9,0,neutral,0\n"
        "pyfeat_single_face.mp4,1,0 0 9 9,0,neutral,0\n"
    )
    faces = read_labels(file)
    assert [face.person for face in faces[:2]] == ["two.gif#1", "two.gif#0"]
    assert faces[2].person == faces[3].person
    assert [face.aus[AU12] for face in faces] == [1, -1, 0, 0]
    assert faces[0].aus[AU25] == -1
    assert np.isnan(faces[1].smile_intensity)
