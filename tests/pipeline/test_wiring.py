"""Goal: what the settings say of cameras reaches the source, and imports can ask for less threads.

Method: real parts built from settings; no camera is opened.
"""

from pathlib import Path

from operators.containers import DECODER_THREADS
from pipeline.settings import load_settings
from pipeline.sources.live import webcam_options
from pipeline.wiring import wire


def test_settings_of_cameras_and_threads_reach_the_source(weights: Path, tmp_path: Path) -> None:
    overrides = {"output.folder": tmp_path / "out", "live.webcam_size": "1280x720",
                 "live.webcam_fps": 25, "live.read_timeout_s": 2.0,
                 "live.reconnect_attempts": 7}  # fmt: skip
    settings = load_settings(overrides=overrides, environ={}, folder=tmp_path)
    with wire(settings, is_live_wanted=False, decoder_threads=1) as wiring:
        options = wiring.source_options
    assert (options.decoder_threads, options.timeout_s, options.reconnect_attempts_max) == (1, 2, 7)
    asked = webcam_options(options)
    assert (asked["video_size"], asked["framerate"]) == ("1280x720", "25")


def test_without_settings_a_camera_chooses_for_itself(weights: Path, tmp_path: Path) -> None:
    settings = load_settings(environ={}, folder=tmp_path)
    with wire(settings, is_live_wanted=False) as wiring:
        assert webcam_options(wiring.source_options) == {"input_format": "mjpeg"}
        assert wiring.source_options.decoder_threads == DECODER_THREADS
