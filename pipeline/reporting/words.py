"""Times, numbers, names and reasons as people read them, safe for a terminal."""

from collections.abc import Iterable

from schemas.names import SkipReason

NOT_COMPUTED = "not computed"
ACTIONS_ONLY = "facial actions only"
NOT_OBSERVED = "not observed"
NOT_SCORED = "not scored"
NOTHING = "\N{EN DASH}"


def clock(time_s: float, *, is_fine: bool = False) -> str:
    """Return a time in the call as mm:ss, or h:mm:ss; with tenths where `is_fine`."""
    tenths = round(max(0.0, time_s) * 10)
    seconds, rest = divmod(tenths, 10) if is_fine else (int(tenths // 10), 0)
    hours, minutes = divmod(seconds // 60, 60)
    text = f"{hours}:{minutes:02d}" if hours else f"{minutes:02d}"
    text += f":{seconds % 60:02d}"
    return f"{text}.{rest}" if is_fine else text


def duration(seconds: float) -> str:
    """Return a duration as a person would say it: `26 s`, `4 min 10 s`, `1 h 02 min`."""
    if seconds < 9.95:
        return f"{seconds:.1f} s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"


def counted(count: int, noun: str) -> str:
    """Return a count with its noun: `1 frame`, `20 frames`."""
    return f"{count:,} {noun}" if count == 1 else f"{count:,} {noun}s"


def signed(value: float) -> str:
    """Return a number from -1 to 1 with its sign and two digits; what rounds to 0 is `0.00`."""
    text = f"{value:+.2f}"
    return text[1:] if float(text) == 0 else text


def unsigned(value: float) -> str:
    """Return a number with two digits, and a sign only where it is truly below 0."""
    return f"{value:.2f}".removeprefix("-") if round(value, 2) == 0 else f"{value:.2f}"


def reason_words(reason: str, jurisdiction: str = "") -> str:
    """Return why a face was abstained from or kept from the model, as a person would say it."""
    said = {
        SkipReason.PRESET: f"{jurisdiction} preset".lstrip(),
        SkipReason.CONSENT: "no consent",
        SkipReason.OUTSIDE_REGIONS: "outside the regions",
    }
    known = {str(key): text for key, text in said.items()}
    return known.get(reason, reason.replace("_", " "))


def not_scored(reasons: Iterable[str], jurisdiction: str = "") -> str:
    """Return that a face was not scored, with the reasons: `not scored: over max faces`."""
    why = ", ".join(reason_words(reason, jurisdiction) for reason in reasons)
    return f"{NOT_SCORED}: {why}" if why else NOT_SCORED


def printable(text: str, length_max: int | None = 70) -> str:
    """Return text on one line without control characters, which could rule a terminal.

    length_max: longer texts are cut and end in `…`; None means no limit.
    """
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    if length_max is None or len(clean) <= length_max:
        return clean
    return f"{clean[: length_max - 1]}…"


def folded(name: str, width: int) -> str:
    """Return a name, broken before its last dot where it is wider than `width`."""
    head, dot, tail = name.rpartition(".")
    return f"{head}\n{dot}{tail}" if len(name) > width and head else name
