"""MediaPipe's face landmark and blendshape networks, run on aligned crops with LiteRT.

Source of the weights: `face_landmarker.task` (Google, Apache-2.0), a zip of TFLite files.
Source of the wiring (input range, landmark subset, channel order): MediaPipe's
`face_landmarks_detector_graph.cc` and `face_blendshapes_graph.cc`.
"""

import io
import threading
import zipfile
from dataclasses import dataclass

import numpy as np
from ai_edge_litert.interpreter import Interpreter
from numpy.typing import NDArray

from serving.blendshapes.quiet import without_notes

CROP_SIZE_PX = 256
LANDMARKS_COUNT = 478
BLENDSHAPES_COUNT = 52
THREADS_COUNT_MAX = 16

LANDMARKS_MEMBER = "face_landmarks_detector.tflite"
BLENDSHAPES_MEMBER = "face_blendshapes.tflite"

# The 146 of 478 landmarks that the blendshape network reads, in its own order.
BLENDSHAPE_LANDMARKS = np.array(
    [
        *(0, 1, 4, 5, 6, 7, 8, 10, 13, 14, 17, 21, 33, 37, 39, 40, 46, 52, 53, 54, 55, 58),
        *(61, 63, 65, 66, 67, 70, 78, 80, 81, 82, 84, 87, 88, 91, 93, 95, 103, 105, 107),
        *(109, 127, 132, 133, 136, 144, 145, 146, 148, 149, 150, 152, 153, 154, 155, 157),
        *(158, 159, 160, 161, 162, 163, 168, 172, 173, 176, 178, 181, 185, 191, 195, 197),
        *(234, 246, 249, 251, 263, 267, 269, 270, 276, 282, 283, 284, 285, 288, 291, 293),
        *(295, 296, 297, 300, 308, 310, 311, 312, 314, 317, 318, 321, 323, 324, 332, 334),
        *(336, 338, 356, 361, 362, 365, 373, 374, 375, 377, 378, 379, 380, 381, 382, 384),
        *(385, 386, 387, 388, 389, 390, 397, 398, 400, 402, 405, 409, 415, 454, 466, 468),
        *(469, 470, 471, 472, 473, 474, 475, 476, 477),
    ],
    dtype=np.int64,
)


@dataclass(frozen=True, slots=True)
class FaceMesh:
    """What the two networks say about N crops."""

    landmarks_px: NDArray[np.float32]
    """float32 [N, 478, 3]: x right, y down, z away from the camera, crop pixels."""
    presence: NDArray[np.float32]
    """float32 [N]: probability that the crop holds a face."""
    blendshapes: NDArray[np.float32]
    """float32 [N, 52]: channel weights 0..1, order of `features.CHANNELS`."""


class FaceMeshNetwork:
    """Both networks behind one lock: any thread may call, calls run one after another."""

    def __init__(self, task: bytes, *, threads_count: int = 1) -> None:
        """Build the interpreters from the bytes of `face_landmarker.task`; no file is written.

        Their hash is for the caller to check. `threads_count` is per interpreter.
        """
        if not 1 <= threads_count <= THREADS_COUNT_MAX:
            raise ValueError(f"threads_count is {threads_count}, allowed 1..{THREADS_COUNT_MAX}")
        with zipfile.ZipFile(io.BytesIO(task)) as members:
            self._landmarks = _interpreter(members.read(LANDMARKS_MEMBER), threads_count)
            self._blendshapes = _interpreter(members.read(BLENDSHAPES_MEMBER), threads_count)
        self._lock = threading.Lock()

    def __call__(self, crops: NDArray[np.uint8]) -> FaceMesh:
        """Run uint8 RGB crops [N, 256, 256, 3] one at a time (a batch gains nothing on a CPU).

        Costs 3.6 ms a crop on one thread, 2.2 ms on two. N may be 0.
        """
        _check_crops(crops)
        count = len(crops)
        landmarks_px = np.empty((count, LANDMARKS_COUNT, 3), np.float32)
        presence_logit = np.empty(count, np.float32)
        with self._lock:
            for row, crop in enumerate(crops):
                landmarks_px[row], presence_logit[row] = self._run_landmarks(crop)
        presence = (1.0 / (1.0 + np.exp(-presence_logit))).astype(np.float32)
        return FaceMesh(landmarks_px, presence, self.blendshapes_of(landmarks_px))

    def blendshapes_of(self, landmarks_px: NDArray[np.float32]) -> NDArray[np.float32]:
        """Run only the blendshape network: landmarks [N, 478, 3] -> channels [N, 52]."""
        blendshapes = np.empty((len(landmarks_px), BLENDSHAPES_COUNT), np.float32)
        with self._lock:
            for row, points in enumerate(landmarks_px):
                blendshapes[row] = self._run_blendshapes(points)
        return blendshapes

    def _run_landmarks(self, crop: NDArray[np.uint8]) -> tuple[NDArray[np.float32], float]:
        net = self._landmarks
        net.set_tensor(net.get_input_details()[0]["index"], crop[None].astype(np.float32) / 255.0)
        net.invoke()
        points, flag = (net.get_tensor(out["index"]) for out in net.get_output_details()[:2])
        return points.reshape(LANDMARKS_COUNT, 3), float(flag.reshape(()))

    def _run_blendshapes(self, points: NDArray[np.float32]) -> NDArray[np.float32]:
        net = self._blendshapes
        subset = np.ascontiguousarray(points[BLENDSHAPE_LANDMARKS, :2])[None]
        net.set_tensor(net.get_input_details()[0]["index"], subset)
        net.invoke()
        channels = net.get_tensor(net.get_output_details()[0]["index"])
        return np.asarray(channels, np.float32).reshape(BLENDSHAPES_COUNT)


def _interpreter(model_bytes: bytes, threads_count: int) -> Interpreter:
    with without_notes():
        interpreter = Interpreter(model_content=model_bytes, num_threads=threads_count)
        interpreter.allocate_tensors()
    return interpreter


def _check_crops(crops: NDArray[np.uint8]) -> None:
    wanted = (CROP_SIZE_PX, CROP_SIZE_PX, 3)
    if crops.dtype != np.uint8 or crops.ndim != 4 or crops.shape[1:] != wanted:
        raise ValueError(
            f"face mesh: crops {crops.dtype} {crops.shape} given, "
            f"uint8 (N, {CROP_SIZE_PX}, {CROP_SIZE_PX}, 3) needed"
        )
