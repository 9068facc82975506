"""The files for clusters that the page on engines shows: what can be said of them without a cluster."""

from __future__ import annotations

import re
import subprocess
from importlib.util import find_spec
from pathlib import Path

import pytest
from typer.main import get_command

from menura.cli.main import app

PAGE = Path(__file__).parents[2].joinpath("docs", "engines.md").read_text(encoding="utf-8")


@pytest.mark.skipif(find_spec("ray") is None, reason="Ray is not installed: pip install 'menura[ray]'")
def test_the_cluster_of_rented_machines_is_one_for_ray() -> None:
    import yaml  # type: ignore[import-untyped]
    from ray.autoscaler._private.util import prepare_config, validate_config

    (shown,) = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
    cluster = prepare_config(yaml.safe_load(shown))
    validate_config(cluster)
    assert cluster["available_node_types"]["head"]["max_workers"] == 0


def test_the_script_for_slurm_is_one_for_bash() -> None:
    (script,) = re.findall(r"## SLURM\n.*?```bash\n(.*?)```", PAGE, re.DOTALL)
    assert subprocess.run(["bash", "-n"], input=script, text=True, capture_output=True).stderr == ""


def test_every_option_of_menura_that_the_page_gives_exists() -> None:
    commands = get_command(app).commands  # type: ignore[attr-defined]
    for lines in re.findall(r"(?m)menura (?:augment|align|study low-resource) (?:.*\\\n)*.*$", PAGE):
        words = lines.split("`")[0].split()[1:]
        command = commands[words[0]]
        command = command.commands["low-resource"] if words[0] == "study" else command
        known = {option for parameter in command.params for option in parameter.opts}
        given = {word for word in words if word.startswith("--")} - {"--tmux"}
        assert given <= known, lines
