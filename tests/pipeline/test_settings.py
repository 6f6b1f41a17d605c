"""Goal: settings come from four sources in a fixed order, and what is wrong is named where it is.

Method: files in a temporary folder, the environment as a dict; every message is one line.
"""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from pipeline.groups import GROUPS, Settings
from pipeline.settings import RESULT_GROUPS, allowed, load_settings, result_hash
from schemas.errors import SettingsError


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "facestate.toml"


def refusal(
    file: Path | None = None,
    *,
    overrides: dict[str, object] | None = None,
    environ: dict[str, str] | None = None,
) -> str:
    """Return the message with which the settings are refused; it is one line and exits 2."""
    with pytest.raises(SettingsError) as caught:
        load_settings(
            file, overrides=overrides, environ=environ or {}, folder=Path("/does/not/exist")
        )
    assert caught.value.exit_code == 2
    assert "\n" not in str(caught.value)
    return str(caught.value)


# Order of sources


def test_without_any_source_the_defaults_hold(tmp_path: Path) -> None:
    assert load_settings(environ={}, folder=tmp_path) == Settings()


def test_each_source_outdoes_the_one_before(file: Path, tmp_path: Path) -> None:
    file.write_text("[analysis]\nfps = 1\nmax_faces = 2\n[output]\ncommit_s = 3\n")
    environ = {"FACESTATE_ANALYSIS__FPS": "10", "FACESTATE_OUTPUT__COMMIT_S": "11"}
    found = load_settings(overrides={"analysis.fps": 12.5}, environ=environ, folder=tmp_path)
    assert (found.analysis.fps, found.output.commit_s, found.analysis.max_faces) == (12.5, 11, 2)
    assert found.output.commit_rows == Settings().output.commit_rows


def test_an_option_that_was_not_given_changes_nothing(tmp_path: Path) -> None:
    environ = {"FACESTATE_ANALYSIS__FPS": "10"}
    found = load_settings(overrides={"analysis.fps": None}, environ=environ, folder=tmp_path)
    assert found.analysis.fps == 10


def test_a_named_file_counts_instead_of_the_usual_one(file: Path, tmp_path: Path) -> None:
    file.write_text("[analysis]\nfps = 1\n")
    by_variable, by_option = tmp_path / "v.toml", tmp_path / "o.toml"
    by_variable.write_text("[analysis]\nfps = 2\n")
    by_option.write_text("[analysis]\nfps = 3\n")
    environ = {"FACESTATE_SETTINGS": str(by_variable)}
    assert load_settings(environ={}, folder=tmp_path).analysis.fps == 1
    assert load_settings(environ=environ, folder=tmp_path).analysis.fps == 2
    assert load_settings(by_option, environ=environ, folder=tmp_path).analysis.fps == 3


def test_an_empty_variable_is_not_set(tmp_path: Path) -> None:
    environ = {"FACESTATE_REDIS__URL": "", "FACESTATE_SETTINGS": ""}
    assert load_settings(environ=environ, folder=tmp_path) == Settings()


def test_variables_of_orchestrators_are_let_alone(tmp_path: Path) -> None:
    environ = {
        "FACESTATE_PORT": "tcp://10.0.0.1:80",
        "FACESTATE_REDIS_SERVICE_HOST": "10.0.0.2",
        "FACESTATE_WEIGHTS": "/w",
    }
    assert load_settings(environ=environ, folder=tmp_path) == Settings()


@given(st.floats(0.1, 120), st.integers(1, 32))
def test_text_of_the_environment_is_read_back_exactly(fps: float, faces: int) -> None:
    environ = {"FACESTATE_ANALYSIS__FPS": repr(fps), "FACESTATE_ANALYSIS__MAX_FACES": str(faces)}
    found = load_settings(environ=environ, folder=Path("/does/not/exist")).analysis
    assert (found.fps, found.max_faces) == (fps, faces)


def test_a_home_folder_in_the_output_folder_is_spelt_out(tmp_path: Path) -> None:
    found = load_settings(overrides={"output.folder": "~/x"}, environ={}, folder=tmp_path)
    assert found.output.folder == str(Path.home() / "x")


def test_a_path_on_the_command_line_is_taken_as_text(tmp_path: Path) -> None:
    found = load_settings(overrides={"output.folder": tmp_path}, environ={}, folder=tmp_path)
    assert found.output.folder == str(tmp_path)


# What is refused


def test_an_unknown_key_is_named_with_its_file_and_the_near_word(file: Path) -> None:
    file.write_text("[analysis]\nfsp = 3\n")
    text = refusal(file)
    assert str(file) in text
    assert "no key 'fsp', did you mean 'fps'?" in text


def test_an_unknown_group_is_named_with_the_near_word(file: Path) -> None:
    file.write_text("[anlysis]\nfps = 3\n")
    assert "no group 'anlysis', did you mean 'analysis'?" in refusal(file)


def test_an_unknown_variable_is_named_with_the_near_word() -> None:
    text = refusal(environ={"FACESTATE_OUTPUT__COMIT_S": "3"})
    assert "variable FACESTATE_OUTPUT__COMIT_S" in text
    assert "did you mean 'commit_s'?" in text


def test_a_variable_with_one_underscore_too_few_is_told_so() -> None:
    text = refusal(environ={"FACESTATE_ANALYSIS_MAX_FACES": "3"})
    assert "did you mean FACESTATE_ANALYSIS__MAX_FACES?" in text


def test_a_key_outside_any_group_is_told_its_group(file: Path) -> None:
    file.write_text("commit_s = 3\n")
    assert "put it under [output]" in refusal(file)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("fps = 0", "a number from 0.1 to 120"),
        ("fps = inf", "a number from 0.1 to 120"),
        ("fps = nan", "a number from 0.1 to 120"),
        ('fps = "5"', "a number from 0.1 to 120"),
        ("fps = true", "a number from 0.1 to 120"),
        ("fps = [5]", "a number from 0.1 to 120"),
        ("max_faces = 33", "a whole number from 1 to 32"),
        ("max_faces = 2.5", "a whole number from 1 to 32"),
        ("max_faces = true", "a whole number from 1 to 32"),
        ('model = "a/b"', "text (the scorer)"),
        ("model = 5", "text (the scorer)"),
    ],
)
def test_a_wrong_type_or_range_is_told_what_is_allowed(file: Path, line: str, words: str) -> None:
    file.write_text(f"[analysis]\n{line}\n")
    text = refusal(file)
    assert f"analysis.{line.split(maxsplit=1)[0]}" in text
    assert f"allowed is {words}" in text


def test_closed_sets_are_listed() -> None:
    assert "one of text, json" in refusal(environ={"FACESTATE_LOGS__FORMAT": "xml"})
    assert "one of default, EU" in refusal(overrides={"policy.jurisdiction": "UE"})


def test_every_key_can_say_what_is_allowed_and_has_a_description() -> None:
    for group, model in GROUPS.items():
        for key, field in model.model_fields.items():
            assert allowed(group, key)
            assert field.description, f"{group}.{key}"


def test_the_syntax_error_of_a_file_has_its_line(file: Path) -> None:
    file.write_text("[analysis]\nfps = 5\nmax_faces = \n")
    text = refusal(file)
    assert "line 3" in text
    assert str(file) in text


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"\xff\xfe[analysis]", "not UTF-8"),
        (b"#" * (1024 * 1024 + 1), "larger than 1 MB"),
        (b"a = " + b"[" * 50_000, "nested too deeply"),
        (b"[[analysis]]\nfps = 5\n", "in no group"),
        (b"[analysis]\nfps = 5\nfps = 6\n", "line 3"),
    ],
    ids=["encoding", "size", "depth", "list of tables", "key twice"],
)
def test_a_file_that_is_no_settings_file_is_refused(file: Path, content: bytes, words: str) -> None:
    file.write_bytes(content)
    assert words in refusal(file)


def test_a_named_file_that_is_missing_or_a_folder_is_refused(tmp_path: Path) -> None:
    assert "no such file" in refusal(tmp_path / "none.toml")
    assert "cannot be read" in refusal(tmp_path)
    assert "no such file" in refusal(environ={"FACESTATE_SETTINGS": str(tmp_path / "none.toml")})


def test_the_password_of_redis_is_shown_neither_in_errors_nor_in_the_settings(
    tmp_path: Path,
) -> None:
    assert "hunter2" not in refusal(environ={"FACESTATE_REDIS__URL": "http://:hunter2@h"})
    found = load_settings(overrides={"redis.url": "redis://:hunter2@h"}, environ={},
                          folder=tmp_path)  # fmt: skip
    assert found.redis.url == "redis://:hunter2@h"
    assert "hunter2" not in repr(found)


def test_settings_cannot_be_changed_and_take_no_unknown_keys() -> None:
    with pytest.raises(ValidationError):
        Settings().analysis.fps = 3
    with pytest.raises(ValidationError):
        Settings.model_validate({"analysis": {"fsp": 3}})


# The hash


def other_value(group: str, key: str) -> object:
    """Return a value of the key that is allowed and not its default."""
    chosen = {"jurisdiction": "EU", "model": "other", "folder": "other", "format": "json",
              "level": "debug", "url": "redis://h", "webcam_size": "1280x720",
              "webcam_fps": 25}  # fmt: skip
    default = getattr(getattr(Settings(), group), key)
    if key in chosen:
        return chosen[key]
    return default - 1 if default >= 20 else default + 1


def test_the_hash_changes_with_exactly_those_settings_that_change_results(tmp_path: Path) -> None:
    usual = result_hash(Settings())
    for group, model in GROUPS.items():
        for key in model.model_fields:
            overrides = {f"{group}.{key}": other_value(group, key)}
            changed = load_settings(overrides=overrides, environ={}, folder=tmp_path)
            assert changed != Settings()
            assert (result_hash(changed) != usual) == (group in RESULT_GROUPS), f"{group}.{key}"


def test_the_hash_does_not_depend_on_the_source_of_a_value(file: Path, tmp_path: Path) -> None:
    file.write_text("[analysis]\nfps = 5\n")
    assert result_hash(load_settings(environ={}, folder=tmp_path)) == result_hash(Settings())
    assert len(result_hash(Settings())) == 16
