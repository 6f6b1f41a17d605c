"""Goal: what `run` prints at its end says of each call what its faces showed, also as JSON.

Method: made-up outcomes over tables of a generated call; what is printed is read back.
"""

import json
from pathlib import Path

import pytest

from pipeline.cli.results import DIGITS, described, report
from pipeline.jobs import Outcome
from pipeline.lake.writer import StreamRun
from pipeline.queries import resolve_call, summary
from tests.rows import (
    AGENT,
    CALL,
    CUSTOMER,
    Face,
    TableLake,
    frame_rows,
    run_row,
    table,
    write_lake,
)

REGISTRATION = (
    '{"jurisdiction": "EU", "regions": [{"participant_id": "agent", "role": "agent"},'
    ' {"participant_id": "customer", "role": "customer"}]}'
)


def outcome(*, is_finished: bool = True) -> Outcome:
    return Outcome(
        run=StreamRun("default", CALL, "main", "run-1"),
        is_finished=is_finished,
        resumed_after=-1,
        segment_count=15,
        duration_ms=30_000,
        elapsed_s=1.23456789,
        checkpoint_bytes_max=999,
    )


def tables(*faces: Face) -> TableLake:
    run = run_row(registration=REGISTRATION)
    return TableLake(frames=frame_rows(faces), runs=table("runs", [run]))


def said(*faces: Face) -> dict:
    lake = tables(*faces)
    call = summary(lake, resolve_call(lake, "default", CALL))
    read = json.loads(json.dumps(described(outcome(), call)))
    assert isinstance(read, dict)
    return read


def floats(value: object) -> list[float]:
    if isinstance(value, dict):
        return [number for part in value.values() for number in floats(part)]
    if isinstance(value, list):
        return [number for part in value for number in floats(part)]
    return [value] if isinstance(value, float) else []


def test_json_says_who_was_seen_how_long_and_what_the_faces_showed() -> None:
    read = said(AGENT, CUSTOMER)
    assert (read["call_id"], read["source"], read["is_finished"]) == (
        CALL,
        "two_party_call.mp4",
        True,
    )
    agent, customer = read["faces"]
    assert (agent["who"], agent["role"], agent["on_screen_s"]) == ("agent", "agent", 30.0)
    assert agent["dominant"]["name"] == "neutral"
    assert [peak["name"] for peak in agent["peaks"]] == ["happiness", "surprise", "happiness"]
    assert list(agent["peaks"][0]["aus"]) == ["AU12", "AU06"]
    assert 6.0 < agent["peaks"][0]["time_s"] < 10.5
    assert agent["abstained"] == {"extreme_pose": 5}
    assert customer["on_screen_s"] == 26.0
    assert customer["strongest_aus"][0]["name"] == "AU04"
    assert 0 < customer["speaking_share"] < 1


def test_a_face_kept_from_the_model_has_its_reason_and_no_scores() -> None:
    (face,) = said(Face(policy="skip"))["faces"]
    assert face["skipped"] == {"preset": 150}
    assert (face["scored_share"], face["dominant"], face["peaks"]) == (0.0, None, [])
    assert (face["strongest_aus"], face["speaking_share"]) == ([], None)


def test_floats_are_rounded_and_figures_of_the_machinery_left_out() -> None:
    read = said(AGENT, CUSTOMER)
    numbers = floats(read)
    assert len(numbers) > 20
    assert all(number == round(number, DIGITS) for number in numbers)
    assert "checkpoint_bytes_max" not in read


def test_a_call_without_faces_has_an_empty_list() -> None:
    assert said()["faces"] == []


def test_the_table_is_headed_by_the_files_name_and_the_call(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_lake(tmp_path, **tables(AGENT, CUSTOMER).tables)
    report([outcome()], folder, is_json=False)
    printed = capsys.readouterr()
    assert f"two_party_call.mp4 · call {CALL}" in printed.out.splitlines()[0]
    assert "AU04" in printed.out
    assert f"facestate timeline {CALL}" in printed.err


def test_json_covers_unfinished_runs_and_the_table_leaves_them_out(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = write_lake(tmp_path, **tables(AGENT).tables)
    report([outcome(is_finished=False)], folder, is_json=True)
    (read,) = json.loads(capsys.readouterr().out)
    assert (read["is_finished"], len(read["faces"])) == (False, 1)
    report([outcome(is_finished=False)], folder, is_json=False)
    assert capsys.readouterr().out == ""
