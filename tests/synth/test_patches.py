from pathlib import Path
from typing import Any

import pytest
import torch

from menura.errors import ConfigError
from menura.synth import DESIGNS, VOICES, Synthesizer, draw_sounds, parametric
from menura.synth.captions import caption
from menura.synth.patches import from_patch, load_patch, save_patch, to_patch

SPACE = Synthesizer(DESIGNS["voice"], duration_s=0.1, sample_rate=8000)


@pytest.mark.parametrize("design", [*VOICES.values(), parametric(sine=1, square_saw=0)], ids=str)
def test_a_saved_sound_is_the_same_sound(design: Any, tmp_path: Path) -> None:
    made = Synthesizer(design, duration_s=0.1, sample_rate=8000)
    sounds = draw_sounds(made.space, seed=5, keys=range(20))
    for position in range(len(sounds)):
        save_patch(made, sounds, position, tmp_path / "patch.json")
        again, sound = load_patch(tmp_path / "patch.json")
        assert again == made
        assert torch.equal(sound.parameters[0], sounds.parameters[position])
        assert torch.equal(again.render(sound)[0], made.render(sounds)[position])


def changed(**entries: Any) -> dict[str, Any]:
    patch = to_patch(SPACE, draw_sounds(SPACE.space, seed=0, keys=[0])) | entries
    return {name: value for name, value in patch.items() if value is not None}


@pytest.mark.parametrize(
    ("patch", "message"),
    [
        (changed(noise_seed=None), r"missing: \['noise_seed'\]"),
        (changed(colour="red"), r"unknown: \['colour'\]"),
        (changed(noise_seed=1.5), "an integer under noise_seed"),
        (changed(parameters=[1, 2]), "needs objects under voice and parameters"),
        (changed(voice={"sources": ["sine"]}), "cannot be built"),
        (changed(voice={"name": "x", "sources": ["choir"], "num_modulators": 1}), "expected at least one of sine"),
        (changed(duration_s="long"), "cannot be built"),
        (changed(duration_s=float("nan")), "cannot be built"),
        (changed(parameters={"mixer.bass": 1}), "no such parameter: mixer.bass"),
    ],
)
def test_a_patch_that_says_something_else_is_refused(patch: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        from_patch(patch)


@pytest.mark.parametrize("text", ["{", "[1]", ""])
def test_a_file_that_is_no_patch_is_refused(text: str, tmp_path: Path) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(ConfigError, match=r"x\.json"):
        load_patch(tmp_path / "x.json")


def test_the_caption_of_a_scene_is_written_and_not_read() -> None:
    made = Synthesizer(VOICES["scene"], duration_s=0.1, sample_rate=8000)
    patch = to_patch(made, draw_sounds(made.space, seed=0, keys=[0]))
    _, sound = from_patch(patch)
    assert patch["caption"] == caption(patch["parameters"], duration_s=0.1)
    assert torch.equal(from_patch(patch | {"caption": "a lie"})[1].parameters, sound.parameters)
    assert "caption" not in changed()
