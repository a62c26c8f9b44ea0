"""What every command of the benchmarks keeps."""

import subprocess
import sys

import pytest

from benchmarks.__main__ import COMMANDS, loaded
from tests.support.benchmarks.command_line import ROOT


def test_every_module_of_a_command_is_on_the_command_line() -> None:
    files = {(path.parent.name, path.stem) for path in (ROOT / "benchmarks").glob("*/*_command.py")}
    assert files == {(folder, f"{name}_command") for name, folder in COMMANDS.items()}


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_teaches_with_an_example(name: str) -> None:
    assert f"Example: python -m benchmarks {name} " in (loaded(name).help or "")


def test_help_loads_no_networks_library() -> None:
    code = "import sys; from benchmarks.__main__ import app; app(['--help'], standalone_mode=False); "
    code += "print({'onnxruntime', 'cv2', 'numpy', 'pydantic'} & sys.modules.keys())"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout.strip().endswith("set()")
    assert "Time a lane from a frame's capture" in done.stdout
