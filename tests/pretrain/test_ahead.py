"""Processes that work ahead."""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path

import pytest

from menura.pretrain.ahead import ahead

SCRIPT = """
import json, multiprocessing, time
from menura.pretrain.ahead import ahead
made = ahead(abs, range(100), workers=2)
next(made)
print(json.dumps([process.pid for process in multiprocessing.active_children()]), flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize("workers", [0, 2])
def test_blocks_come_in_order(workers: int) -> None:
    assert list(ahead(abs, range(3, 8), workers=workers)) == [3, 4, 5, 6, 7]


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks at /proc")
def test_a_killed_program_leaves_no_process_behind() -> None:
    with subprocess.Popen([sys.executable, "-c", SCRIPT], stdout=subprocess.PIPE, text=True) as program:
        assert program.stdout is not None
        started = json.loads(program.stdout.readline())
        program.kill()
    until = time.monotonic() + 60
    while (left := [one for one in started if Path(f"/proc/{one}").exists()]) and time.monotonic() < until:
        time.sleep(0.05)
    assert len(started) == 2
    assert left == []
