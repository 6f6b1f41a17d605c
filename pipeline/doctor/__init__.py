"""The doctor: one check per thing that can be wrong on a machine, and what mends it."""

from pipeline.doctor.checkup import CHECKS, Check, has_problem, run_checks
from pipeline.doctor.findings import CheckState, Finding, Patient, Result

__all__ = [
    "CHECKS",
    "Check",
    "CheckState",
    "Finding",
    "Patient",
    "Result",
    "has_problem",
    "run_checks",
]
