"""Closed sets of names: action units, emotions, roles, policies and the reasons that rows carry."""

import re
from enum import StrEnum

AU_NUMBERS = (
    1, 2, 4, 5, 6, 7, 9, 10, 11, 12, 14, 15, 16, 17, 18, 20, 22, 24, 25, 26, 27, 28, 33, 43, 45,
)  # fmt: skip
AU_NAMES = tuple(f"AU{number:02d}" for number in AU_NUMBERS)
SIDED_AU_NAMES = tuple(f"AU{number:02d}" for number in (1, 2, 4, 6, 7, 9, 10, 12, 14, 15, 20, 43))

AU_MEANINGS = {
    "AU01": "inner brow raised",
    "AU02": "outer brow raised",
    "AU04": "brows lowered",
    "AU05": "upper lid raised",
    "AU06": "cheeks raised",
    "AU07": "lids tightened",
    "AU09": "nose wrinkled",
    "AU10": "upper lip raised",
    "AU11": "nasolabial fold deepened",
    "AU12": "lip corners pulled",
    "AU14": "dimpled",
    "AU15": "lip corners depressed",
    "AU16": "lower lip depressed",
    "AU17": "chin raised",
    "AU18": "lips puckered",
    "AU20": "lips stretched",
    "AU22": "lips funnelled",
    "AU24": "lips pressed",
    "AU25": "lips parted",
    "AU26": "jaw dropped",
    "AU27": "mouth stretched wide open",
    "AU28": "lips sucked in",
    "AU33": "cheeks blown",
    "AU43": "eyes closed",
    "AU45": "blink",
}

EMOTIONS = (
    "neutral", "happiness", "sadness", "surprise", "fear", "disgust", "anger", "contempt",
)  # fmt: skip

NAME_PATTERN = r"^[A-Za-z0-9._-]{1,128}$"
_NAME = re.compile(r"[A-Za-z0-9._-]{1,128}")


def is_name(text: str) -> bool:
    """Tell whether `text` may stand as tenant, call, stream, participant or run id.

    `.` and `..` are refused besides, because names end up as parts of paths in other tools.
    """
    return _NAME.fullmatch(text) is not None and text not in {".", ".."}


class Role(StrEnum):
    """Who a face belongs to; the policy follows from it."""

    CUSTOMER = "customer"
    AGENT = "agent"
    PERFORMER = "performer"
    UNKNOWN = "unknown"


ROLE_MEANINGS = {
    Role.CUSTOMER: "the outside party of a call",
    Role.AGENT: "someone at work, such as a call-centre agent; the EU preset gives no score",
    Role.PERFORMER: "an actor, a consenting volunteer or a rendered face",
    Role.UNKNOWN: "nobody said; never scored",
}


class Consent(StrEnum):
    """What the person shown is known to have agreed to."""

    GIVEN = "given"
    REFUSED = "refused"
    UNKNOWN = "unknown"


class Policy(StrEnum):
    """What may be computed for a face."""

    FULL = "full"
    FACIAL_ACTIONS_ONLY = "facial_actions_only"
    SKIP = "skip"


class FaceStatus(StrEnum):
    """What became of one tracked face on one analysed frame."""

    SCORED = "scored"
    ABSTAINED = "abstained"
    SKIPPED = "skipped"


class AbstainReason(StrEnum):
    """Why a face that policy allows was not scored, in the order they are checked."""

    TOO_SMALL = "too_small"
    CUT_OFF = "cut_off"
    TOO_DARK = "too_dark"
    TOO_BRIGHT = "too_bright"
    BLURRED = "blurred"
    EXTREME_POSE = "extreme_pose"
    OCCLUDED = "occluded"


class SkipReason(StrEnum):
    """Why policy kept a face from the model."""

    ROLE_UNKNOWN = "role_unknown"
    OUTSIDE_REGIONS = "outside_regions"
    OVER_MAX_FACES = "over_max_faces"
    CONSENT = "consent"
    PRESET = "preset"


class AnchorSource(StrEnum):
    """Where the wall clock of an epoch's first frame comes from."""

    START_OPTION = "start_option"
    CONTAINER = "container"
    PUBLISHER = "publisher"
    NONE = "none"


class PtsSource(StrEnum):
    """Where a frame's presentation time comes from."""

    CONTAINER = "container"
    SYNTHESISED = "synthesised"


class EpochReason(StrEnum):
    """Why an epoch began."""

    START = "start"
    RECONNECT = "reconnect"
    FORMAT_CHANGED = "format_changed"
    PTS_DISCONTINUITY = "pts_discontinuity"


class Subject(StrEnum):
    """Whom a window summarises."""

    TRACK = "track"
    PARTICIPANT = "participant"


class CloseReason(StrEnum):
    """What closed a window."""

    WATERMARK = "watermark"
    IDLE = "idle"
    END_OF_STREAM = "end_of_stream"
    LATE = "late"


class SegmentFlag(StrEnum):
    """Things worth knowing about a segment, listed in its ledger row."""

    TRUNCATED = "truncated"
    NO_KEYFRAME = "no_keyframe"
    DUPLICATE = "duplicate"
    LATE = "late"
    GAP = "gap"
    TRANSCODED = "transcoded"
    EPOCH_CHANGED = "epoch_changed"
    PTS_SYNTHESISED = "pts_synthesised"
    PTS_DISCONTINUITY = "pts_discontinuity"
    UNSUPPORTED = "unsupported"
    REJECTED = "rejected"


class RunState(StrEnum):
    """How far a run has come; `replaced` stands while its old rows are being deleted."""

    STARTED = "started"
    FINISHED = "finished"
    REPLACED = "replaced"
