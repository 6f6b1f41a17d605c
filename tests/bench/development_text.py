"""The text that `tests.bench.development` prints."""

from typing import Any


def lines(result: dict[str, Any]) -> list[str]:
    """Return the result as text, tables in Markdown."""
    names = ("positives", "positive_people", "negatives", "auc", "within_clip_auc", "hit_rate",
             "false_alarm_rate", "neutral_false_rate", "final_hit_rate",
             "final_false_alarm_rate")  # fmt: skip
    heads = ("AU", "pos", "people", "neg", "AUC", "within clip", "hit", "false alarm",
             "neutral false", "final hit", "final false alarm")  # fmt: skip
    counts = f"{result['faces']} faces, {result['people']} people, {result['clips']} clips"
    out = [result["warning"], "", f"{result['model_id']}: {counts}: {result['states']}", ""]
    out += ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    for au, entry in result["action_units"].items():
        out.append("| " + " | ".join([au, *(_shown(entry[name]) for name in names)]) + " |")
    out.append("")
    for au, entry in result["action_units"].items():
        if entry["false_alarms"]:
            out.append(f"{au}: {sum(entry['false_alarms'].values())} false alarms on "
                       f"{entry['false_alarm_people']} people, by labelled expression: "
                       f"{entry['false_alarms']}")  # fmt: skip
    out += ["", *(f"neutral {k}: {_shown(v)}" for k, v in result["neutral"].items()), ""]
    for label, scored in result["expressions"].items():
        told = ", ".join(f"{name} {count}" for name, count in scored.items() if count)
        out.append(f"labelled {label} ({sum(scored.values())}): {told}")
    out += ["", "mean raw probability by labelled expression:"]
    for label, means in result["means_by_expression"].items():
        out.append(f"{label}: " + ", ".join(f"{au} {mean:.2f}" for au, mean in means.items()))
    smile = result["smile"]
    means = ", ".join(f"{level} -> {mean:.1f}" for level, mean in smile["mean_at"].items())
    counts = f"{smile['faces']} faces, {smile['people']} people"
    out += ["", f"smile intensity: r {smile['r']:.3f} ({counts}); {means}"]
    cost = result["speed"]
    out.append(f"speed: {cost['wall_ms_median']:.2f} ms wall, {cost['cpu_ms_median']:.2f} ms of "
               f"CPU a face (median of {cost['faces']}, one at a time, one thread)")  # fmt: skip
    return out


def _shown(value: float | None) -> str:
    return "–" if value is None else f"{value:.2f}" if isinstance(value, float) else str(value)
