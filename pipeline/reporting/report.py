"""The tables printed at the end of a run: one row per face, and how near it came to the truth."""

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from pipeline.queries import CallSummary, FaceSummary
from pipeline.reporting.agreement import Agreement, AuAgreement, compare_with_truth
from pipeline.reporting.words import NOTHING, clock, duration, folded, printable
from schemas.names import AU_MEANINGS, Policy

__all__ = ["compare_with_truth", "print_summary", "print_truth"]

EXPRESSIONS_MAX = 3
AUS_MAX = 4
# An expression or AU rarer than this is not worth a line.
SHARE_MIN = 0.02
FACES_MAX = 32
NAME_WIDTH = 11
FALSE_SHARE_MIN = 0.05


def print_summary(console: Console, summary: CallSummary) -> None:
    """Print one row per participant: time on screen, expression, peaks, strongest AUs."""
    faces = sorted(summary.participants, key=lambda face: face.first_s)
    if not faces:
        console.print("no face was found in this call")
        return
    console.print(_summary_table(faces[:FACES_MAX]))
    for face in faces[:FACES_MAX]:
        for line in _remarks(face):
            console.print(Text(line, style="dim"))
    if len(faces) > FACES_MAX:
        console.print(Text(f"and {len(faces) - FACES_MAX} more faces", style="dim"))


def _summary_table(faces: list[FaceSummary]) -> Table:
    table = Table(box=box.SIMPLE_HEAD, padding=(0, 1), pad_edge=False, collapse_padding=True,
                  show_edge=False)  # fmt: skip
    table.add_column("face", style="bold", overflow="fold", min_width=9, max_width=NAME_WIDTH)
    table.add_column("on screen", justify="right", min_width=11, no_wrap=True)
    table.add_column("expression", min_width=13)
    table.add_column("peaks", min_width=22, no_wrap=True)
    table.add_column("strongest AUs\n0.5+ for, max", min_width=14, no_wrap=True)
    for face in faces:
        table.add_row(_who(face), _seen(face), _expressions(face), _peaks(face), _aus(face))
        table.add_row("", "", "", "", "")
    return table


def _who(face: FaceSummary) -> Text:
    text = Text(folded(printable(face.who, 28), NAME_WIDTH))
    tracks = f"{face.track_count} tracks" if face.track_count > 1 else "1 track"
    return text.append(f"\n{face.role}\n{tracks}", style="dim not bold")


def _seen(face: FaceSummary) -> Text:
    text = Text(duration(face.seconds))
    if face.policy == Policy.SKIP:
        return text.append("\nnot scored", style="dim")
    text.append(f"\nscored {face.scored_share:.0%}", style="dim")
    if face.speaking_share is not None:
        text.append(f"\nmouth as in\nspeech {face.speaking_share:.0%}", style="dim")
    return text


def _expressions(face: FaceSummary) -> Text:
    if face.policy in (Policy.FACIAL_ACTIONS_ONLY, Policy.SKIP):
        return Text("not allowed by policy", style="dim")
    if not face.expressions:
        return Text("not observed", style="dim")
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
    lines = []
    for what, reasons in (
        ("abstained from", face.abstained),
        ("kept from the model", face.skipped),
    ):
        for reason, count in reasons.items():
            frames = "1 frame" if count == 1 else f"{count} frames"
            lines.append(f"{printable(face.who)}: {frames} {what}: {reason.replace('_', ' ')}")
    return lines


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
    for name in ("frames\npresent", "correlation", "detection\nAUC", "false\nalarms"):
        table.add_column(name, justify="right")
    ranked = sorted(aus, key=lambda au: -(au.correlation if au.correlation is not None else -2))
    for au in ranked:
        table.add_row(
            Text(f"{au.name} {AU_MEANINGS[au.name]}"), str(au.present_count),
            _number(au.correlation), _number(au.auc),
            "" if au.false_share is None else f"{au.false_share:.0%}",
        )  # fmt: skip
    return table


def _number(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}"


def _truth_lines(agreement: Agreement) -> list[str]:
    lines = []
    known = [au.correlation for au in agreement.aus if au.correlation is not None]
    if known:
        lines.append(f"mean correlation {sum(known) / len(known):.2f} over {len(known)} AUs that "
                     f"move, {agreement.frame_count} scored frames")  # fmt: skip
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
