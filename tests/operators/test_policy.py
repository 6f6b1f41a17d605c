"""Goal: no face is scored that policy forbids, and slots do not flap.

Method: tables of every preset, then stories of tracks that come, grow, stray and leave.
"""

import json
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from operators.policy import PRESETS, Candidate, GateState, admit, decide, participant_of
from schemas.names import Consent, Policy, Role, SkipReason
from schemas.registration import Region, Registration

FULL, ACTIONS, SKIP = Policy.FULL, Policy.FACIAL_ACTIONS_ONLY, Policy.SKIP
MIDDLE = (0.4, 0.4, 0.6, 0.6)
LEFT, RIGHT = (0.1, 0.4, 0.3, 0.6), (0.7, 0.4, 0.9, 0.6)

EXPECTED = {
    ("default", Role.CUSTOMER): (FULL, FULL, SKIP),
    ("default", Role.AGENT): (ACTIONS, ACTIONS, SKIP),
    ("default", Role.PERFORMER): (FULL, FULL, SKIP),
    ("EU", Role.CUSTOMER): (FULL, ACTIONS, SKIP),
    ("EU", Role.AGENT): (SKIP, SKIP, SKIP),
    ("EU", Role.PERFORMER): (FULL, FULL, SKIP),
    ("US-IL", Role.CUSTOMER): (FULL, SKIP, SKIP),
    ("US-IL", Role.AGENT): (ACTIONS, SKIP, SKIP),
    ("US-IL", Role.PERFORMER): (FULL, SKIP, SKIP),
    ("atlantis", Role.CUSTOMER): (SKIP, SKIP, SKIP),
    ("atlantis", Role.PERFORMER): (SKIP, SKIP, SKIP),
}


def registration(*regions: Region, jurisdiction: str = "default", max_faces: int = 32):
    return Registration(
        call_id="c", stream_id="s", jurisdiction=jurisdiction, regions=regions, max_faces=max_faces
    )


def region(role=Role.CUSTOMER, name="ann", **more) -> Region:
    return Region(participant_id=name, role=role, **more)


def two_sides(**more) -> Registration:
    left = region(Role.AGENT, "agent", box=(0, 0, 0.5, 1), max_faces=1)
    right = region(Role.CUSTOMER, "customer", box=(0.5, 0, 1, 1), max_faces=1)
    return registration(left, right, **more)


def square(side: float, x: float = 0.5, y: float = 0.5):
    return (x - side / 2, y - side / 2, x + side / 2, y + side / 2)


@pytest.mark.parametrize(("place", "role"), EXPECTED)
def test_every_preset_gives_each_role_what_its_consent_allows(place, role):
    found = tuple(
        decide(registration(region(role, consent=consent), jurisdiction=place), MIDDLE).policy
        for consent in (Consent.GIVEN, Consent.UNKNOWN, Consent.REFUSED)
    )
    assert found == EXPECTED[place, role]


@pytest.mark.parametrize(("place", "consent"), [*product([*PRESETS, "atlantis"], Consent)])
def test_an_unknown_role_is_skipped_everywhere_whatever_the_consent(place, consent):
    one = registration(region(Role.UNKNOWN, consent=consent), jurisdiction=place)
    decision = decide(one, MIDDLE)
    assert (decision.policy, decision.reason) == (SKIP, SkipReason.ROLE_UNKNOWN)


@pytest.mark.parametrize(
    ("place", "role", "consent", "reason"),
    [
        ("EU", Role.AGENT, Consent.GIVEN, SkipReason.PRESET),
        ("EU", Role.AGENT, Consent.REFUSED, SkipReason.PRESET),
        ("EU", Role.CUSTOMER, Consent.REFUSED, SkipReason.CONSENT),
        ("US-IL", Role.CUSTOMER, Consent.UNKNOWN, SkipReason.CONSENT),
        ("default", Role.AGENT, Consent.REFUSED, SkipReason.CONSENT),
        ("atlantis", Role.CUSTOMER, Consent.GIVEN, SkipReason.PRESET),
    ],
)
def test_the_reason_is_consent_only_where_consent_would_change_it(place, role, consent, reason):
    decision = decide(registration(region(role, consent=consent), jurisdiction=place), MIDDLE)
    assert decision.reason is reason


def test_a_jurisdiction_is_found_in_any_case():
    agent = region(Role.AGENT)
    assert decide(registration(agent, jurisdiction="eu"), MIDDLE).policy is SKIP


def test_every_preset_has_a_description_of_one_line():
    assert all(0 < len(p.description) < 90 and "\n" not in p.description for p in PRESETS.values())


def test_a_face_belongs_to_the_first_region_that_holds_its_middle():
    assert decide(two_sides(), LEFT).participant_id == "agent"
    assert decide(two_sides(), RIGHT).participant_id == "customer"
    assert decide(two_sides(), square(0.4, x=0.5)).region_index == 1
    overlapping = registration(region(name="first"), region(name="second"))
    assert decide(overlapping, MIDDLE).participant_id == "first"


def test_a_face_outside_all_regions_is_skipped_and_belongs_to_nobody():
    decision = decide(registration(region(box=(0, 0, 0.2, 0.2))), MIDDLE)
    assert (decision.policy, decision.reason) == (SKIP, SkipReason.OUTSIDE_REGIONS)
    assert decision.participant_id is None
    assert decision.region_index is None


def test_tracks_of_a_region_for_one_face_are_its_participant():
    assert participant_of(region(max_faces=1), "t7") == "ann"
    assert participant_of(region(max_faces=2), "t7") == "ann.t7"


def test_free_slots_go_to_the_largest_faces_and_ties_to_the_first_id():
    crowd = [Candidate("t3", square(0.2)), Candidate("t1", square(0.1)), Candidate("t2", MIDDLE)]
    _, decisions = admit(GateState(), crowd, registration(region(), max_faces=1), 0)
    assert decisions["t2"].policy is FULL
    assert decisions["t2"].participant_id == "ann.t2"
    assert {decisions[name].reason for name in ("t1", "t3")} == {SkipReason.OVER_MAX_FACES}


def test_an_admitted_face_keeps_its_slot_when_a_larger_one_comes():
    one = registration(region(max_faces=1))
    state, _ = admit(GateState(), [Candidate("small", square(0.1))], one, 0)
    both = [Candidate("small", square(0.1)), Candidate("large", square(0.4))]
    state, decisions = admit(state, both, one, 200)
    assert decisions["small"].policy is FULL
    assert decisions["large"].reason is SkipReason.OVER_MAX_FACES
    _, decisions = admit(state, [Candidate("large", square(0.4))], one, 400)
    assert decisions["large"].policy is FULL


def test_a_track_that_is_not_seen_but_lives_keeps_its_slot():
    one = registration(region(max_faces=1))
    state, _ = admit(GateState(), [Candidate("a", MIDDLE)], one, 0)
    state, decisions = admit(state, [Candidate("b", MIDDLE)], one, 200, live={"a", "b"})
    assert decisions["b"].reason is SkipReason.OVER_MAX_FACES
    _, decisions = admit(state, [Candidate("a", MIDDLE), Candidate("b", MIDDLE)], one, 400)
    assert decisions["a"].policy is FULL


def test_max_faces_holds_over_all_regions_together():
    _, decisions = admit(
        GateState(), [Candidate("a", LEFT), Candidate("b", RIGHT)], two_sides(max_faces=1), 0
    )
    assert sorted(d.policy is SKIP for d in decisions.values()) == [False, True]


def test_a_face_that_policy_skips_takes_no_slot():
    eu = two_sides(jurisdiction="EU", max_faces=1)
    _, decisions = admit(
        GateState(), [Candidate("agent", square(0.4, x=0.2)), Candidate("other", RIGHT)], eu, 0
    )
    assert decisions["agent"].reason is SkipReason.PRESET
    assert decisions["other"].policy is ACTIONS


def test_a_track_keeps_its_participant_on_a_short_visit_but_never_a_laxer_policy():
    eu = two_sides(jurisdiction="EU")
    state, _ = admit(GateState(), [Candidate("t", RIGHT)], eu, 0)
    state, visit = admit(state, [Candidate("t", LEFT)], eu, 200)
    assert (visit["t"].participant_id, visit["t"].reason) == ("customer", SkipReason.PRESET)
    _, back = admit(state, [Candidate("t", RIGHT)], eu, 400)
    assert (back["t"].participant_id, back["t"].policy) == ("customer", ACTIONS)


def test_a_track_moves_to_another_region_after_a_second_there():
    both = two_sides()
    state, _ = admit(GateState(), [Candidate("t", RIGHT)], both, 0)
    owners = []
    for pts_ms in range(200, 1800, 200):
        state, decisions = admit(state, [Candidate("t", LEFT)], both, pts_ms)
        owners.append(decisions["t"].participant_id)
    assert owners == ["customer"] * 6 + ["agent"] * 2


def test_a_track_that_leaves_all_regions_is_skipped_and_keeps_its_participant():
    one = registration(region(box=(0, 0, 0.5, 1), max_faces=1))
    state, _ = admit(GateState(), [Candidate("t", LEFT)], one, 0)
    for pts_ms in (200, 5000):
        state, away = admit(state, [Candidate("t", RIGHT)], one, pts_ms)
        assert (away["t"].reason, away["t"].participant_id) == (SkipReason.OUTSIDE_REGIONS, "ann")
    _, back = admit(state, [Candidate("t", LEFT)], one, 5200)
    assert back["t"].policy is FULL


def test_a_track_first_seen_outside_gets_its_region_when_it_enters_one():
    one = registration(region(box=(0, 0, 0.5, 1), max_faces=1))
    state, outside = admit(GateState(), [Candidate("t", RIGHT)], one, 0)
    assert outside["t"].participant_id is None
    _, inside = admit(state, [Candidate("t", LEFT)], one, 200)
    assert (inside["t"].policy, inside["t"].participant_id) == (FULL, "ann")


def test_fewer_regions_in_a_new_registration_break_nothing():
    state, _ = admit(GateState(), [Candidate("t", RIGHT)], two_sides(), 0)
    _, decisions = admit(state, [Candidate("t", RIGHT)], registration(region()), 200)
    assert decisions["t"].participant_id == "ann.t"


boxes = st.builds(
    square, st.floats(0.02, 0.5), st.floats(0, 1, exclude_max=True), st.floats(0.3, 0.7)
)
frames = st.lists(st.dictionaries(st.sampled_from("abcde"), boxes), min_size=1, max_size=12)


@given(frames, st.sampled_from(["default", "EU", "US-IL"]), st.integers(1, 3))
def test_limits_and_restoring_hold_for_every_course(course, place, max_faces):
    chosen = two_sides(jurisdiction=place, max_faces=max_faces)
    state = restored = GateState()
    for index, boxes in enumerate(course):
        candidates = [Candidate(name, box) for name, box in boxes.items()]
        state, decisions = admit(state, candidates, chosen, index * 200.0)
        restored = GateState.from_json(json.loads(json.dumps(restored.to_json())))
        restored, again = admit(restored, candidates, chosen, index * 200.0)
        assert (again, restored) == (decisions, state)
        allowed = [d for d in decisions.values() if d.policy is not SKIP]
        assert len(allowed) <= max_faces
        assert len({d.region_index for d in allowed}) == len(allowed)
        assert all((d.reason is None) == (d.policy is not SKIP) for d in decisions.values())
        for name, box in boxes.items():
            if decide(chosen, box).policy is SKIP:
                assert decisions[name].policy is SKIP
