from pathlib import Path

import numpy as np
import pytest

from menura.backends.registry import load_encoder
from menura.encoders.joined import JoinedEncoder
from menura.errors import BackendError, ConfigError
from menura.pretrain.settings import PretrainSettings
from menura.pretrain.train import pretrain
from menura.types import Recording

CLIP = Recording(np.random.default_rng(0).standard_normal((1, 8000)).astype(np.float32), 8000)


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    tiny = PretrainSettings(steps=1, pairs=4, widths=(4, 8), layers=1, sample_rate=8000)
    return pretrain(tiny, tmp_path_factory.mktemp("encoder"))


def test_a_file_names_the_trained_encoder_in_it(trained: Path) -> None:
    encoder = load_encoder(str(trained))
    assert encoder.name == "learned"
    assert encoder.embed([CLIP]).shape == (1, encoder.dim)


def test_several_encoders_stand_side_by_side(trained: Path) -> None:
    parts = [load_encoder("acoustic"), load_encoder(str(trained))]
    joined = load_encoder(f"acoustic+{trained}")
    assert joined.name == "acoustic+learned"
    assert joined.sample_rate == 32_000
    assert joined.dim == sum(part.dim for part in parts)
    np.testing.assert_array_equal(joined.embed([CLIP]), np.hstack([part.embed([CLIP]) for part in parts]))
    assert joined.embed([]).shape == (0, joined.dim)


def test_the_identity_changes_with_the_parts_and_their_order(trained: Path) -> None:
    names = ["acoustic", str(trained), f"acoustic+{trained}", f"{trained}+acoustic"]
    assert len({load_encoder(name).fingerprint for name in names}) == 4


@pytest.mark.parametrize("name", ["acoustic+", "acoustic+clap", "nowhere.safetensors"])
def test_a_part_that_is_not_there_is_refused(name: str) -> None:
    with pytest.raises(BackendError):
        load_encoder(name)


def test_no_encoder_at_all_is_refused() -> None:
    with pytest.raises(ConfigError, match="no encoder is named"):
        JoinedEncoder([])
