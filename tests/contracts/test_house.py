"""The house rules hold everywhere: sizes, docstrings, layers, no loose ends, a light command line.

Method: the sources are parsed, not imported; each rule is first shown to catch its breach.
"""

import ast
import os
import subprocess
import sys
import time

import pytest

from tests.contracts import house
from tests.contracts.house import REPOSITORY, shown

TREES = {path: ast.parse(path.read_text(encoding="utf-8")) for path in house.sources()}
HEAVY = ("torch", "ray", "polars", "cv2", "deltalake", "av")
HELP_S_MAX = 1.0


def run(code: str, cwd=REPOSITORY) -> subprocess.CompletedProcess[str]:
    return subprocess.run([sys.executable, "-c", code], cwd=cwd, capture_output=True, text=True)


def test_the_rooms_are_found():
    assert len(TREES) > 50
    assert {path.relative_to(REPOSITORY).parts[0] for path in TREES} >= {"schemas", "pipeline"}


def test_no_function_is_longer_than_the_limit():
    found = [
        f"{shown(path, line)} {name} has {length} lines"
        for path, tree in TREES.items()
        for line, name, length in house.long_functions(tree)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(("lines", "is_long"), [(70, False), (71, True)])
def test_a_function_beyond_the_limit_is_caught(lines, is_long):
    source = "def f():\n    '''Doc.'''\n" + "    x = 1\n" * lines
    assert bool(house.long_functions(ast.parse(source))) is is_long


def test_no_file_is_longer_than_the_limit():
    lengths = {path: len(path.read_text(encoding="utf-8").splitlines()) for path in TREES}
    found = [f"{shown(p)} has {n} lines" for p, n in lengths.items() if n > house.FILE_LINES_MAX]
    assert not found, "\n".join(found)


def test_every_module_says_what_it_is():
    found = [shown(path) for path, tree in TREES.items() if not ast.get_docstring(tree)]
    assert not found, "\n".join(found)


def test_every_public_thing_of_the_rooms_is_documented():
    found = [
        f"{shown(path, line)} {name}"
        for path, tree in TREES.items()
        if path.relative_to(REPOSITORY).parts[0] != "tests"
        for line, name in house.undocumented(tree)
    ]
    assert not found, "\n".join(found)


def test_an_undocumented_function_class_or_method_is_caught():
    source = "def f(): ...\nclass C:\n    def m(self): ...\n    def _p(self): ...\ndef _g(): ..."
    assert [name for _, name in house.undocumented(ast.parse(source))] == ["f", "C", "m"]


def test_no_text_names_a_folder_of_somebodys_machine():
    found = [f"{shown(p)}: {house.machine_paths(t)}" for p, t in house.texts()]
    found = [line for line in found if not line.endswith("[]")]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("parts", [("/wo", "rk/x"), ("/ro", "ot/x"), ("/ho", "me/anna/x")])
def test_a_machines_path_is_caught_and_a_relative_one_is_not(parts):
    assert house.machine_paths(f"see {''.join(parts)}")
    assert not house.machine_paths(f"see net{''.join(parts)[1:]} and docs{''.join(parts)}")


def test_nothing_is_marked_as_unfinished():
    found = [f"{shown(p)}: {house.loose_ends(t)}" for p, t in house.texts() if house.loose_ends(t)]
    assert not found, "\n".join(found)


def test_a_mark_of_unfinished_work_is_caught():
    assert house.loose_ends("# TO" + "DO: later")
    assert not house.loose_ends("a todo list")


LINT = (
    "import sys; from importlinter.cli import lint_imports; sys.exit(lint_imports(no_cache=True))"
)


def test_the_layers_hold():
    done = run(LINT)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 kept, 0 broken" in done.stdout


@pytest.mark.parametrize(
    ("room", "line"),
    [
        ("operators", "import time"), ("operators", "import redis"), ("schemas", "import socket"),
        ("operators", "import serving"), ("serving", "import operators"),
        ("schemas", "import pipeline"), ("serving", "import pipeline"),
    ],
)  # fmt: skip
def test_an_arrow_that_points_up_is_caught(tmp_path, room, line):
    text = (REPOSITORY / "pyproject.toml").read_text(encoding="utf-8")
    begin = text.index("[tool.importlinter]")
    rules = text[begin : text.index("[tool.pytest", begin)]
    (tmp_path / "pyproject.toml").write_text(rules)
    for name in ("schemas", "operators", "serving", "pipeline"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "__init__.py").write_text(f"{line}\n" if name == room else "")
    done = run(LINT, cwd=tmp_path)
    assert done.returncode == 1
    assert "BROKEN" in done.stdout


def test_help_imports_nothing_heavy_and_comes_at_once():
    code = (
        "import sys; sys.argv = ['facestate', '--help']\n"
        "from pipeline.cli.main import main\n"
        "try: main()\n"
        "finally: print('LOADED', *sorted({name.split('.')[0] for name in sys.modules}))"
    )
    took_s = []
    for _ in range(3):
        began = time.monotonic()
        done = run(code)
        took_s.append(time.monotonic() - began)
        assert done.returncode == 0, done.stderr
    assert "Usage" in done.stdout
    loaded = set(done.stdout.rsplit("LOADED", 1)[1].split())
    assert "click" in loaded
    assert not loaded & set(HEAVY)
    busy = os.getloadavg()[0] / (os.cpu_count() or 1)
    assert min(took_s) < HELP_S_MAX * max(1.0, busy), f"{took_s} s at load {busy:.1f}"
