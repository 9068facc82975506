"""Captions by audio language models of ``transformers``: they listen, read an instruction, and answer in words."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from menura.backends.weights.check import model_type
from menura.backends.weights.device import choose_device
from menura.backends.weights.hub import fetch
from menura.backends.weights.loading import load_part, load_whole
from menura.backends.weights.names import find_weights
from menura.backends.windows import windows_of
from menura.errors import BackendError
from menura.seeding import content_hash
from menura.types import Recording

__all__ = ["INSTRUCTION", "KINDS", "REQUIRES", "TransformersCaptioner", "one_line"]

REQUIRES = ("torch", "transformers")

INSTRUCTION = "Describe the sounds in this recording in one short sentence. Name only what can be heard."

KINDS = ("qwen2_audio", "audioflamingo3", "musicflamingo")
"""Kinds of models (``model_type``) that take audio and text in the way that is done here."""

_VERSION = 1
_LEAST_S = 0.1


class TransformersCaptioner:
    """Asks an audio language model about each recording alone, greedily: the same recording gives the same caption.

    A recording longer than the model's window (30 s) is described by its beginning.

    Args:
        path: Folder, or ``owner/name`` or ``owner/name@revision`` on the Hub.
        instruction: What the model is asked.
        max_new_tokens: Longest answer, in tokens.
        device: ``cpu``, ``cuda``, …; ``auto`` takes a graphics card where there is one.

    Raises:
        BackendError: The model is missing, incomplete, a pickle, or of a kind that is not known to listen.
    """

    name = "transformers"

    def __init__(
        self, path: str, *, instruction: str = INSTRUCTION, max_new_tokens: int = 64, device: str = "auto"
    ) -> None:
        self.files = fetch(find_weights(path))
        found = model_type(self.files.folder)
        if found not in KINDS:
            raise BackendError(
                f"{path} is a model of the kind {found!r}, expected one that takes audio and text: {', '.join(KINDS)}"
            )
        import transformers

        self.instruction, self._max_new_tokens = instruction, max_new_tokens
        self._device = choose_device(device)
        named: list[str] = load_part(transformers.AutoConfig, self.files.folder).architectures or []
        kind = getattr(transformers, named[0], None) if named else None
        self._model: Any = load_whole(kind or transformers.AutoModelForMultimodalLM, self.files.folder).to(self._device)
        self._processor: Any = load_part(transformers.AutoProcessor, self.files.folder)
        self._hears: Any = self._processor.feature_extractor
        self._weights = self.files.identity

    @property
    def fingerprint(self) -> str:
        """Of the weights, the instruction, the longest answer, and how the answer is cleaned."""
        return content_hash([self.name, _VERSION, self._weights, self.instruction, self._max_new_tokens])

    def caption(self, recordings: Sequence[Recording]) -> list[str]:
        """One line of text per recording; empty where the model says nothing.

        Raises:
            AudioError: A waveform is empty or not finite.
        """
        return [self._caption(recording) for recording in recordings]

    def _caption(self, recording: Recording) -> str:
        import torch

        rate, window_s = int(self._hears.sampling_rate), float(self._hears.chunk_length)
        heard = windows_of(recording, sample_rate=rate, window_s=window_s, least_s=_LEAST_S)[0]
        asked = [{"type": "audio"}, {"type": "text", "text": self.instruction}]
        prompt = self._processor.apply_chat_template(
            [{"role": "user", "content": asked}], add_generation_prompt=True, tokenize=False
        )
        given = self._processor(
            text=[prompt],
            audio=[heard],
            audio_kwargs={"sampling_rate": rate, "padding": "max_length"},  # the encoders take whole windows only
            return_tensors="pt",
        ).to(self._device)
        greedy = {"do_sample": False, "num_beams": 1, "temperature": None, "top_p": None, "top_k": None}
        with torch.inference_mode():
            answer = self._model.generate(**given, **greedy, max_new_tokens=self._max_new_tokens)
        said = answer[0, given["input_ids"].shape[1] :]
        return one_line(self._processor.tokenizer.decode(said, skip_special_tokens=True))


def one_line(text: str) -> str:
    """An answer as a caption: on one line, without quotation marks around it, and saying nothing twice.

    Example:
        >>> one_line('"A dog barks.\\nA dog barks. Rain rain rain falls."')
        'A dog barks. Rain falls.'
    """
    line = re.sub(r"\s+", " ", "".join(letter if letter.isprintable() else " " for letter in text)).strip()
    line = line.strip("\"'“”„ ")
    sentences = re.split(r"(?<=[.!?]) ", line)
    once = {sentence.casefold().strip(".!? "): sentence for sentence in reversed(sentences)}
    kept = [sentence for sentence in sentences if once.pop(sentence.casefold().strip(".!? "), None) is not None]
    words = " ".join(kept).split(" ")
    for length in range(1, len(words) // 2 + 1):
        words = _without_repeats(words, length)
    return " ".join(words)


def _without_repeats(words: Sequence[str], length: int) -> list[str]:
    """Words in which no run of that many words follows itself; the last one stays, with its punctuation."""
    kept: list[str] = []
    for word in words:
        kept.append(word)
        last, before = kept[-length:], kept[-2 * length : -length]
        if len(before) == length and _bare(last) == _bare(before):
            kept[-2 * length :] = last if last[-1] != before[-1] else before
    return kept


def _bare(words: Sequence[str]) -> list[str]:
    return [word.casefold().strip(".,;:!?") for word in words]
