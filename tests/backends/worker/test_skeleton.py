from __future__ import annotations

import ast
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import soundfile

from menura.backends.worker import skeleton
from menura.backends.worker.check import check_worker
from menura.backends.worker.description import read_worker
from menura.backends.worker.skeleton import TEMPLATES, write_skeleton
from menura.errors import BackendLostError, ConfigError

SDK = Path(skeleton.__file__).parent / "templates" / "menura_worker.py"
NOTICE = "Not run with real weights where it was written"

STUBS = {
    "tangoflux": {
        "tangoflux.py": """
import random, numpy
class TangoFluxInference:
    def __init__(self, name, device="cpu"):
        assert name == "declare-lab/TangoFlux"
        class config: sampling_rate = 44100
        class vae: pass
        self.vae = vae
        self.vae.config = config
    def generate(self, prompt, steps=25, duration=10, guidance_scale=4.5):
        print("Generating...", steps)
        assert (prompt, steps, guidance_scale) == ("a dog barks twice", 50, 4.5) and isinstance(duration, int)
        return numpy.random.uniform(-1, 1, (2, duration * 44100)).astype("float32")
"""
    },
    "audiogen": {
        "audiocraft/__init__.py": "",
        "audiocraft/models.py": """
import random, numpy
class AudioGen:
    sample_rate, frame_rate = 16000, 50
    @staticmethod
    def get_pretrained(name="facebook/audiogen-medium", device=None):
        assert name == "facebook/audiogen-medium" and device is None
        return AudioGen()
    def set_generation_params(self, use_sampling=True, top_k=250, top_p=0.0, temperature=1.0, duration=10.0,
                              cfg_coef=3.0, two_step_cfg=False, extend_stride=2):
        assert (top_k, cfg_coef, temperature) == (250, 3.0, 1.0)
        self.duration = duration
    def generate(self, descriptions, progress=False):
        assert descriptions == ["a dog barks twice"]
        return numpy.random.uniform(-1, 1, (1, 1, int(self.duration * 50) * 320)).astype("float32")
""",
    },
    "stable-audio-3": {
        "stable_audio_3.py": """
import torch
class StableAudioModel:
    @staticmethod
    def from_pretrained(model_name_or_path, device=None, model_half=True):
        assert (model_name_or_path, device, model_half) == ("small-sfx", None, True)
        made = StableAudioModel()
        class model: sample_rate = 44100
        made.model = model
        return made
    def generate(self, prompt=None, negative_prompt=None, duration=120, steps=8, cfg_scale=1.0, batch_size=1, seed=-1,
                 init_audio=None, init_noise_level=1.0):
        assert (prompt, negative_prompt, steps, cfg_scale) == ("a dog barks twice", None, 8, 1.0) and seed >= 0
        torch.manual_seed(seed)
        noise = torch.rand(batch_size, 2, int(duration * 44100))
        if init_audio is not None:
            rate, parent = init_audio
            assert rate == 44100 and parent.shape == (1, int(duration * 44100))
            noise = init_noise_level * noise + (1 - init_noise_level) * parent
        return noise.clamp(-1, 1)
"""
    },
}
"""The public functions that the ready workers call, with the signatures that their packages publish."""


@pytest.mark.parametrize("template", TEMPLATES)
def test_every_template_writes_a_worker_that_can_be_planned_with(template: str, tmp_path: Path) -> None:
    written = write_skeleton(tmp_path / "new" / "worker", template)
    names = {path.name for path in written}
    assert names == {"worker.toml", "worker.py", "menura_worker.py", "requirements.txt", "README.md"}
    worker = read_worker(tmp_path / "new" / "worker")
    assert worker.file.worker.licence
    readme = (tmp_path / "new" / "worker" / "README.md").read_text()
    assert "menura worker check ." in readme
    if template != "blank":
        assert NOTICE in readme, "nobody may take an untried worker for a tried one"
        assert worker.file.worker.setup
        assert len((tmp_path / "new" / "worker" / "worker.py").read_text().splitlines()) <= 60


def test_a_worker_keeps_its_files_and_gets_a_newer_sdk(tmp_path: Path) -> None:
    write_skeleton(tmp_path / "worker")
    (tmp_path / "worker" / "worker.py").write_text("# mine\n")
    (tmp_path / "worker" / "menura_worker.py").write_text("# old\n")
    assert [path.name for path in write_skeleton(tmp_path / "worker")] == ["menura_worker.py"]
    assert (tmp_path / "worker" / "worker.py").read_text() == "# mine\n"
    assert (tmp_path / "worker" / "menura_worker.py").read_text() == SDK.read_text()


@pytest.mark.parametrize("after", range(5))
def test_a_stopped_command_can_be_started_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, after: int) -> None:
    written: list[Path] = []

    def stops(path: Path, data: bytes) -> None:
        if len(written) == after:
            raise KeyboardInterrupt
        written.append(path)
        path.write_bytes(data)

    monkeypatch.setattr(skeleton, "write_bytes", stops)
    with pytest.raises(KeyboardInterrupt):
        write_skeleton(tmp_path / "a")
    monkeypatch.undo()
    assert not (tmp_path / "a" / "worker.toml").exists(), "it says that all is there"
    write_skeleton(tmp_path / "a")
    write_skeleton(tmp_path / "b")
    found, whole = ({path.name: path.read_bytes() for path in (tmp_path / name).iterdir()} for name in "ab")
    assert found == whole


def test_nothing_is_written_over(tmp_path: Path) -> None:
    (tmp_path / "thesis.txt").write_text("mine")
    with pytest.raises(ConfigError, match=r"is not empty and holds no worker\.toml"):
        write_skeleton(tmp_path)
    with pytest.raises(ConfigError, match="is a file"):
        write_skeleton(tmp_path / "thesis.txt")
    with pytest.raises(ConfigError, match=r"no template 'theremin'\. Known: blank, "):
        write_skeleton(tmp_path / "new", "theremin")
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.txt"]


def test_the_blank_worker_works_as_it_is(tmp_path: Path) -> None:
    write_skeleton(tmp_path / "worker")
    found = check_worker(tmp_path / "worker", duration_s=0.5, twice=True)
    assert found.ready.name == "blank"
    assert found.repeatable is True
    assert found.candidate.waveform.shape == (1, 8000)
    assert found.chatter == ()
    assert any("revision" in hint for hint in found.hints)


def test_a_worker_that_draws_by_itself_is_found_out(tmp_path: Path) -> None:
    write_skeleton(tmp_path / "worker")
    (tmp_path / "worker" / "worker.py").write_text(
        "import menura_worker, os\n"
        "def generate(model, request):\n"
        "    print('making one')\n"
        "    return [byte / 255 for byte in os.urandom(8000)], 16000\n"
        "menura_worker.run(lambda settings: None, generate)\n"
    )
    found = check_worker(tmp_path / "worker", duration_s=0.5, twice=True)
    assert found.repeatable is False
    assert any("seed every random state" in hint for hint in found.hints)
    assert found.chatter == (), "the SDK sends what is printed to the log"


@pytest.mark.parametrize("template", STUBS)
def test_a_ready_worker_calls_its_package_as_that_publishes_it(template: str, tmp_path: Path) -> None:
    folder = tmp_path / "worker"
    write_skeleton(folder, template)
    for name, text in STUBS[template].items():
        (folder / name).parent.mkdir(exist_ok=True)
        (folder / name).write_text(text)
    _with_this_python(folder)
    strength = 0.5 if template == "stable-audio-3" else None
    found = check_worker(folder, duration_s=1.3, strength=strength, twice=True)
    assert found.candidate.waveform.shape == (found.ready.channels, round(1.3 * found.ready.sample_rate))
    assert found.repeatable is True, "the SDK seeds numpy and torch"


@pytest.mark.parametrize("template", STUBS)
def test_a_ready_worker_without_its_package_says_what_to_install(template: str, tmp_path: Path) -> None:
    write_skeleton(tmp_path / "worker", template)
    with pytest.raises(BackendLostError, match=r"has no program .*\.venv/bin/python\. Set it up: cd .* && python3"):
        check_worker(tmp_path / "worker")
    _with_this_python(tmp_path / "worker")
    with pytest.raises(BackendLostError, match=r"cannot start: ModuleNotFoundError: .*what requirements\.txt lists"):
        check_worker(tmp_path / "worker")


def test_the_sdk_is_written_for_python_3_8_and_needs_nothing_else() -> None:
    tree = ast.parse(SDK.read_text(), feature_version=(3, 8))
    imported = {name.name for node in tree.body if isinstance(node, ast.Import | ast.ImportFrom) for name in node.names}
    assert imported <= set(sys.stdlib_module_names)
    assert "SPDX-License-Identifier: Apache-2.0" in SDK.read_text()


@pytest.mark.parametrize("channels", [1, 2])
def test_files_of_the_sdk_keep_every_sample(channels: int, tmp_path: Path) -> None:
    """Written by the SDK alone and read by libsndfile, and the other way round; with and without numpy."""
    samples = np.random.default_rng(0).uniform(-1, 1, (channels, 1001)).astype(np.float32)
    soundfile.write(tmp_path / "given.wav", samples.T, 22_050, subtype="FLOAT")
    code = (
        "import json, sys, menura_worker as sdk\n"
        "samples = sdk._read_wav('given.wav')\n"
        "assert isinstance(samples, list), 'numpy was to be hidden'\n"
        "sdk._write_wav('made.wav', sdk._channels(samples), 22050)\n"
        "sdk._write_wav('one.wav', sdk._channels(samples[0]), 22050)\n"
    )
    (tmp_path / "numpy.py").write_text("raise ImportError('hidden')\n")
    (tmp_path / "menura_worker.py").write_text(SDK.read_text())
    subprocess.run([sys.executable, "-c", code], cwd=tmp_path, check=True)
    made, rate = soundfile.read(tmp_path / "made.wav", dtype="float32", always_2d=True)
    np.testing.assert_array_equal(made.T, samples)
    assert rate == 22_050
    np.testing.assert_array_equal(soundfile.read(tmp_path / "one.wav", dtype="float32")[0], samples[0])


@pytest.mark.parametrize(
    ("made", "reason"),
    [
        ("[[[0.0]]], 16000", "TypeError"),
        ("__import__('array').array('f', []), 16000", "holds no samples"),
        ("[[0.0] * 8000, [0.0]], 16000", "channels have different lengths"),
        ("[0.1] * 8000, 8000", "gave clip-.*.wav at 8000 Hz, but said it makes clips at 16000 Hz"),
        ("None", "TypeError: 'NoneType' object is not subscriptable"),
    ],
)
def test_what_an_author_gets_wrong_is_said_in_words(made: str, reason: str, tmp_path: Path) -> None:
    write_skeleton(tmp_path / "worker")
    (tmp_path / "worker" / "worker.py").write_text(
        f"import menura_worker\nmenura_worker.run(lambda settings: None, lambda model, request: ({made}))\n"
    )
    with pytest.raises(Exception, match=reason):
        check_worker(tmp_path / "worker", duration_s=0.5)


def test_only_the_loaded_model_may_know_its_revision(tmp_path: Path) -> None:
    write_skeleton(tmp_path / "worker")
    (tmp_path / "worker" / "worker.py").write_text(
        "import menura_worker\n"
        "menura_worker.run(lambda settings: None, lambda model, request: ([0.1] * 8000, 16000, {'steps': 8}),\n"
        "                  describe=lambda model: {'revision': 'f00'})\n"
    )
    found = check_worker(tmp_path / "worker", duration_s=0.5)
    assert found.ready.revision == "f00"
    assert found.candidate.facts["said"] == {"steps": 8}
    assert any("pin the weights: revision = 'f00'" in hint for hint in found.hints)


def _with_this_python(folder: Path) -> None:
    text = (folder / "worker.toml").read_text()
    assert '".venv/bin/python"' in text
    (folder / "worker.toml").write_text(text.replace('".venv/bin/python"', json.dumps("{python}")))
