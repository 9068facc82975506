"""``menura prompts``: what a text-to-audio model will be asked for, to read and to correct beforehand."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from menura.cli import run_options as options
from menura.cli.output import JsonFlag, console, emit_json, on_disk, progress_bar

if TYPE_CHECKING:
    from menura.recipes.preview import Drawn

__all__ = ["prompts"]


def prompts(
    data: options.DataArgument,
    out: Annotated[
        Path | None,
        typer.Option(
            "-o", "--out", callback=on_disk, metavar="FOLDER", help="Where to put files to edit and a settings file."
        ),
    ] = None,
    count: Annotated[int, typer.Option("-n", "--count", min=1, help="Prompts to show for each label.")] = 3,
    test_fold: options.TestFoldOption = None,
    recipe: Annotated[
        str | None, typer.Option("--recipe", help="Recipe, see `menura list recipes`. Default: label_guided.")
    ] = None,
    domain: options.DomainOption = None,
    style: options.PromptsOption = None,
    llm_url: options.LanguageUrlOption = None,
    llm_model: options.LanguageModelOption = None,
    seed: options.SeedOption = None,
    config: options.ConfigOption = None,
    json: JsonFlag = False,
) -> None:
    """Example: menura prompts my_sounds/ --prompts scene -o prompts/

    Shows the first prompts of each label, as `menura augment` would give them to a text-to-audio model. With -o it
    also leaves the label cards (and descriptors) as files: correct them, and run `menura augment -c FOLDER/run.toml`.
    """
    from menura.datasets import load
    from menura.recipes.preview import draw_prompts, with_files

    if recipe is None and (config is None or "recipe" not in options.read_settings(config)):
        recipe = "label_guided"
    settings = options.run_settings(
        config=config, times=None, per_label=None, balance=False, recipe=recipe, generator=None, domain=domain,
        preserve=None, delta=None, encoder=None, seed=seed, rounds=None, prompts=style, llm_url=llm_url,
        llm_model=llm_model,
    )  # fmt: skip
    with progress_bar() as progress:
        dataset = load(data, test_fold=test_fold, progress=progress)
        if out is not None:
            settings = with_files(settings, out)
        drawn = draw_prompts(dataset.train, settings, count=count)
    if json:
        emit_json(_as_json(drawn, out))
    else:
        _print(drawn, out)


def _as_json(drawn: Drawn, out: Path | None) -> dict[str, Any]:
    return {
        "style": drawn.style,
        "language_model": drawn.language_model,
        "labels": [
            {"label": label, "prompts": [{"text": one.text, "negative": one.negative} for one in found]}
            for label, found in drawn.prompts.items()
        ],
        "diversity": drawn.diversity,
        "files": [str(path) for path in sorted(out.iterdir())] if out is not None else [],
    }


def _print(drawn: Drawn, out: Path | None) -> None:
    show = console()
    for label, found in drawn.prompts.items():
        show.print(label, style="bold", markup=False)
        for one in found:
            show.print(f"  {one.text}", markup=False, soft_wrap=True)
        if found[0].negative:
            show.print(f"  not: {found[0].negative}", markup=False, soft_wrap=True, style="dim")
    show.print(f"style {drawn.style}, written by {drawn.language_model}", style="dim")
    if out is not None:
        show.print(
            f"files to correct are in {out}; then: menura augment DATA -o RUN -c {out / 'run.toml'}", markup=False
        )
