"""The policy gate: decides before any score what may be computed for a face, and for how many.

The presets are a technical reading of rules for orientation, not legal advice: whoever runs
facestate checks with counsel which rules hold where the people shown are.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Any, Self

from schemas.names import Consent, Policy, Role, SkipReason
from schemas.registration import Region, Registration

POLICY_ID = "presets-1"

# A track moves to another region once its middle has been there, and nowhere else, for this long.
REGION_CHANGE_MS = 1000.0

_FULL, _ACTIONS, _SKIP = Policy.FULL, Policy.FACIAL_ACTIONS_ONLY, Policy.SKIP
_CONSENT_ORDER = (Consent.GIVEN, Consent.UNKNOWN, Consent.REFUSED)
_OPENNESS = {_SKIP: 0, _ACTIONS: 1, _FULL: 2}


@dataclass(frozen=True, slots=True)
class Preset:
    """What one jurisdiction allows; `rules` gives a policy per role for each state of consent."""

    description: str
    rules: Mapping[Role, tuple[Policy, Policy, Policy]]

    def policy(self, role: Role, consent: Consent) -> Policy:
        """Return what may be computed; a role without a rule is skipped."""
        return self.rules.get(role, (_SKIP,) * 3)[_CONSENT_ORDER.index(consent)]


PRESETS: Mapping[str, Preset] = MappingProxyType({
    "default": Preset(
        "everything for customers and performers, facial actions for agents, unless refused", {
            #                 consent: given     unknown   refused
            Role.CUSTOMER:            (_FULL,    _FULL,    _SKIP),
            Role.AGENT:               (_ACTIONS, _ACTIONS, _SKIP),
            Role.PERFORMER:           (_FULL,    _FULL,    _SKIP),
        }),
    "EU": Preset(
        "no score of people at work (AI Act, Art. 5(1)(f)); expressions only with consent", {
            Role.CUSTOMER:            (_FULL,    _ACTIONS, _SKIP),
            Role.AGENT:               (_SKIP,    _SKIP,    _SKIP),
            Role.PERFORMER:           (_FULL,    _FULL,    _SKIP),
        }),
    "US-IL": Preset(
        "no score of anybody without consent (BIPA, 740 ILCS 14)", {
            Role.CUSTOMER:            (_FULL,    _SKIP,    _SKIP),
            Role.AGENT:               (_ACTIONS, _SKIP,    _SKIP),
            Role.PERFORMER:           (_FULL,    _SKIP,    _SKIP),
        }),
})  # fmt: skip


@dataclass(frozen=True, slots=True)
class Decision:
    """What may be computed for a face; `reason` is None exactly where it is not skipped.

    From `decide`, `participant_id` is the region's own; from `admit`, the track's. It is None
    where the face lies in no region.
    """

    policy: Policy
    reason: SkipReason | None
    participant_id: str | None
    region_index: int | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A tracked face on one frame; the box is x1, y1, x2, y2 as fractions of the picture."""

    track_id: str
    box_xyxy_fraction: tuple[float, float, float, float]

    @property
    def area(self) -> float:
        """Return the box's share of the picture."""
        x1, y1, x2, y2 = self.box_xyxy_fraction
        return max(x2 - x1, 0.0) * max(y2 - y1, 0.0)


@dataclass(frozen=True, slots=True)
class TrackGate:
    """What the gate remembers of a track: its region, its slot, and a visit to another region."""

    region_index: int | None = None
    is_admitted: bool = False
    visited_index: int | None = None
    visited_since_ms: float | None = None


@dataclass(frozen=True, slots=True)
class GateState:
    """One entry per live track, in the order in which the tracks appeared."""

    tracks: Mapping[str, TrackGate] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Return the state as plain JSON."""
        return {
            name: [t.region_index, t.is_admitted, t.visited_index, t.visited_since_ms]
            for name, t in self.tracks.items()
        }

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> Self:
        """Restore what `to_json` returned."""
        return cls({name: TrackGate(*fields) for name, fields in data.items()})


def decide(
    registration: Registration, box_xyxy_fraction: tuple[float, float, float, float]
) -> Decision:
    """Return what the registration allows for a face, without limits on the number of faces.

    The face belongs to the first region that holds the middle of its box (x1, y1, x2, y2 as
    fractions of the picture). A jurisdiction without a preset allows nothing.
    """
    return _of_region(registration, _region_index(registration, box_xyxy_fraction))


def policy_of(registration: Registration, region: Region) -> Policy:
    """Return what may be computed for whoever appears in one region."""
    return _rule(registration.jurisdiction, region)[0]


def participant_of(region: Region, track_id: str) -> str:
    """Return whose face a track in `region` is (see `schemas.registration.Registration`)."""
    if region.max_faces == 1:
        return region.participant_id
    return f"{region.participant_id}.{track_id}"


def admit(
    state: GateState,
    candidates: Sequence[Candidate],
    registration: Registration,
    pts_ms: float,
    live: Collection[str] = (),
) -> tuple[GateState, dict[str, Decision]]:
    """Decide for every face of one frame, within `max_faces` per region and over the stream.

    `live` names further tracks that have not ended though their face is not seen on this frame;
    a track in neither has ended. An admitted track keeps its slot until it ends; free slots go to
    the largest faces, ties by track id. A track keeps its region, and so its participant, until
    its middle has been in another region for more than `REGION_CHANGE_MS`; meanwhile, and wherever
    it strays, the stricter of both regions' policies holds. The cost is linear in the tracks.
    """
    seen = {candidate.track_id: candidate for candidate in candidates}
    alive = {name: gate for name, gate in state.tracks.items() if name in seen or name in live}
    decisions: dict[str, Decision] = {}
    for name, candidate in seen.items():
        here = _region_index(registration, candidate.box_xyxy_fraction)
        gate = _follow(alive.get(name, TrackGate()), here, registration, pts_ms)
        alive[name] = gate
        decisions[name] = _stricter(registration, gate.region_index, here, name)
    admitted = _slots(alive, seen, decisions, registration)
    tracks = {name: replace(gate, is_admitted=name in admitted) for name, gate in alive.items()}
    return GateState(tracks), {
        name: decision if name in admitted or decision.policy is _SKIP else _over(decision)
        for name, decision in decisions.items()
    }


def _preset(jurisdiction: str) -> Preset | None:
    wanted = jurisdiction.casefold()
    return next((preset for name, preset in PRESETS.items() if name.casefold() == wanted), None)


def _region_index(registration: Registration, box: tuple[float, float, float, float]) -> int | None:
    x, y = (box[0] + box[2]) / 2, (box[1] + box[3]) / 2
    regions = enumerate(registration.regions)
    return next((index for index, region in regions if region.holds(x, y)), None)


def _of_region(registration: Registration, index: int | None) -> Decision:
    if index is None:
        return Decision(_SKIP, SkipReason.OUTSIDE_REGIONS, None, None)
    region = registration.regions[index]
    policy, reason = _rule(registration.jurisdiction, region)
    return Decision(policy, reason, region.participant_id, index)


def _rule(jurisdiction: str, region: Region) -> tuple[Policy, SkipReason | None]:
    if region.role is Role.UNKNOWN:
        return _SKIP, SkipReason.ROLE_UNKNOWN
    preset = _preset(jurisdiction)
    if preset is None:
        return _SKIP, SkipReason.PRESET
    policy = preset.policy(region.role, region.consent)
    if policy is not _SKIP:
        return policy, None
    could_consent = preset.policy(region.role, Consent.GIVEN) is not _SKIP
    return _SKIP, SkipReason.CONSENT if could_consent else SkipReason.PRESET


def _follow(
    gate: TrackGate, here: int | None, registration: Registration, pts_ms: float
) -> TrackGate:
    home = gate.region_index
    if home is None or home >= len(registration.regions):
        return replace(gate, region_index=here, visited_index=None, visited_since_ms=None)
    if here is None or here == home:
        return replace(gate, visited_index=None, visited_since_ms=None)
    if gate.visited_since_ms is None or gate.visited_index != here:
        return replace(gate, visited_index=here, visited_since_ms=pts_ms)
    if pts_ms - gate.visited_since_ms > REGION_CHANGE_MS:
        return replace(gate, region_index=here, visited_index=None, visited_since_ms=None)
    return gate


def _stricter(
    registration: Registration, home: int | None, here: int | None, track_id: str
) -> Decision:
    """Return the stricter decision of the track's own region and the one it is in."""
    at_home, at_here = _of_region(registration, home), _of_region(registration, here)
    if home is None:
        return at_home
    strict = at_here if _OPENNESS[at_here.policy] < _OPENNESS[at_home.policy] else at_home
    participant_id = participant_of(registration.regions[home], track_id)
    return Decision(strict.policy, strict.reason, participant_id, home)


def _slots(
    alive: Mapping[str, TrackGate],
    seen: Mapping[str, Candidate],
    decisions: Mapping[str, Decision],
    registration: Registration,
) -> set[str]:
    """Return the tracks that hold a slot: holders first, then the largest allowed faces."""
    holders = [name for name, gate in alive.items() if gate.is_admitted]
    waiting = [
        name
        for name, decision in decisions.items()
        if decision.policy is not _SKIP and not alive[name].is_admitted
    ]
    waiting.sort(key=lambda name: (-seen[name].area, name))
    admitted: set[str] = set()
    taken = [0] * len(registration.regions)
    for name in [*holders, *waiting]:
        index = alive[name].region_index
        if index is None or index >= len(taken) or len(admitted) >= registration.max_faces:
            continue
        if taken[index] < registration.regions[index].max_faces:
            taken[index] += 1
            admitted.add(name)
    return admitted


def _over(decision: Decision) -> Decision:
    return replace(decision, policy=_SKIP, reason=SkipReason.OVER_MAX_FACES)
