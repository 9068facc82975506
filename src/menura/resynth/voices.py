"""What sounds in a new clip: a voice for each parent with its gains, and the power of the noise to be drawn."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from menura.resynth.analysis import Analysis, Scene
from menura.resynth.bands import FLOOR_DB, amplitude, read_at
from menura.resynth.layout import Piece, lay_out
from menura.resynth.morph import alternate_sections, blended_envelope_db
from menura.resynth.params import ResynthParams
from menura.resynth.shape import (
    colour_db,
    dynamics_db,
    modulation_db,
    moved_envelope_db,
    shifted_places,
    smooth_noise,
    tilt_db,
)
from menura.resynth.stft import Floats
from menura.resynth.warp import Voice, VoiceFrames, sounding_voice
from menura.seeding import item_generator

__all__ = ["Part", "prepare_parts", "with_channels"]

_TEMPO_KNOT_S = 0.4
_PITCH_KNOT_S = 0.6
_PADDED_BED_DB = -22.0
_GAIN_LIMIT_DB = 40.0


class Part(NamedTuple):
    """A voice ready to be read, with the gain of each of its frames, ``[frames, bands]``."""

    voice: Voice
    frames: VoiceFrames
    gain_db: Floats


def prepare_parts(
    analyses: Sequence[Analysis], params: ResynthParams, noise_power: Floats, scene: Scene | None = None
) -> list[Part]:
    """The voices; what is noise to be drawn is added to ``noise_power``, ``[channels, frames, bands]``."""
    first, frames = analyses[0], noise_power.shape[1]
    everywhere = np.ones(frames, bool)
    has_second = len(analyses) > 1 and params.morph in ("mix", "splice")
    is_splice = has_second and params.morph == "splice" and not any(analysis.is_padded for analysis in analyses)
    second_only = _second_sections(first, params, frames) if is_splice else ~everywhere
    parts = [_prepare_part(analyses, 0, params, noise_power, allowed=~second_only)]
    if has_second:
        allowed = second_only if is_splice else everywhere
        parts.append(_prepare_part(analyses, 1, params, noise_power, allowed=allowed))
    gaps = everywhere.copy()
    for part in parts:
        gaps[part.voice.at] = False
    _add_beds(noise_power, analyses, params, scene, gaps=gaps)
    return parts


def _second_sections(first: Analysis, params: ResynthParams, frames: int) -> NDArray[np.bool_]:
    generator = item_generator(params.layout_seed, "splice")
    return alternate_sections(frames, hop_s=first.hop_s, amount=params.morph_amount, generator=generator)


def _prepare_part(
    analyses: Sequence[Analysis],
    index: int,
    params: ResynthParams,
    noise_power: Floats,
    *,
    allowed: NDArray[np.bool_],
) -> Part:
    """One parent's voice; the noise part that is drawn anew goes to ``noise_power``."""
    analysis, frames = analyses[index], len(allowed)
    generator = item_generator(params.layout_seed, "layout", index)
    pieces = lay_out(analysis, params, num_frames=frames, generator=generator)
    voice = _voice(analysis, pieces, params, allowed)
    kept_noise = 10 ** (params.noise_db / 20) * float(np.sqrt(1 - params.noise_redraw))
    gains = (10 ** (params.tonal_db / 20), 10 ** (params.transient_db / 20), kept_noise)
    gain_db = _voice_gain_db(analyses, index, voice, params, frames)
    if params.noise_redraw:
        formants = shifted_places(analysis.sample_rate, analysis.size, _ratio(params.formant_semitones))
        noise_db = read_at(analysis.noise_db[:, voice.source], formants) + gain_db + np.float32(params.noise_db)
        power = np.float32(params.noise_redraw) * _power(noise_db)
        noise_power[:, voice.at] += with_channels(power, len(noise_power))
    envelope_gain_db = _envelope_gain_db(analyses, index, voice, params, frames)
    total_db = gain_db if envelope_gain_db is None else gain_db + envelope_gain_db
    return Part(voice, VoiceFrames(analysis, voice, gains), np.clip(total_db, -2 * _GAIN_LIMIT_DB, _GAIN_LIMIT_DB))


def _voice(analysis: Analysis, pieces: list[Piece], params: ResynthParams, allowed: NDArray[np.bool_]) -> Voice:
    frames, hop_s = len(allowed), analysis.hop_s
    generator = item_generator(params.layout_seed, "curves")
    tempo = np.full(frames, 1 / params.stretch, np.float32)
    ratio = np.full(frames, _ratio(params.pitch_semitones), np.float32)
    if params.warp_octaves:
        curve = smooth_noise(frames, step_frames=_TEMPO_KNOT_S / hop_s, bands=1, generator=generator)[:, 0]
        tempo *= np.exp2(np.clip(params.warp_octaves * curve, -1, 1))
    if params.drift_semitones:
        curve = smooth_noise(frames, step_frames=_PITCH_KNOT_S / hop_s, bands=1, generator=generator)[:, 0]
        ratio *= np.exp2(params.drift_semitones * curve / 12)
    return sounding_voice(analysis, pieces, tempo=tempo, ratio=ratio, allowed=allowed)


def _voice_gain_db(
    analyses: Sequence[Analysis], index: int, voice: Voice, params: ResynthParams, frames: int
) -> Floats:
    """Gains that apply to all parts of a voice alike, ``[sounding frames, bands]``."""
    analysis = analyses[index]
    num_bands = analysis.envelope_db.shape[1]
    gain = dynamics_db(analysis, voice, params)[:, None] + colour_db(params, analysis.sample_rate, analysis.size)
    if params.modulation_db:
        field = modulation_db(
            frames, num_bands, hop_s=analysis.hop_s, depth_db=params.modulation_db,
            generator=item_generator(params.layout_seed, "modulation", index),
        )  # fmt: skip
        gain = gain + field[voice.at]
    if index:
        level_db = params.morph_db if params.morph == "mix" else 0.0
        gain = gain + np.float32(analyses[0].loud_db - analysis.loud_db + level_db)
    return np.asarray(gain, dtype=np.float32)


def _envelope_gain_db(
    analyses: Sequence[Analysis], index: int, voice: Voice, params: ResynthParams, frames: int
) -> Floats | None:
    """Gain that moves the formants and blends in the other parent's envelope; None when neither is asked for."""
    analysis = analyses[index]
    if not len(voice.at):
        return None
    formant_ratio, pitch_ratio = _ratio(params.formant_semitones), float(np.median(voice.ratio))
    is_blend = params.morph == "blend" and len(analyses) > 1
    if not is_blend and formant_ratio == pitch_ratio:
        return None
    own = target = analysis.envelope_db[voice.source]
    if is_blend:
        target = blended_envelope_db(
            analysis, analyses[1 - index], voice, num_frames=frames, amount=params.morph_amount,
            follow_path=params.morph_path,
        )  # fmt: skip
    return moved_envelope_db(own, target, analysis, formant_ratio=formant_ratio, pitch_ratio=pitch_ratio)


def _add_beds(
    noise_power: Floats,
    analyses: Sequence[Analysis],
    params: ResynthParams,
    scene: Scene | None,
    *,
    gaps: NDArray[np.bool_],
) -> None:
    """Adds the power of backgrounds: in gaps, under everything, of the other parent, of a scene, and hiss."""
    first = analyses[0]
    if first.sounding[1] == 0:
        return
    bed_db = first.background_db + colour_db(params, first.sample_rate, first.size)
    ceiling_db = np.float32(first.loud_db + _PADDED_BED_DB - 10 * np.log10(len(bed_db)))
    if not first.is_padded:
        noise_power[:, gaps] += _power(bed_db)
    elif params.fill_padding:
        noise_power[...] += _power(np.minimum(bed_db + np.float32(params.fill_db), ceiling_db))
    if params.background_db > FLOOR_DB:
        noise_power[...] += _power(bed_db + np.float32(params.background_db))
    if params.morph == "insert" and len(analyses) > 1 and analyses[1].sounding[1]:
        noise_power[...] += _scene_power(analyses[1].scene, first.loud_db + params.morph_db)
    if scene is not None and params.scene_db > FLOOR_DB:
        noise_power[...] += _scene_power(scene, first.loud_db + params.scene_db)
    if params.floor_db:
        slope = np.linspace(0, first.sample_rate / 2, len(bed_db), dtype=np.float32)
        hiss_db = tilt_db(slope, params.floor_tilt_db_per_octave)
        hiss_db = hiss_db - 10 * np.log10(np.mean(_power(hiss_db)))
        noise_power[...] += _power(hiss_db + np.float32(first.loud_db + params.floor_db))


def _scene_power(scene: Scene, loud_db: float) -> Floats:
    """Power of a scene's background ``[bands]``, as if its loud parts were at ``loud_db``; none of a silent one."""
    if scene.loud_db <= FLOOR_DB:
        return np.zeros_like(scene.background_db)
    return _power(scene.background_db + np.float32(loud_db - scene.loud_db))


def with_channels(values: NDArray[Any], channels: int) -> NDArray[Any]:
    """The first parent's number of channels: equal ones stay, one is repeated, others are averaged."""
    return values if values.shape[0] in (1, channels) else values.mean(axis=0, keepdims=True)


def _ratio(semitones: float) -> float:
    return float(2 ** (semitones / 12))


def _power(level_db: Floats) -> Floats:
    return np.square(amplitude(np.asarray(level_db, dtype=np.float32)))
