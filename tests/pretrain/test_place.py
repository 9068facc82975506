"""One process or several, on a device."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
import torch

from menura.errors import BackendError, ConfigError
from menura.pretrain.batches import BatchMaker
from menura.pretrain.place import HERE, Place, device_named
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.train import pretrain

TINY = PretrainSettings(voice="voice", steps=2, pairs=2, widths=(4, 8), layers=1, sample_rate=8000, processes=2)


def test_no_process_hears_the_sounds_of_another_one() -> None:
    heard = torch.cat([levels for process in range(2) for levels in BatchMaker(TINY, process=process)(0)])
    assert len(torch.unique(heard.flatten(1), dim=0)) == len(heard)
    alone = BatchMaker(TINY.model_copy(update={"processes": 1}))(0)
    assert torch.equal(alone[0], BatchMaker(TINY.model_copy(update={"processes": 1}), process=0)(0)[0])


def test_gradients_become_their_mean_over_the_processes() -> None:
    class Doubled:
        def reduce(self, flat: torch.Tensor, reduction: str) -> torch.Tensor:
            assert reduction == "mean"
            return 2 * flat

    weights = [torch.nn.Parameter(torch.zeros(3, 2)), torch.nn.Parameter(torch.zeros(4))]
    weights[0].grad, weights[1].grad = torch.ones(3, 2), torch.arange(4.0)
    Place(processes=2, accelerator=Doubled()).average(weights)
    assert torch.equal(weights[0].grad, torch.full((3, 2), 2.0))
    assert torch.equal(weights[1].grad, 2 * torch.arange(4.0))
    HERE.average(weights)
    assert torch.equal(weights[1].grad, 2 * torch.arange(4.0))


def test_another_number_of_processes_than_was_started_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="processes is 2, but 1 were started"):
        pretrain(TINY, tmp_path)


def test_a_device_that_is_not_there_is_named() -> None:
    assert device_named("cpu").writes
    with pytest.raises(BackendError, match="device 'abacus' cannot be used"):
        device_named("abacus")


def test_two_processes_train_one_encoder_and_go_on_after_a_stop(tmp_path: Path) -> None:
    pytest.importorskip("accelerate")
    (tmp_path / "tiny.json").write_text(
        '{"pairs": 2, "widths": [4, 8], "layers": 1, "voice": "voice"}', encoding="utf-8"
    )
    asked = [
        sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc_per_node", "2", "--no_python",
        str(Path(sys.executable).with_name("menura")), "pretrain", "-o", str(tmp_path / "out"),
        "-c", str(tmp_path / "tiny.json"), "--steps", "2", "--workers", "0", "--accelerate", "--json",
    ]  # fmt: skip
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    runs = [subprocess.run(asked, env=environment, capture_output=True, text=True) for _ in range(2)]
    assert [run.returncode for run in runs] == [0, 0], runs[0].stderr
    assert json.loads(runs[0].stdout)["settings"]["processes"] == 2  # printed by one of them alone
    assert runs[0].stdout == runs[1].stdout
