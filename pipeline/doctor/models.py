"""Checks of the models: weights are there and unaltered, and really run on a drawn face."""

from typing import TYPE_CHECKING, Any

from pipeline.doctor.findings import Finding, Patient, ok, problem
from serving.store import FETCH_REMEDY, ModelStore, WeightsState

# What does the work is imported by each check, so that a broken package is a finding.
if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from operators.detect import Detection

PICTURE_SIZE_PX = 320
FACE_SCORE_MIN = 0.5
# Eyes, nose tip and mouth corners of the drawn face, known without a detector.
DRAWN_POINTS_PX = ((128, 144), (192, 144), (160, 184), (132, 216), (188, 216))


def weights(patient: Patient) -> Finding:
    """Check that every file of weights is there and has its pinned hash."""
    store = ModelStore(patient.weights_folder)
    states = {name: store.state(name) for name in store.table}
    wrong = [f"{name} {state}" for name, state in states.items() if state != WeightsState.READY]
    if wrong:
        return problem(f"{', '.join(wrong)} in {store.folder}", FETCH_REMEDY)
    return ok(f"{', '.join(states)} in {store.folder}")


def detector(patient: Patient) -> Finding:
    """Check that the detector finds a drawn face."""
    faces = _found(patient)
    if len(faces) != 1:
        return problem(
            f"it found {len(faces)} faces in a picture of one",
            "report this with the line `packages`; another version of OpenCV may help",
        )
    return ok(f"found the drawn face, score {faces[0].score:.2f}")


def scorer(patient: Patient) -> Finding:
    """Check that the model of the settings scores a drawn face."""
    import numpy as np

    from operators.align import align
    from serving.catalogue import open_scorer

    model = open_scorer(patient.settings.analysis.model, ModelStore(patient.weights_folder))
    scores = model.score(align(drawn_face(), DRAWN_POINTS_PX, model.crop_size_px)[None])
    observed = int(np.isfinite(scores.au[0]).sum()) if len(scores) == 1 else 0
    if observed == 0 or not np.isfinite(scores.confidence[0]):
        return problem(
            f"{model.model_id} gave no score for a drawn face",
            "report this with the line `packages`; another version of ai-edge-litert may help",
        )
    return ok(f"{model.model_id} scored the drawn face, {observed} action units")


def _found(patient: Patient) -> "list[Detection]":
    from operators.detect import DetectorSettings, FaceDetector
    from serving.catalogue import open_detector_weights

    body = open_detector_weights(ModelStore(patient.weights_folder))
    return FaceDetector(body, DetectorSettings(score_min=FACE_SCORE_MIN)).detect(drawn_face())


def drawn_face(side: int = PICTURE_SIZE_PX) -> "NDArray[np.uint8]":
    """Return a cartoon of a face, uint8 RGB [side, side, 3], plain enough for any detector."""
    import cv2
    import numpy as np

    scale, middle = side / 320, side // 2
    picture = np.full((side, side, 3), 90, np.uint8)

    def oval(x: float, y: float, a: float, b: float, colour: tuple[int, int, int]) -> None:
        place = (round(middle + x * scale), round(middle + y * scale))
        axes = (max(1, round(a * scale)), max(1, round(b * scale)))
        cv2.ellipse(picture, place, axes, 0, 0, 360, colour, -1, cv2.LINE_AA)

    hair, skin, white = (70, 50, 40), (215, 175, 150), (245, 240, 235)
    oval(0, -10, 92, 120, hair)
    oval(0, 8, 78, 104, skin)
    for x in (-32, 32):
        oval(x, -42, 20, 4, hair)
        oval(x, -16, 15, 8, white)
        oval(x, -16, 7, 7, hair)
    oval(0, 22, 12, 6, (180, 135, 110))
    oval(0, 56, 30, 10, (180, 90, 90))
    blurred: Any = cv2.GaussianBlur(picture, (0, 0), 2 * scale)
    return np.asarray(blurred, np.uint8)
