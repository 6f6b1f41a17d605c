"""The list of checks, and the run over them: none may raise, none may hang the others."""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from pipeline.doctor import machine, models, stores
from pipeline.doctor.findings import CheckState, Finding, Patient, Result, problem
from pipeline.logs import mask_secrets
from schemas.errors import FacestateError, escape_controls

CHECK_TIMEOUT_S = 30.0
TEXT_LENGTH_MAX = 500


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that can be wrong."""

    name: str
    examine: Callable[[Patient], Finding]


CHECKS = (
    Check("python", machine.python),
    Check("installation", machine.installation),
    Check("packages", machine.packages),
    Check("opencv wheels", machine.opencv_wheels),
    Check("video codecs", machine.codecs),
    Check("settings", stores.settings),
    Check("weights", models.weights),
    Check("detector", models.detector),
    Check("scorer", models.scorer),
    Check("output folder", stores.folder),
    Check("free space", stores.space),
    Check("tables", stores.tables),
    Check("redis", stores.redis),
    Check("cores", machine.cores),
    Check("memory", machine.memory),
    Check("gpu", machine.gpu),
    Check("clock", machine.clock),
)


def run_checks(
    patient: Patient,
    checks: Sequence[Check] = CHECKS,
    timeout_s: float = CHECK_TIMEOUT_S,
    before: Callable[[str], None] = lambda _: None,
) -> Iterator[Result]:
    """Yield the result of each check as it ends; `before` is told each name first.

    A check that raises, or is not done within `timeout_s`, is a problem like any other.
    """
    for check in checks:
        before(check.name)
        start = time.perf_counter()
        finding = _examine(check, patient, timeout_s)
        took_ms = (time.perf_counter() - start) * 1000
        yield Result(check.name, finding.state, _line(finding.text), _line(finding.remedy), took_ms)


def has_problem(results: Sequence[Result]) -> bool:
    """Tell whether one of the results is a problem."""
    return any(result.state is CheckState.PROBLEM for result in results)


def _examine(check: Check, patient: Patient, timeout_s: float) -> Finding:
    """Run the check in a thread of its own, so that a hanging disk or driver is left behind."""
    found: list[Finding] = []
    thread = threading.Thread(
        target=lambda: found.append(_caught(check, patient)), name=check.name, daemon=True
    )
    thread.start()
    thread.join(timeout_s)
    if found:
        return found[0]
    return problem(f"not done within {timeout_s:g} s", "see whether a disk or a driver hangs")


def _caught(check: Check, patient: Patient) -> Finding:
    try:
        return check.examine(patient)
    except FacestateError as error:
        given = "" if error.given is None else f" ({error.given})"
        return problem(f"{error.happened}{given}", error.remedy)
    except Exception as error:  # noqa: BLE001 - whatever a check meets is its finding
        text = f"{type(error).__name__}: {error}"
        return problem(f"the check failed with {text}", "see the part that the error names")


def _line(text: str) -> str:
    return escape_controls(mask_secrets(text))[:TEXT_LENGTH_MAX]
