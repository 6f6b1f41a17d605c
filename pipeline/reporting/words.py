"""Times and names as people read them, safe for a terminal."""

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


def printable(text: str, length_max: int = 70) -> str:
    """Return text on one line without control characters, which could rule a terminal."""
    clean = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return clean if len(clean) <= length_max else f"{clean[: length_max - 1]}…"


def folded(name: str, width: int) -> str:
    """Return a name, broken before its last dot where it is wider than `width`."""
    head, dot, tail = name.rpartition(".")
    return f"{head}\n{dot}{tail}" if len(name) > width and head else name
