"""Registrations from the command line: roles, regions and consent of the faces in a picture."""

from collections.abc import Sequence
from dataclasses import dataclass

from pydantic import ValidationError

from operators.policy import PRESETS
from schemas.errors import NameRefusedError, UsageError, near_word
from schemas.names import ROLE_MEANINGS, Consent, Role, is_name
from schemas.registration import MAX_FACES_LIMIT, REGION_COUNT_MAX, Region, Registration

NAMED_BOXES: dict[str, tuple[float, float, float, float]] = {
    "left": (0.0, 0.0, 0.5, 1.0),
    "right": (0.5, 0.0, 1.0, 1.0),
    "top": (0.0, 0.0, 1.0, 0.5),
    "bottom": (0.0, 0.5, 1.0, 1.0),
    "whole": (0.0, 0.0, 1.0, 1.0),
}
REGION_EXAMPLE = "--regions left=customer --regions right=agent, or desk=agent@0.5,0,1,0.6"


@dataclass(frozen=True, slots=True)
class Whose:
    """What the user said of the faces in a picture, before calls and streams have names."""

    role: str | None = None
    regions: tuple[str, ...] = ()
    max_faces: int | None = None
    jurisdiction: str = "default"
    consent: str = "unknown"
    participant_id: str | None = None

    def registration(self, tenant: str, call_id: str, stream_id: str) -> Registration:
        """Return the registration of one stream; raises UsageError on anything unclear."""
        for name in (tenant, call_id, stream_id):
            check_name(name)
        consent = Consent(one_of("--consent", self.consent, [str(c) for c in Consent]))
        regions = self._regions(consent)
        if len(regions) > REGION_COUNT_MAX:
            text = f"at most {REGION_COUNT_MAX} regions can be told apart"
            raise UsageError("--regions", text, len(regions))
        _check_roles(regions)
        if len({region.box for region in regions}) < len(regions):
            text = "two regions are the same part of the picture"
            raise UsageError("--regions", text, " ".join(self.regions), "give each its own box")
        return Registration(
            tenant=tenant,
            call_id=call_id,
            stream_id=stream_id,
            jurisdiction=one_of("--jurisdiction", self.jurisdiction, list(PRESETS)),
            regions=regions,
            max_faces=self._face_count(),
        )

    def _face_count(self) -> int:
        count = MAX_FACES_LIMIT if self.max_faces is None else self.max_faces
        if not 1 <= count <= MAX_FACES_LIMIT:
            raise UsageError("--max-faces", f"must be from 1 to {MAX_FACES_LIMIT}", count)
        return count

    def _regions(self, consent: Consent) -> tuple[Region, ...]:
        if self.regions:
            return tuple(parse_region(text, consent, self.role) for text in self.regions)
        role = parse_role(self.role)
        participant = self.participant_id or str(role)
        return (
            Region(
                participant_id=check_name(participant),
                role=role,
                max_faces=self._face_count(),
                consent=consent,
            ),
        )


def _check_roles(regions: Sequence[Region]) -> None:
    """Refuse a participant with two roles: nobody could tell which policy a row was made under."""
    roles: dict[str, Role] = {}
    for region in regions:
        name = region.participant_id
        if roles.setdefault(name, region.role) is not region.role:
            raise UsageError(
                "--regions", "one name stands for two roles", name, "give each region its own name"
            )


def parse_role(text: str | None) -> Role:
    """Return the role; without one the roles are listed, since nobody is scored by default."""
    roles = {role: text for role, text in ROLE_MEANINGS.items() if role is not Role.UNKNOWN}
    if not text:
        listed = ", ".join(f"{role} ({meaning})" for role, meaning in roles.items())
        raise UsageError(
            "policy", "nobody said whose faces these are", None,
            f"say --role (or --regions), one of: {listed}",
        )  # fmt: skip
    return Role(one_of("--role", text, [str(role) for role in roles]))


def parse_region(text: str, consent: Consent, default_role: str | None = None) -> Region:
    """Parse `NAME=ROLE[@x1,y1,x2,y2]`, coordinates as fractions of the picture.

    NAME becomes the participant. Without coordinates it must be left, right, top, bottom or
    whole. A region holds one face; `NAME=ROLE*3@…` allows three.
    """
    name, _, rest = text.partition("=")
    rest, _, box_text = rest.partition("@")
    role_text, _, count_text = rest.partition("*")
    check_name(name)
    if not box_text and name not in NAMED_BOXES:
        raise UsageError(
            "--regions", "a region needs a box or a known name", text, f"write {REGION_EXAMPLE}"
        )
    try:
        numbers = tuple(float(number) for number in box_text.split(",")) if box_text else ()
        return Region(
            participant_id=name,
            role=parse_role(role_text or default_role),
            box=numbers or NAMED_BOXES[name],  # type: ignore[arg-type]
            max_faces=int(count_text) if count_text else 1,
            consent=consent,
        )
    except (ValueError, ValidationError) as error:
        raise UsageError("--regions", "cannot be read", text, f"write {REGION_EXAMPLE}") from error


def one_of(option: str, text: str, allowed: Sequence[str]) -> str:
    """Return `text` if it is allowed; raises UsageError with the near word otherwise."""
    if text in allowed:
        return text
    hint = near_word(text, list(allowed))
    raise UsageError(option, f"must be one of {', '.join(allowed)}{hint}", text)


def check_name(name: str) -> str:
    """Return `name` if it may be used as an id; raises NameRefusedError otherwise."""
    if not is_name(name):
        raise NameRefusedError(
            "names", "an id holds 1 to 128 letters, digits, '.', '_' and '-'", name,
            "choose such a name",
        )  # fmt: skip
    return name
