"""Making one clip again from its record, and comparing the bytes."""

from __future__ import annotations

import io
from dataclasses import dataclass
from pathlib import Path

from menura.errors import RunError
from menura.files import disk_errors, remove_leftovers_of_the_dead, write_bytes
from menura.generate.batches import batches
from menura.pipeline.context import Context, load_context
from menura.pipeline.plan import read_requests
from menura.pipeline.run import ClipRecord, Run
from menura.pipeline.work import render_bytes
from menura.types import Request

__all__ = ["Comparison", "render_again"]


@dataclass(frozen=True, slots=True)
class Comparison:
    """A clip that was made again, beside the one that is stored.

    Attributes:
        record: What is known of the clip.
        equal: Whether all bytes are the same.
        reason: How they differ, and what may be the cause; empty when they are equal.
        data: The bytes of the new file.
    """

    record: ClipRecord
    equal: bool
    reason: str
    data: bytes


def render_again(run: Run, name: str, *, out: Path | None = None) -> Comparison:
    """Make a clip again and compare it with the stored one.

    Args:
        run: The run.
        name: Clip id, request id, beginning of one of them, or file name.
        out: Where to write the new file; None only compares.

    Raises:
        RunError: There is no such clip, or it cannot be made: the generator fails, a parent is missing or altered.
    """
    record = run.find(name)
    context = load_context(run.path, run.identity)
    data, _ = render_bytes(context, record.request, company=_company(run, record, context))
    if out is not None:
        with disk_errors(str(out)):
            out.parent.mkdir(parents=True, exist_ok=True)
            remove_leftovers_of_the_dead(out.parent, out.name)
            write_bytes(out, data)
    if record.path is None:
        raise RunError(f"request {record.request.id} was never stored ({record.judgement.reason}); now it can be made")
    run.bring([record])
    stored = record.path.read_bytes()
    reason = "" if stored == data else _difference(run, stored, data)
    return Comparison(record, stored == data, reason, data)


def _company(run: Run, record: ClipRecord, context: Context) -> list[Request]:
    """The requests that shared a call with the clip, where its generator's clips depend on them; else itself alone."""
    tolerance = getattr(context.generator_of(record.request.round), "batch_tolerance", 0.0)
    if not tolerance or record.path is None:
        return [record.request]
    size, shard = run.settings.shard_size, record.path.parent
    start = int(shard.name) * size
    made = list(read_requests(shard.parent.parent / "plan.parquet", start, start + size))
    return next(batch for batch in batches(made, context.duration_of) if record.request in batch)


def _difference(run: Run, stored: bytes, made: bytes) -> str:
    import numpy as np
    import soundfile

    try:
        before, rate_before = soundfile.read(io.BytesIO(stored), dtype="float64", always_2d=True)
    except soundfile.LibsndfileError:
        return "the stored file is damaged; run `menura augment` again to make it again"
    after, rate_after = soundfile.read(io.BytesIO(made), dtype="float64", always_2d=True)
    if rate_before != rate_after or before.shape != after.shape:
        was, now = (
            f"{len(samples)} samples at {rate} Hz" for samples, rate in ((before, rate_before), (after, rate_after))
        )
        what = f"the stored clip has {was}, the new one {now}"
    elif np.array_equal(before, after):
        what = "the samples are equal, only the file around them differs (tags or encoder)"
    else:
        error, level = np.sqrt(np.mean((before - after) ** 2)), np.sqrt(np.mean(before**2))
        what = (
            f"the samples differ by {20 * np.log10(max(error, 1e-12) / max(level, 1e-12)):.0f} dB of the clip's level"
        )
    return f"{what}; {_changed_versions(run)}"


def _changed_versions(run: Run) -> str:
    from menura.pipeline.identity import library_versions

    now = library_versions()
    changed = [
        f"{name} {was} → {now.get(name, 'missing')}"
        for name, was in run.identity.versions.items()
        if now.get(name) != was
    ]
    if not changed:
        return "the libraries have the versions of the run, so the machine or a damaged file is the likely cause"
    return f"since the run these libraries changed: {', '.join(changed)}"
