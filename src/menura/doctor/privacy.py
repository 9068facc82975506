"""What must not stand in a bug report: keys, the person's name, and where their home is."""

from __future__ import annotations

import getpass
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from menura.types import JsonValue

__all__ = ["Curtain", "environment", "looks_secret"]

HIDDEN = "(set, hidden)"
_SECRET = re.compile(r"key|token|secret|passw|credential|auth", re.IGNORECASE)
_SHORTEST_SECRET = 8
_IN_ADDRESS = re.compile(r"(?<=://)[^/\s@]+(?=@)")
_SHOWN = (
    "MENURA_CACHE", "MENURA_DATASETS", "MENURA_OFFLINE", "HF_HUB_OFFLINE", "HF_HOME", "HF_HUB_CACHE",
    "TRANSFORMERS_OFFLINE", "XDG_CACHE_HOME", "TMPDIR", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS",
    "CUDA_VISIBLE_DEVICES", "CUDA_HOME", "LD_LIBRARY_PATH", "PYTHONPATH", "PYTHONHASHSEED", "PYTHONUTF8", "VIRTUAL_ENV",
    "CONDA_PREFIX", "LANG", "LC_ALL", "NO_COLOR", "COLUMNS", "PYTORCH_CUDA_ALLOC_CONF", "TORCH_HOME", "NO_PROXY",
)  # fmt: skip
_ADDRESSES = ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "HF_ENDPOINT", "PIP_INDEX_URL", "UV_INDEX_URL")
_OURS = ("MENURA_", "HF_", "OMP_", "MKL_", "CUDA_", "PYTORCH_", "TORCH_", "RAY_", "OPENAI_", "NCCL_")
"""Beginnings of names that may matter; of those that are not known, only the name is told."""


def looks_secret(name: str) -> bool:
    """Whether a variable of this name may hold a key."""
    return bool(_SECRET.search(name))


def environment(variables: Mapping[str, str]) -> dict[str, str]:
    """The variables that matter to Menura: values of known harmless ones, addresses without who asks, else the name."""
    shown: dict[str, str] = {}
    for name, value in sorted(variables.items()):
        if name.upper() in _ADDRESSES:
            shown[name] = _bare_address(value)
        elif name in _SHOWN and not looks_secret(name):
            shown[name] = value
        elif name.startswith(_OURS):
            shown[name] = HIDDEN
    return shown


def _bare_address(value: str) -> str:
    try:
        parts = urlsplit(value)
        host = parts.hostname or ""
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        return HIDDEN
    return urlunsplit((parts.scheme, host + port, "", "", "")) if host else HIDDEN


@dataclass(frozen=True, slots=True)
class Curtain:
    """Takes out of texts what is nobody's business.

    Attributes:
        home: Home folder; becomes ``~``.
        user: Name of the person; becomes ``~`` wherever it stands as a word.
        secrets: Values that are hidden wherever they stand.
    """

    home: str
    user: str
    secrets: tuple[str, ...] = ()

    @classmethod
    def here(cls) -> Curtain:
        """Of this person on this machine."""
        try:
            home = str(Path.home())
        except RuntimeError:
            home = ""
        try:
            user = getpass.getuser()
        except (OSError, KeyError, ImportError):
            user = ""
        values = {value for name, value in os.environ.items() if looks_secret(name) and len(value) >= _SHORTEST_SECRET}
        secrets = tuple(sorted(values, key=len, reverse=True))  # a longer one first: it may hold a shorter one
        return cls(home, user, secrets)

    def over(self, value: JsonValue) -> JsonValue:
        """The value, with the texts inside tables and lists, behind the curtain."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, Mapping):
            return {self.text(name): self.over(item) for name, item in value.items()}
        if isinstance(value, list | tuple):
            return [self.over(item) for item in value]
        return value

    def text(self, text: str) -> str:
        """The text behind the curtain."""
        for secret in self.secrets:
            text = text.replace(secret, "(hidden)")
        text = _IN_ADDRESS.sub("(hidden)", text)
        if len(self.home) > 1:
            text = re.sub(rf"{re.escape(self.home.rstrip('/'))}(?![\w.-])", "~", text)
        if len(self.user) > 1 and self.user != "root":
            text = re.sub(rf"(?<![\w.-]){re.escape(self.user)}(?![\w-])", "~", text)
        return text
