"""Prompts and captions: label cards, templates, descriptors, captioners, MixCap, and how varied texts are."""

from __future__ import annotations

from menura.captions.acoustic import AcousticCaptioner
from menura.captions.cards import LabelCard, prepare_cards, read_cards
from menura.captions.descriptors import prepare_descriptors
from menura.captions.diversity import TextDiversity, text_diversity
from menura.captions.label_texts import label_texts
from menura.captions.mixcap import MixedCaptions, mix_captions
from menura.captions.prompts import Prompt, PromptMaterial, prepare_prompts, prompt_for
from menura.captions.revision import RejectedClip, Revision, revision_question
from menura.captions.templates import negative_prompt, sound_of
from menura.captions.written import WrittenCaptions, caption_clips, read_captions

__all__ = [
    "AcousticCaptioner",
    "LabelCard",
    "MixedCaptions",
    "Prompt",
    "PromptMaterial",
    "RejectedClip",
    "Revision",
    "TextDiversity",
    "WrittenCaptions",
    "caption_clips",
    "label_texts",
    "mix_captions",
    "negative_prompt",
    "prepare_cards",
    "prepare_descriptors",
    "prepare_prompts",
    "prompt_for",
    "read_captions",
    "read_cards",
    "revision_question",
    "sound_of",
    "text_diversity",
]
