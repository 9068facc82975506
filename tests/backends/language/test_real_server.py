"""The client against a real inference server: `transformers serve` with a tiny Llama that is built here.

Random weights write no JSON, so what is shown is the transport, and that the error names what came back.
"""

from __future__ import annotations

import importlib.util
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest
from fake_server import question

from menura.backends.chat import ChatModel
from menura.backends.language.faults import NoFurtherAnswersError
from menura.config import LanguageModelSettings
from menura.errors import BackendError

_NEEDS = ("transformers", "fastapi", "uvicorn", "openai", "accelerate")
_MISSING = [name for name in _NEEDS if importlib.util.find_spec(name) is None]
pytestmark = pytest.mark.skipif(
    bool(_MISSING), reason=f"a real server needs {', '.join(_MISSING)}: pip install 'transformers[serving]'"
)

_START_S = 300
_CHAT = "{% for m in messages %}{{ m['role'] }}: {{ m['content'] }}\n{% endfor %}assistant:"
_SERVE = "from transformers.cli.transformers import main; main()"


def write_tiny_llama(folder: Path) -> None:
    """Two layers of width 16 with random weights, and a tokenizer that knows the letters one by one."""
    import torch
    from tokenizers import Tokenizer, decoders, pre_tokenizers
    from tokenizers.models import BPE
    from transformers import GenerationConfig, LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast

    letters = sorted(pre_tokenizers.ByteLevel.alphabet())
    vocabulary = {token: place for place, token in enumerate(["<pad>", "<s>", "</s>", *letters])}
    letter_by_letter = Tokenizer(BPE(vocab=vocabulary, merges=[]))
    letter_by_letter.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    letter_by_letter.decoder = decoders.ByteLevel()
    tokenizer = PreTrainedTokenizerFast(
        tokenizer_object=letter_by_letter, pad_token="<pad>", bos_token="<s>", eos_token="</s>"
    )
    tokenizer.chat_template = _CHAT
    tokenizer.save_pretrained(folder)
    config = LlamaConfig(
        vocab_size=len(vocabulary),
        hidden_size=16,
        intermediate_size=32,
        num_hidden_layers=2,
        num_attention_heads=2,
        max_position_embeddings=4096,
        initializer_range=1.0,  # with the usual 0.02 what is said hardly depends on what was asked
        pad_token_id=0,
        bos_token_id=1,
        eos_token_id=2,
    )
    torch.manual_seed(0)
    model = LlamaForCausalLM(config)
    # Without do_sample in the model's own file, the server ignores temperature and seed.
    model.generation_config = GenerationConfig(do_sample=True, pad_token_id=0, bos_token_id=1, eos_token_id=2)
    model.save_pretrained(folder)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """Base address and model name of the server; it is ended by its process id."""
    folder = tmp_path_factory.mktemp("llama")
    write_tiny_llama(folder)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    home = tmp_path_factory.mktemp("home")
    log = (home / "log").open("w")
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(home), "OMP_NUM_THREADS": "1"}
    command = [sys.executable, "-c", _SERVE, "serve", str(folder)]
    process = subprocess.Popen(
        [*command, "--host", "127.0.0.1", "--port", str(port), "--device", "cpu"],
        env=environment,
        stdout=log,
        stderr=subprocess.STDOUT,
    )
    try:
        end = time.monotonic() + _START_S
        while not _is_well(port):
            if process.poll() is not None or time.monotonic() > end:
                pytest.fail(f"the server did not start: {(home / 'log').read_text()[-2000:]}")
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        process.send_signal(signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
        log.close()


def _is_well(port: int) -> bool:
    try:
        return httpx.get(f"http://127.0.0.1:{port}/health", timeout=5, trust_env=False).status_code == 200
    except httpx.HTTPError:
        return False


def client(url: str, model: str, cache: Path, **changes: object) -> ChatModel:
    fields = {"url": url, "model": model, "cache": str(cache), "max_tokens": 12, "repairs": 1, "retries": 0}
    return ChatModel(LanguageModelSettings.model_validate(fields | changes))


def test_a_real_server_is_asked_and_its_nonsense_is_quoted(served: tuple[str, str], tmp_path: Path) -> None:
    model = client(*served, tmp_path)
    with pytest.raises(BackendError, match=r"gave no valid answer in 2 tries\. Wrong with the last one: ") as caught:
        model.answer(question(), seed=1)
    assert not isinstance(caught.value, NoFurtherAnswersError)
    assert "cut off at the 12 tokens of max_tokens" in str(caught.value)
    spent = model.spent
    assert (spent.calls, spent.assumed_calls) == (2, 0)
    assert spent.usage.completion == 24
    assert not list(tmp_path.rglob("*.json"))
    model.close()


def test_the_upper_bound_holds_for_a_real_tokenizer_that_counts_every_byte(
    served: tuple[str, str], tmp_path: Path
) -> None:
    from menura.backends.language.asking import Dialect, body, conversation, upper_bound

    model = client(*served, tmp_path, repairs=0)
    settings = LanguageModelSettings(url=served[0], model=served[1], max_tokens=12)
    asked = question("rüin 🌧")
    with pytest.raises(BackendError):
        model.answer(asked, seed=1)
    used = model.spent.usage.prompt
    bound = upper_bound(body(conversation(asked), asked.answer, settings, Dialect(), seed=1), settings).prompt
    assert sum(len(message.text.encode()) for message in conversation(asked)) < used <= bound
    model.close()


def test_seed_and_message_reach_the_model(served: tuple[str, str], tmp_path: Path) -> None:
    def said(about: str, seed: int) -> str:
        model = client(*served, tmp_path, repairs=0, temperature=1.0)
        with pytest.raises(BackendError) as caught:
            model.answer(question(about), seed=seed)
        model.close()
        return str(caught.value)

    assert said("rain", 1) == said("rain", 1) != said("rain", 2)
    assert said("wind in tall trees, and a bell far away in the valley below them", 1) != said("rain", 1)


def test_another_name_of_the_model_is_answered_with_the_servers_own_words(
    served: tuple[str, str], tmp_path: Path
) -> None:
    url, _ = served
    with pytest.raises(BackendError, match=r"answers 4\d\d .*nobody/nothing"):
        client(url, "nobody/nothing", tmp_path).answer(question(), seed=1)
