"""A parametric synthesizer: sounds without recordings, as points of a space. Arrays in, arrays out."""

from __future__ import annotations

from menura.synth.parameters import Parameter, ParameterSpace
from menura.synth.render import Sounds, Synthesizer, doppelgangers, draw_sounds
from menura.synth.voices import DESIGNS, Design, design_named, parameter_space, parametric

__all__ = [
    "DESIGNS",
    "Design",
    "Parameter",
    "ParameterSpace",
    "Sounds",
    "Synthesizer",
    "design_named",
    "doppelgangers",
    "draw_sounds",
    "parameter_space",
    "parametric",
]
