"""What a text-to-audio model is asked for, and the language model that words it."""

from __future__ import annotations

from typing import Literal, Self
from urllib.parse import urlsplit

from pydantic import ConfigDict, Field, field_validator, model_validator

from menura.config.base import Settings

__all__ = ["LanguageModelSettings", "PromptSettings", "PromptStyle", "ScenarioSlot"]

PromptStyle = Literal["label", "sound_of", "scene", "descriptors", "mixcap", "plain", "rewrite", "caption"]
ScenarioSlot = Literal["place", "weather", "background", "distance", "device"]


class LanguageModelSettings(Settings):
    """Which language model writes captions and prompts, and what it may cost. Without a URL, phrases do.

    The key is in none of the fields: it stays in the environment.
    """

    model_config = ConfigDict(hide_input_in_errors=True)

    backend: str | None = Field(
        None, description="Name of the backend, see `menura list`; unset: `chat` with a URL, `grammar` without."
    )
    url: str | None = Field(
        None, description="Base address of an OpenAI-compatible server, usually ending in /v1; unset: no server."
    )
    model: str | None = Field(
        None, min_length=1, description="Name of the model on that server. Cached answers belong to this name."
    )
    temperature: float | None = Field(0.7, ge=0, le=2, description="Of sampling; unset: what the server takes.")
    max_tokens: int = Field(2048, ge=1, le=1_000_000, description="Most tokens of one answer.")
    timeout_s: float = Field(120.0, gt=0, le=3600, description="Longest wait for one answer, in seconds.")
    retries: int = Field(5, ge=0, le=20, description="Further tries when the server is busy, broken or out of reach.")
    repairs: int = Field(2, ge=0, le=10, description="Further tries when an answer does not fit what was asked for.")
    concurrency: int = Field(8, ge=1, le=256, description="Most questions under way at once; fewer if it is too much.")
    token_budget: int | None = Field(None, ge=0, description="Most tokens of one command, prompts and answers.")
    money_budget: float | None = Field(None, ge=0, description="Most money of one command, in the currency of prices.")
    price_prompt: float | None = Field(None, ge=0, description="Price of a million tokens of prompts.")
    price_completion: float | None = Field(None, ge=0, description="Price of a million tokens of answers.")
    key_variable: str | None = Field(
        "OPENAI_API_KEY",
        pattern=r"^[A-Za-z_][A-Za-z0-9_]*$",
        description="Environment variable that holds the key; unset: no key is sent.",
    )
    cache: str | None = Field(None, description="Folder of the answers so far; unset: in the user's cache.")

    @property
    def backend_name(self) -> str:
        """The backend that these settings choose."""
        return self.backend or ("grammar" if self.url is None else "chat")

    @field_validator("url")
    @classmethod
    def _base_address(cls, url: str | None) -> str | None:
        if url is None:
            return None
        try:
            parts = urlsplit(url.strip())
            sound = parts.scheme in ("http", "https") and bool(parts.hostname) and parts.port != 0
        except ValueError:
            sound = False
        if not sound:
            raise ValueError("give an address that begins with http:// or https://, like http://localhost:8000/v1")
        if parts.username is not None or parts.password is not None or parts.query or parts.fragment:
            raise ValueError("no name, password, ? or # in the address; a key comes from the variable of key_variable")
        return url.strip().rstrip("/").removesuffix("/chat/completions").rstrip("/")

    @model_validator(mode="after")
    def _complete(self) -> Self:
        if self.url is not None and self.model is None:
            raise ValueError("a url needs model=<name of the model on that server>")
        if (self.price_prompt is None) != (self.price_completion is None):
            raise ValueError("give both price_prompt and price_completion, per million tokens")
        if self.money_budget is not None and self.price_prompt is None:
            raise ValueError("money_budget needs price_prompt and price_completion, per million tokens")
        return self


class PromptSettings(Settings):
    """How the text for a text-to-audio model is made, see docs/prompts.md."""

    style: PromptStyle | None = Field(
        None, description="label, sound_of, scene, descriptors, mixcap, plain, rewrite or caption; unset: the recipe's."
    )
    slots: tuple[ScenarioSlot, ...] = Field(
        ("place", "weather", "background", "distance", "device"),
        description="What a scene may tell beside the label, most important first; place alone is the simple style.",
    )
    descriptors: int = Field(3, ge=1, le=10, description="Descriptors in one prompt of the style descriptors.")
    negative: bool | str = Field(
        True, description="True: by the kind of the label, without what the label is; a text: that one; False: none."
    )
    cards: str | None = Field(None, description="TOML file of label cards, drafted where it is missing or incomplete.")
    descriptor_lists: str | None = Field(None, description="TOML file of descriptors per label, likewise.")
    captions: str | None = Field(None, description="CSV or JSON lines of captions that people wrote.")
    captioner: str = Field("acoustic", description="Who captions the other clips, see `menura list captioners`.")
    pool_share: float = Field(0.75, gt=0, le=1, description="Share of a label's events, and of its scenes, per MixCap.")
    captions_per_clip: int = Field(5, ge=1, le=20, description="New captions for each real clip.")
    max_words: int = Field(25, ge=8, le=80, description="Most words in a scene or a caption.")
    novel_share: float = Field(0.2, ge=0, le=1, description="Share of new events and scenes in a caption.")
    max_similarity: float = Field(
        0.8, gt=0, le=1, description="Captions of a label whose words overlap more than this are near-duplicates."
    )
