"""New clips from real recordings: analyse, perturb, morph, re-lay, render. Arrays in, arrays out."""

from __future__ import annotations

from menura.resynth.analysis import Analysis, Scene, analyse
from menura.resynth.draw import draw_params
from menura.resynth.params import ResynthParams
from menura.resynth.presets import Ranges, ResynthSettings
from menura.resynth.render import render

__all__ = ["Analysis", "Ranges", "ResynthParams", "ResynthSettings", "Scene", "analyse", "draw_params", "render"]
