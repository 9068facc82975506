"""One thread for all arithmetic."""

import os
import subprocess
import sys

import torch

from menura.pipeline.threads import one_thread


def test_a_torch_that_comes_in_later_has_one_thread_too() -> None:
    code = "from menura.pipeline.threads import one_thread\nwith one_thread():\n import torch\n print(torch.get_num_threads())"  # noqa: E501
    environment = {name: value for name, value in os.environ.items() if name != "OMP_NUM_THREADS"}
    found = subprocess.run([sys.executable, "-c", code], env=environment, capture_output=True, text=True, check=True)
    assert found.stdout.strip() == "1"


def test_what_was_set_before_comes_back(monkeypatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    before = torch.get_num_threads()
    torch.set_num_threads(2)
    try:
        with one_thread():
            assert torch.get_num_threads() == 1
            assert os.environ["OMP_NUM_THREADS"] == "1"
        assert torch.get_num_threads() == 2
        assert os.environ["OMP_NUM_THREADS"] == "3"
    finally:
        torch.set_num_threads(before)
