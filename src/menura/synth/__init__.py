"""A parametric synthesizer: sounds without recordings, as points of a space. Arrays in, arrays out."""

from __future__ import annotations

from menura.synth.parameters import Parameter, ParameterSpace
from menura.synth.render import VOICES, Sounds, Synthesizer, doppelgangers, draw_sounds, voice_named
from menura.synth.voices import DESIGNS, Design, parameter_space, parametric

__all__ = [
    "DESIGNS",
    "VOICES",
    "Design",
    "Parameter",
    "ParameterSpace",
    "Sounds",
    "Synthesizer",
    "doppelgangers",
    "draw_sounds",
    "parameter_space",
    "parametric",
    "voice_named",
]
