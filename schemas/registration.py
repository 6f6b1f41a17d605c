"""The registration of a stream: whose faces it shows, and what may be computed for them."""

from typing import Annotated, Self

from pydantic import BaseModel, ConfigDict, Field, model_validator

from schemas.names import Consent, Role
from schemas.segments import Name

MAX_FACES_LIMIT = 32
REGION_COUNT_MAX = 16

Fraction = Annotated[float, Field(ge=0.0, le=1.0)]


class Region(BaseModel):
    """A part of the picture and the participant whose face appears there.

    The box is x1, y1, x2, y2 as fractions of the displayed picture. A face belongs to the first
    region that holds the middle of its box.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    participant_id: Name
    role: Role
    box: tuple[Fraction, Fraction, Fraction, Fraction] = (0.0, 0.0, 1.0, 1.0)
    max_faces: int = Field(MAX_FACES_LIMIT, ge=1, le=MAX_FACES_LIMIT)
    consent: Consent = Consent.UNKNOWN

    @model_validator(mode="after")
    def _box_has_area(self) -> Self:
        x1, y1, x2, y2 = self.box
        if x2 <= x1 or y2 <= y1:
            raise ValueError("a region's box needs x1 < x2 and y1 < y2")
        return self

    def holds(self, x: float, y: float) -> bool:
        """Tell whether the point (fractions of the picture) lies in this region."""
        x1, y1, x2, y2 = self.box
        return x1 <= x < x2 and y1 <= y < y2


class Registration(BaseModel):
    """What is known of a stream before any face is scored.

    Where a region allows one face only, its tracks belong to `participant_id`; where it allows
    more, nobody said which face is whose, so each track is a participant of its own, named
    `<participant_id>.<track_id>`.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    tenant: Name = "default"
    call_id: Name
    stream_id: Name
    jurisdiction: str = Field("default", pattern=r"^[A-Za-z-]{2,32}$")
    regions: tuple[Region, ...] = Field(min_length=1, max_length=REGION_COUNT_MAX)
    max_faces: int = Field(MAX_FACES_LIMIT, ge=1, le=MAX_FACES_LIMIT)
