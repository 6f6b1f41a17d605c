"""Goal: wrong options, folders, weights and servers are refused in one line before any work.

Method: the command line in this process, as `main` runs it, on a video that is good.
"""

import json
import os
import shutil
import subprocess
from pathlib import Path

import pytest

from tests.commands import assert_refused, run_told, told

ROLE = ("--role", "customer")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ([], "one of: customer"),
        (["--role", ""], "one of: customer"),
        (["--role", "custmer"], "did you mean 'customer'?"),
        (["--rol", "customer"], "--role"),
        ([*ROLE, "--fps", "0"], "0.1 to 120"),
        ([*ROLE, "--fps", "-1"], "0.1 to 120"),
        ([*ROLE, "--fps", "nan"], "0.1 to 120"),
        ([*ROLE, "--fps", "1e9"], "0.1 to 120"),
        ([*ROLE, "--fps", "fast"], "--fps"),
        ([*ROLE, "--start", "nonsense"], "2026-03-01T09:30:00Z"),
        ([*ROLE, "--start", "9999-01-01"], "years"),
        ([*ROLE, "--jurisdiction", "EUX"], "did you mean 'EU'?"),
        ([*ROLE, "--consent", "givn"], "did you mean 'given'?"),
        ([*ROLE, "--max-faces", "0"], "1<=x<=32"),
        ([*ROLE, "--model", "blendshape"], "did you mean 'blendshapes'?"),
        ([*ROLE, "--settings", "nothere.toml"], "no such file"),
        ([*ROLE, "--settings", "typo.toml"], "did you mean 'fps'?"),
        ([*ROLE, "--settings", "good.mp4"], "UTF-8"),
        ([*ROLE, "--redis", "nonsense"], "redis://"),
        ([*ROLE, "--call-id", "a/b"], "'a/b'"),
        ([*ROLE, "--call-id", ".."], "'..'"),
        ([*ROLE, "--stream-id", "a\nb"], r"'a\nb'"),
        ([*ROLE, "--tenant", ""], "an id holds"),
        ([*ROLE, "--run-id", "x" * 129], "1 to 128"),
        (["--regions", "nonsense"], "left=customer"),
        (["--regions", "left=custmer"], "did you mean 'customer'?"),
        (["--regions", "a=agent@nan,0,1,1"], "cannot be read"),
        (["--regions", "a=agent*9999999@0,0,1,1"], "cannot be read"),
        (["--regions", "left=agent", "--regions", "b=customer@0,0,0.5,1"], "the same part"),
        ([*(f"--regions=a{i}=agent@0,0,1,0.{i}" for i in range(10, 30))], "at most 16 regions"),
    ],
)
def test_a_wrong_option_is_wrong_usage_and_names_what_is_allowed(
    place, capfd, good, options, words
):
    Path("good.mp4").write_bytes(good)
    Path("typo.toml").write_text("[analysis]\nfsp = 3\n")
    assert_refused(told(capfd, "run", "good.mp4", "--out", "out", *options), 2, words)


def test_an_unknown_command_gets_the_near_word(place, capfd):
    assert_refused(told(capfd, "rum", "x.mp4"), 2, "did you mean 'run'?")


@pytest.mark.parametrize("out", ["good.mp4", "good.mp4/below", "/proc/facestate", "x" * 5000])
def test_a_folder_that_cannot_hold_tables_is_refused_before_any_work(place, capfd, good, out):
    Path("good.mp4").write_bytes(good)
    assert_refused(run_told(capfd, "good.mp4", *ROLE, out=out), 5, "give --out a folder")


def test_a_metrics_file_in_no_folder_is_refused_before_any_work(place, capfd, good):
    Path("good.mp4").write_bytes(good)
    said = run_told(capfd, "good.mp4", *ROLE, "--metrics", "nowhere/run.prom")
    assert_refused(said, 5, "no such folder", "nowhere/run.prom")


def test_metrics_are_written_after_an_error_too(place, capfd):
    Path("text.mp4").write_text("this is no video")
    assert_refused(run_told(capfd, "text.mp4", *ROLE, "--metrics", "run.prom"), 3, "not a video")
    assert "facestate_segments_total 0.0" in Path("run.prom").read_text()


def test_a_list_given_to_run_is_referred_to_import(place, capfd):
    Path("calls.csv").write_text("path\ngood.mp4\n")
    assert_refused(run_told(capfd, "calls.csv", *ROLE), 3, "use `facestate import`")


def test_help_says_whom_consent_holds_for(capfd):
    text = " ".join(told(capfd, "run", "--help").out.split())
    assert "everybody shown agreed" in text
    assert "server of this machine's own" in text


def test_several_inputs_cannot_share_one_call_id(place, capfd, good):
    Path("a.mp4").write_bytes(good)
    Path("b.mp4").write_bytes(good)
    assert_refused(run_told(capfd, "a.mp4", "b.mp4", *ROLE, "--call-id", "c"), 2, "--call-id")


@pytest.mark.parametrize("kind", ["missing", "altered"])
def test_weights_that_cannot_be_used_name_the_command_that_mends_it(
    place, capfd, good, monkeypatch, weights, kind
):
    Path("good.mp4").write_bytes(good)
    store = place / "weights"
    store.mkdir()
    if kind == "altered":
        for path in weights.iterdir():
            (store / path.name).write_bytes(path.read_bytes() + b"x")
    monkeypatch.setenv("FACESTATE_WEIGHTS", str(store))
    assert_refused(run_told(capfd, "good.mp4", *ROLE), 7, "facestate models fetch")


def test_a_redis_that_is_none_stops_the_run_before_it_begins(place, capfd, good):
    Path("good.mp4").write_bytes(good)
    said = told(capfd, "run", "good.mp4", *ROLE, "--out", "out", "--redis", "redis://127.0.0.1:1")
    assert_refused(said, 5, "cannot connect", "redis://127.0.0.1:1")


def test_where_hardly_any_space_is_left_no_run_begins(place, capfd, good, monkeypatch):
    Path("good.mp4").write_bytes(good)
    monkeypatch.setattr("pipeline.lake.tables.FREE_BYTES_MIN", 1 << 60)
    assert_refused(run_told(capfd, "good.mp4", *ROLE), 5, "no space is left")


def test_a_disk_that_fills_up_in_mid_run_stops_it_and_the_same_command_goes_on(
    place, capfd, clips, monkeypatch
):
    args = (str(clips / "pyfeat_pexels_woman.mp4"), *ROLE, "--json")
    monkeypatch.setenv("FACESTATE_OUTPUT__COMMIT_FILE_S", "0.1")
    usage = shutil.disk_usage

    def shrinking(path: Path) -> object:
        return usage(path)._replace(free=0 if has_segments() else 1 << 40)

    with monkeypatch.context() as patch:
        patch.setattr("pipeline.lake.tables.shutil.disk_usage", shrinking)
        full = run_told(capfd, *args)
    assert (full.code, full.out, len(full.lines)) == (5, "", 1)
    assert "no space is left" in full.err
    again = run_told(capfd, *args)
    assert again.code == 0
    assert json.loads(again.out)[0]["resumed_after"] >= 0
    assert told(capfd, "ledger", "pyfeat_pexels_woman.mp4", "--out", "out").code == 0


def has_segments() -> bool:
    return any(Path("out/lake/segments").glob("*/*.parquet"))


def test_a_full_disk_stops_a_run_with_nothing_half_written(place, capfd, good):
    small = place / "small"
    small.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=24m", "tmpfs", str(small)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode != 0:
        pytest.skip("a small file system cannot be mounted here")
    try:
        Path("good.mp4").write_bytes(good)
        (small / "filler").write_bytes(bytes(20 << 20))
        full = run_told(capfd, "good.mp4", *ROLE, out="small/out")
        assert_refused(full, 5, "no space is left")
        assert not Path("small/out").exists()
        (small / "filler").unlink()
        assert run_told(capfd, "good.mp4", *ROLE, out="small/out").code == 0
    finally:
        subprocess.run(["umount", str(small)], check=True)


def test_a_folder_that_may_not_be_written_is_refused_before_any_work(place, capfd, good):
    Path("good.mp4").write_bytes(good)
    Path("closed").mkdir(mode=0o500)
    if os.access("closed", os.W_OK):
        pytest.skip("this user may write everywhere")
    said = run_told(capfd, "good.mp4", *ROLE, out="closed/out")
    assert_refused(said, 5, "may not be written", "give --out a folder")
