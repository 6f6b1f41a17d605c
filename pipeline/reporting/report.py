"""The tables printed at the end of a run: one row per face, and how near it came to the truth."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.queries import CallSummary, FaceSummary
from pipeline.reporting.agreement import (
    SIDE_COUNT_MIN,
    Agreement,
    AuAgreement,
    compare_with_truth,
)
from pipeline.reporting.words import (
    ACTIONS_ONLY,
    NOT_COMPUTED,
    NOT_OBSERVED,
    NOTHING,
    clock,
    counted,
    duration,
    folded,
    not_scored,
    printable,
    reason_words,
)
from schemas.names import AU_MEANINGS, Policy, SkipReason

__all__ = ["compare_with_truth", "print_summary", "print_truth"]

EXPRESSIONS_MAX = 3
AUS_MAX = 4
# An expression or AU rarer than this is not worth a line.
SHARE_MIN = 0.02
FACES_MAX = 32
NAME_WIDTH = 11
LABEL_MAX = 28
FALSE_SHARE_MIN = 0.05
# A blink lasts 0.1 to 0.4 s; from so many frames/s on, one of usual length has a frame of its own.
BLINK_FPS_MIN = 10.0
BLINK_AUS = ("AU43", "AU45")


def print_summary(console: Console, summary: CallSummary) -> None:
    """Print one row per participant: time on screen, expression, peaks, strongest AUs."""
    faces = sorted(summary.participants, key=lambda face: face.first_s)
    if not faces:
        console.print("no face was found in this call")
        return
    names = list(summary.ref.roles)
    console.print(_summary_table(faces[:FACES_MAX], [_label(face, faces, names) for face in faces]))
    for face in faces[:FACES_MAX]:
        for line in _remarks(face):
            console.print(Text(line, style="dim"))
    if len(faces) > FACES_MAX:
        console.print(Text(f"and {len(faces) - FACES_MAX} more faces", style="dim"))


def _label(face: FaceSummary, faces: list[FaceSummary], names: list[str]) -> str:
    """Return a face's name; the track behind it stands on a second line, where there are more."""
    family = _family(face.who, names)
    if family == face.who:
        return printable(face.who, LABEL_MAX)
    is_alone = sum(_family(other.who, names) == family for other in faces) == 1
    track = "" if is_alone else "\n" + printable(face.who.removeprefix(f"{family}."), NAME_WIDTH)
    return printable(family, LABEL_MAX) + track


def _family(who: str, names: list[str]) -> str:
    """Return the participant whose region a face belongs to (see `RunRef.roles`)."""
    fitting = [name for name in names if who.startswith(f"{name}.")]
    return max(fitting, key=len) if fitting and who not in names else who


def _summary_table(faces: list[FaceSummary], labels: list[str]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, collapse_padding=True,
                  show_edge=False)  # fmt: skip
    table.add_column("face", style="bold", overflow="fold", min_width=9, max_width=NAME_WIDTH)
    table.add_column("on screen", justify="right", min_width=10, no_wrap=True)
    table.add_column("expression", min_width=13)
    table.add_column("peaks", min_width=22, no_wrap=True)
    table.add_column("strongest AUs\n0.5+ for, max", min_width=14, no_wrap=True)
    for face, label in zip(faces, labels, strict=False):
        table.add_row(_who(face, label), _seen(face), _expressions(face), _peaks(face), _aus(face))
        table.add_row("", "", "", "", "")
    return table


def _who(face: FaceSummary, label: str) -> Text:
    lines = [] if face.role == label.splitlines()[0] else [face.role]
    lines.append(counted(face.track_count, "track"))
    if face.speaking_share is not None:
        lines.append(f"speaks {face.speaking_share:.0%}")
    text = Text(folded(label, NAME_WIDTH))
    return text.append("".join(f"\n{line}" for line in lines), style="dim not bold")


def _seen(face: FaceSummary) -> Text:
    text = Text(duration(face.seconds))
    return text.append(f"\nscored {face.scored_share:.0%}", style="dim")


def _expressions(face: FaceSummary) -> Text:
    if not face.scored_count:
        reasons = (*face.skipped, *face.abstained)
        return Text(not_scored(reasons, face.jurisdiction), style="dim")
    if face.policy == Policy.FACIAL_ACTIONS_ONLY:
        return Text(f"{NOT_COMPUTED}: {ACTIONS_ONLY}", style="dim")
    if not face.expressions:
        return Text(NOT_OBSERVED, style="dim")
    lines = [f"{name} {share:.0%}" for name, share in face.expressions.items()
             if share >= SHARE_MIN]  # fmt: skip
    return Text("\n".join(lines[:EXPRESSIONS_MAX]))


def _peaks(face: FaceSummary) -> Text:
    text = Text()
    for number, peak in enumerate(face.peaks):
        text.append(("\n" if number else "") + clock(peak.time_s, is_fine=True), style="cyan")
        text.append(f" {peak.name} {peak.value:.2f}")
        if peak.aus:
            text.append("\n  " + "+".join(name for name, _ in peak.aus), style="dim")
    return text if face.peaks else Text("none", style="dim")


def _aus(face: FaceSummary) -> Text:
    lines = [f"{au.name} {au.share:>4.0%} {au.max:.2f}" for au in face.strongest[:AUS_MAX]]
    return Text("\n".join(lines)) if lines else Text("none", style="dim")


def _remarks(face: FaceSummary) -> list[str]:
    lines = [f"{counted(count, 'frame')} abstained from: {reason_words(reason)}"
             for reason, count in face.abstained.items()]  # fmt: skip
    lines += [_skipped(reason, count, face.jurisdiction) for reason, count in face.skipped.items()]
    return [f"{printable(face.who)}: {line}" for line in lines]


def _skipped(reason: str, count: int, jurisdiction: str) -> str:
    why = reason_words(reason, jurisdiction)
    is_rule = reason == SkipReason.PRESET
    return (f"{counted(count, 'frame')} kept from the model"
            + (f" by the {why}" if is_rule else f": {why}"))  # fmt: skip


def print_truth(console: Console, agreement: Agreement) -> None:
    """Print how near the scores came to the true curves, and what that does not mean."""
    varying = [au for au in agreement.aus if au.is_varying]
    console.print(_truth_table(varying))
    for line in _truth_lines(agreement):
        console.print(line, highlight=False)
    console.print(Text(
        "The video is rendered: its true curves are known. This shows that the whole way works; "
        "how good the model is on real faces it does not show.", style="dim",
    ))  # fmt: skip


def _truth_table(aus: list[AuAgreement]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, show_edge=False)
    table.add_column("against the true curves", overflow="fold")
    for name in ("frames\npresent", "corre-\nlation", "detection\nAUC", "missed", "false\nalarms"):
        table.add_column(name, justify="right")
    ranked = sorted(aus, key=lambda au: -(au.correlation if au.correlation is not None else -2))
    for au in ranked:
        table.add_row(
            Text(f"{au.name} {AU_MEANINGS[au.name]}"), str(au.present_count),
            _number(au.correlation), _number(au.auc), _percent(au.missed_share),
            _percent(au.false_share),
        )  # fmt: skip
    return table


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _percent(share: float | None) -> str:
    return NOTHING if share is None else f"{share:.0%}"


def _correlation_lines(agreement: Agreement) -> list[str]:
    """Return the mean over the AUs that are there often enough, and which AUs it leaves out."""
    moving = [au for au in agreement.aus if au.correlation is not None]
    rare = [au.name for au in moving if au.present_count < SIDE_COUNT_MIN]
    known = [au.correlation for au in moving if au.correlation is not None and au.name not in rare]
    lines = []
    if known:
        lines.append(f"mean correlation {sum(known) / len(known):.2f} over "
                     f"{counted(len(known), 'AU')} that move, "
                     f"{counted(agreement.frame_count, 'scored frame')}")  # fmt: skip
    if rare:
        lines.append(f"left out of the mean, present on fewer than {SIDE_COUNT_MIN} frames: "
                     f"{', '.join(rare)}")  # fmt: skip
    has_blinks = any(au.name in BLINK_AUS and au.is_varying for au in agreement.aus)
    if has_blinks and agreement.fps is not None and agreement.fps < BLINK_FPS_MIN:
        lines.append(f"at {agreement.fps:.2g} frames/s short blinks fall between samples")
    return lines


def _truth_lines(agreement: Agreement) -> list[str]:
    lines = _correlation_lines(agreement)
    if agreement.found_share is not None:
        lines.append(f"faces found while a person is in the picture: {agreement.found_share:.0%}")
    if agreement.expression_share is not None:
        line = f"strongest expression is the true one on {agreement.expression_share:.0%} of frames"
        if agreement.expressive_share is not None:
            line += (f"; on the {agreement.expressive_count} frames with an expression: "
                     f"{agreement.expressive_share:.0%}")  # fmt: skip
        lines.append(line)
    if agreement.speaking_share is not None:
        lines.append(f"speaking flag right on {agreement.speaking_share:.0%} of frames")
    if agreement.yaw_error_deg is not None:
        lines.append(f"head turn off by {agreement.yaw_error_deg:.1f} degrees on average")
    false = [au for au in agreement.aus if (au.false_share or 0) >= FALSE_SHARE_MIN]
    if false:
        said = ", ".join(f"{au.name} {au.false_share:.0%}" for au in false)
        lines.append(f"scored 0.5 or more where truly below 0.1: {said}")
    lines += [f"true participant '{printable(name)}' was matched by no face"
              for name in agreement.unmatched]  # fmt: skip
    return lines
