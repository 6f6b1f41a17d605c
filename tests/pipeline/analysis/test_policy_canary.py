"""Goal: no pixel of a face that policy skips comes through the scorer's door.

Method: made faces in colours that nothing else has, and a scorer that keeps every crop and looks
for them. Each is first shown to reach the scorer where policy allows it, so that the search for it
can fail.
"""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from pipeline.analysis import observe as observe_module
from pipeline.analysis.observe import observe
from pipeline.analysis.stream_state import StreamState
from schemas.media import DecodedFrame, Image
from schemas.names import Consent, PtsSource, Role
from tests.fakes import (
    FACE_RED,
    GREEN_STEP,
    SIZE_PX,
    FakeDetector,
    FakeScorer,
    MadeFace,
    MadeFrame,
    at_fps,
    draw,
    has_face,
    segment,
    segments,
)
from tests.policy_tools import (
    AGENT,
    CUSTOMER,
    LEFT,
    RIGHT,
    analysed,
    call,
    looking_of,
    region,
    two_party,
)


def crops_with(scorer: FakeScorer, number: int) -> int:
    return sum(has_face(crop, number) for crop in scorer.crops)


def apart(_: float) -> tuple[MadeFace, ...]:
    return (MadeFace(AGENT, 60), MadeFace(CUSTOMER, 220))


def side_by_side(_: float) -> tuple[MadeFace, ...]:
    """Return two faces a few pixels on both sides of the border."""
    return (MadeFace(AGENT, 108), MadeFace(CUSTOMER, 164))


def by_number(rows: list[dict[str, Any]]) -> dict[int, list[dict[str, Any]]]:
    """Return rows by the face they are of, told by its half of the picture."""
    middle = SIZE_PX[0] / 2
    found: dict[int, list[dict[str, Any]]] = {AGENT: [], CUSTOMER: []}
    for row in rows:
        x = (row["box_x1_px"] + row["box_x2_px"]) / 2
        found[AGENT if x < middle else CUSTOMER].append(row)
    return found


# Made faces


@pytest.mark.parametrize("faces", [apart, side_by_side])
def test_an_agents_face_is_skipped_and_the_customer_beside_it_scored(
    faces: Callable[[float], tuple[MadeFace, ...]],
) -> None:
    rows, scorer = analysed(segments(at_fps(20, faces)), two_party())
    agent, customer = by_number(rows)[AGENT], by_number(rows)[CUSTOMER]
    assert {(row["status"], row["reason"]) for row in agent} == {("skipped", "preset")}
    assert {row["status"] for row in customer} == {"scored"}
    assert {row["participant_id"] for row in customer} == {"customer"}
    assert len(agent) == len(customer) == len(scorer.crops) == 20
    assert (crops_with(scorer, AGENT), crops_with(scorer, CUSTOMER)) == (0, 20)


def test_the_canary_is_seen_where_policy_allows_it() -> None:
    registration = two_party(left=Role.PERFORMER)
    _, scorer = analysed(segments(at_fps(20, side_by_side)), registration)
    assert len(scorer.crops) == 40
    assert crops_with(scorer, AGENT) > 20, "the customer's crops show the neighbour as well"


def test_without_hiding_a_neighbours_crop_would_carry_the_canary(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(observe_module, "_hide", lambda image, *_: image)
    _, scorer = analysed(segments(at_fps(20, side_by_side)), two_party())
    assert crops_with(scorer, AGENT) == 20


FORBIDDEN = {
    "unknown jurisdiction": (two_party(left=Role.CUSTOMER, jurisdiction="Atlantis"), "preset"),
    "unknown role": (call(region("x", Role.UNKNOWN, (0, 0, 1, 1), max_faces=9)), "role_unknown"),
    "no consent in Illinois": (two_party(left=Role.CUSTOMER, jurisdiction="US-IL"), "consent"),
    "agents in the EU who consent": (
        call(
            region("a", Role.AGENT, (0, 0, 1, 1), max_faces=9, consent=Consent.GIVEN),
            jurisdiction="eu",
        ),
        "preset",
    ),
    "outside the regions": (call(region("c", Role.CUSTOMER, (0, 0.9, 1, 1))), "outside_regions"),
}


@pytest.mark.parametrize("name", FORBIDDEN)
def test_nobody_is_scored(name: str) -> None:
    registration, reason = FORBIDDEN[name]
    rows, scorer = analysed(segments(at_fps(10, apart)), registration)
    assert {(row["status"], row["reason"]) for row in rows} == {("skipped", reason)}
    assert len(rows) == 20
    assert scorer.crops == []


def test_a_customer_who_refused_is_skipped_beside_one_who_did_not() -> None:
    registration = call(
        region("a", Role.CUSTOMER, LEFT, consent=Consent.REFUSED),
        region("b", Role.CUSTOMER, RIGHT, consent=Consent.GIVEN),
    )
    rows, scorer = analysed(segments(at_fps(10, side_by_side)), registration)
    assert {row["reason"] for row in by_number(rows)[AGENT]} == {"consent"}
    assert {row["status"] for row in by_number(rows)[CUSTOMER]} == {"scored"}
    assert (crops_with(scorer, AGENT), len(scorer.crops)) == (0, 10)


def test_a_face_outside_the_regions_is_skipped_beside_one_inside() -> None:
    registration = call(region("b", Role.CUSTOMER, RIGHT))
    rows, scorer = analysed(segments(at_fps(10, side_by_side)), registration)
    outside = by_number(rows)[AGENT]
    assert {row["reason"] for row in outside} == {"outside_regions"}
    assert {row["participant_id"] for row in outside} == {None}
    assert (crops_with(scorer, AGENT), len(scorer.crops)) == (0, 10)


def test_faces_over_the_limit_are_skipped_and_the_largest_is_scored() -> None:
    faces = (MadeFace(1, 20), MadeFace(2, 74, size_px=70), MadeFace(3, 152))
    registration = call(region("c", Role.CUSTOMER, (0, 0, 1, 1), max_faces=3), max_faces=1)
    rows, scorer = analysed(segments(at_fps(10, lambda _: faces)), registration)
    scored = [row for row in rows if row["status"] == "scored"]
    assert {row["face_size_px"] for row in scored} == {70}
    skipped = {row["reason"] for row in rows if row["status"] != "scored"}
    assert skipped == {"over_max_faces"}
    assert [crops_with(scorer, number) for number in (1, 2, 3)] == [0, 10, 0]


def test_a_face_that_moves_into_the_agents_region_is_skipped_from_there_on() -> None:
    made = at_fps(60, lambda time_s: (MadeFace(CUSTOMER, 240 - round(15 * time_s)),))
    rows, scorer = analysed(segments(made), two_party())
    for row in rows:
        is_left = (row["box_x1_px"] + row["box_x2_px"]) / 2 < SIZE_PX[0] / 2
        assert (row["status"] == "skipped") is is_left, row["pts_ms"]
    assert len({row["track_id"] for row in rows}) == 1
    assert 0 < len(scorer.crops) < len(rows)


def test_an_agent_who_leans_into_the_customers_region_stays_skipped() -> None:
    def leaning(time_s: float) -> tuple[MadeFace, ...]:
        return (MadeFace(AGENT, 145 if 2.0 <= time_s < 2.8 else 110),)

    rows, scorer = analysed(segments(at_fps(25, leaning)), two_party())
    assert {row["track_id"] for row in rows} == {"t0001"}
    assert {row["box_x1_px"] for row in rows} == {110, 145}
    assert {row["status"] for row in rows} == {"skipped"}
    assert scorer.crops == []


class FlickeringDetector(FakeDetector):
    """Does not see the agent's face in every third look at a picture."""

    def detect(self, image_rgb: Image, side_px: int | None = None) -> list[Any]:
        found = super().detect(image_rgb, side_px)
        is_blind = (self.call_count // 6) % 3 == 2
        return found[1:] if is_blind and len(found) > 1 else found


def test_a_forbidden_face_that_is_briefly_not_found_stays_hidden() -> None:
    stream = segments(at_fps(30, side_by_side))
    rows, scorer = analysed(stream, two_party(), FlickeringDetector())
    assert 0 < len(by_number(rows)[AGENT]) < 30, "the detector does miss the face at times"
    assert len(scorer.crops) > 20
    assert crops_with(scorer, AGENT) == 0


def test_a_forbidden_face_that_is_not_yet_confirmed_is_hidden() -> None:
    class UnsureDetector(FakeDetector):
        """Is unsure of the agent's face, which makes its track wait for a second sighting."""

        def detect(self, image_rgb: Image, side_px: int | None = None) -> list[Any]:
            found = super().detect(image_rgb, side_px)
            return [replace(found[0], score=0.75), *found[1:]] if found else []

    one_frame = [segment(0, [MadeFrame(0.0, side_by_side(0.0))])]
    rows, scorer = analysed(one_frame, two_party(), UnsureDetector())
    assert (len(rows), crops_with(scorer, CUSTOMER)) == (1, 1)
    assert crops_with(scorer, AGENT) == 0


def test_an_unconfirmed_face_that_would_be_over_max_faces_is_hidden() -> None:
    class UnsureDetector(FakeDetector):
        """Is unsure of the second person, who comes when the only place is taken."""

        def detect(self, image_rgb: Image, side_px: int | None = None) -> list[Any]:
            found = super().detect(image_rgb, side_px)
            return [
                replace(f, score=0.75) if f is found[0] and len(found) > 1 else f for f in found
            ]

    only_one = call(region("customer", Role.CUSTOMER, (0, 0, 1, 1)))
    alone = [MadeFrame(ms, (MadeFace(CUSTOMER, 164),)) for ms in (0.0, 600.0)]
    joined = MadeFrame(1200.0, side_by_side(1.2))  # when the whole picture is searched again
    rows, scorer = analysed([segment(0, [*alone, joined])], only_one, UnsureDetector())
    assert len(rows) == 3, "the second person is not confirmed yet"
    assert (crops_with(scorer, CUSTOMER), crops_with(scorer, AGENT)) == (3, 0)


@pytest.mark.parametrize("left", [Role.AGENT, None])
def test_a_forbidden_face_that_is_never_found_stays_in_its_own_part_of_the_picture(
    left: Role | None,
) -> None:
    class BlindDetector(FakeDetector):
        """Finds the customer only."""

        def detect(self, image_rgb: Image, side_px: int | None = None) -> list[Any]:
            visible = image_rgb.copy()
            visible[image_rgb[..., 1] == AGENT * GREEN_STEP] = 0
            return super().detect(visible, side_px)

    registration = two_party() if left else call(region("c", Role.CUSTOMER, RIGHT))
    rows, scorer = analysed(segments(at_fps(10, side_by_side)), registration, BlindDetector())
    assert {row["status"] for row in rows} == {"scored"}
    assert (crops_with(scorer, AGENT), crops_with(scorer, CUSTOMER)) == (0, 10)


def test_a_customers_own_face_is_whole_where_it_reaches_over_the_border() -> None:
    made = at_fps(5, lambda _: (MadeFace(CUSTOMER, 140),))
    rows, scorer = analysed(segments(made), two_party())
    assert {row["status"] for row in rows} == {"scored"}
    _, expected = analysed(segments(made), two_party(Role.PERFORMER))
    face_px = [
        [(crop[..., 0] >= FACE_RED - 2).sum() for crop in s.crops] for s in (scorer, expected)
    ]
    assert face_px[0] == face_px[1] != [0] * 5


def test_expressions_are_not_even_asked_for_where_only_facial_actions_are_allowed() -> None:
    registration = two_party(jurisdiction="default")
    _, scorer = analysed(segments(at_fps(10, apart)), registration)
    assert scorer.wanted == [False, True] * 10


def test_pictures_are_neither_changed_nor_kept_by_looking_at_them() -> None:
    image = draw(MadeFrame(0.0, side_by_side(0.0)))
    before = image.copy()
    frame = DecodedFrame(0, 0.0, PtsSource.CONTAINER, is_corrupt=False, image=image)
    looking = looking_of(two_party(), FakeDetector(), FakeScorer())
    _, seen = observe(StreamState(), frame, 0, looking)
    assert (image == before).all()
    assert [face.frame.image for face in seen] == [None, None]
    assert [face.crop is None for face in seen] == [True, False]
