"""``menura models``: pretrained models made safe to read, and trained further."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from menura.cli.clap import finetune_clap
from menura.cli.output import JsonFlag, console, emit_json

__all__ = ["app"]

app = typer.Typer(help="Pretrained models: safe to read, and trained further.", no_args_is_help=True)

NewFolder = Annotated[Path, typer.Argument(metavar="NEW", help="Folder to be made.")]

app.command("finetune-clap")(finetune_clap)


@app.command("convert")
def convert(
    folder: Annotated[Path, typer.Argument(metavar="FOLDER", help="Folder of a model with pickled weights.")],
    new: NewFolder,
    json: JsonFlag = False,
) -> None:
    """Example: menura models convert old-clap/ clap/

    Writes the same folder with its weights as safetensors. A pickle can run any program when it is opened; here only
    tensors are read from it, and one that holds anything else is refused.
    """
    from menura.backends.weights.convert import convert_folder

    written = [str(file) for file in convert_folder(folder, new)]
    if json:
        emit_json({"folder": str(new), "written": written})
        return
    for file in written:
        console().print(f"wrote {file}", markup=False, soft_wrap=True)


@app.command("convert-audiogen")
def convert_audiogen(
    audiogen: Annotated[
        Path,
        typer.Argument(metavar="AUDIOGEN", help="Folder with state_dict.bin and compression_state_dict.bin."),
    ],
    t5: Annotated[Path, typer.Argument(metavar="T5", help="Folder of google-t5/t5-large in safetensors.")],
    new: NewFolder,
    json: JsonFlag = False,
) -> None:
    """Example: menura models convert-audiogen audiogen-medium/ t5-large/ audiogen/

    Writes AudioGen as it was published, two pickles, as a folder for the generator audiogen. Only tensors and plain
    values are read; each tensor must find its place, and each place its tensor.
    """
    from menura.backends.text_to_audio.audiogen_weights import convert_audiogen as write

    write(audiogen, t5, new)
    if json:
        emit_json({"folder": str(new)})
        return
    console().print(f"wrote {new}; next: --generator audiogen:{new}", markup=False, soft_wrap=True)
