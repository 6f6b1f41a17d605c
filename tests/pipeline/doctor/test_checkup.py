"""Goal: the run over the checks neither raises nor hangs, and shows no secret.

Method: checks made for the test that raise, hang or speak.
"""

import threading
import time

from pipeline.doctor import Check, CheckState, Finding, Patient, has_problem, run_checks
from schemas.errors import SinkError

OK, WARNING, PROBLEM = CheckState.OK, CheckState.WARNING, CheckState.PROBLEM
ANYBODY = Patient()


def ending(check: Check, who: Patient = ANYBODY, timeout_s: float = 5.0) -> tuple[CheckState, str]:
    result = next(run_checks(who, [check], timeout_s))
    return result.state, f"{result.text} -> {result.remedy}"


def test_a_check_that_raises_is_a_problem_like_any_other() -> None:
    def examine(_: Patient) -> Finding:
        raise RuntimeError("line one\nline two")

    state, text = ending(Check("x", examine))
    assert state is PROBLEM
    assert "RuntimeError: line one\\nline two" in text


def test_an_error_of_ours_keeps_its_remedy() -> None:
    def examine(_: Patient) -> Finding:
        raise SinkError("redis", "it burns", "here", "put it out")

    assert ending(Check("x", examine)) == (PROBLEM, "it burns (here) -> put it out")


def test_a_check_that_hangs_is_left_behind() -> None:
    release = threading.Event()

    def examine(_: Patient) -> Finding:
        release.wait(10)
        return Finding(OK, "late")

    start = time.perf_counter()
    state, text = ending(Check("x", examine), timeout_s=0.1)
    assert time.perf_counter() - start < 5
    release.set()
    assert state is PROBLEM
    assert "not done within 0.1 s" in text


def test_texts_show_no_password_and_no_control_character() -> None:
    text = ending(Check("x", lambda _: Finding(OK, "at redis://:pw@h\x1b[2J", "a\nb")))[1]
    assert text == "at redis://***@h\\x1b[2J -> a\\nb"


def test_each_check_is_announced_before_it_runs_and_its_time_is_taken() -> None:
    told: list[str] = []

    def examine(_: Patient) -> Finding:
        assert told == ["slow"]
        time.sleep(0.02)
        return Finding(OK, "")

    result = next(run_checks(ANYBODY, [Check("slow", examine)], before=told.append))
    assert result.state is OK
    assert result.took_ms >= 20


def test_only_problems_count_as_problems() -> None:
    def results(state: CheckState) -> bool:
        return has_problem(list(run_checks(ANYBODY, [Check("x", lambda _: Finding(state, ""))])))

    assert [results(state) for state in (OK, WARNING, PROBLEM)] == [False, False, True]
