"""Goal: what the documents show is there and works.

Method: follow the links of every Markdown file, run the README's Python on a lake, and hold the
README's commands against the command line.
"""

import re
import shlex
from pathlib import Path

import pytest

from pipeline.cli.main import COMMANDS, group
from tests.contracts.house import REPOSITORY
from tests.rows import two_party_lake, write_lake

README = (REPOSITORY / "README.md").read_text()
DOCUMENTS = [REPOSITORY / "README.md", *sorted((REPOSITORY / "docs").rglob("*.md"))]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_every_linked_file_exists(document: Path) -> None:
    links = re.findall(r"\]\(([^)#]+?)(?:#[^)]*)?\)", document.read_text())
    local = [link for link in links if "://" not in link]
    absent = [link for link in local if not (document.parent / link).exists()]
    assert not absent


def test_no_placeholder_is_left() -> None:
    assert not re.findall(r"^[A-Z]{4,}$", README, re.MULTILINE)


def test_the_readmes_python_runs_as_it_stands(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    write_lake(tmp_path / "facestate-data", **two_party_lake().tables)
    monkeypatch.chdir(tmp_path)
    blocks = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    assert blocks
    for block in blocks:
        exec(compile(block, "README.md", "exec"), {})  # noqa: S102, our own text
    assert "seconds" in capsys.readouterr().out


def readme_commands() -> list[list[str]]:
    lines = re.findall(r"^\$ (facestate .*?)(?:\s+#.*)?$", README, re.MULTILINE)
    return [shlex.split(line)[1:] for line in lines]


@pytest.mark.parametrize("words", readme_commands(), ids=" ".join)
def test_every_command_of_the_readme_is_understood(words: list[str]) -> None:
    assert words[0] in COMMANDS
    command = group.get_command(None, words[0])  # type: ignore[arg-type]
    assert command is not None
    command.make_context(words[0], list(words[1:]))
