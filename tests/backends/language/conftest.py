"""Makes the fake server and its fixtures known to the tests of this folder."""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

from fake_server import bench, server

__all__ = ["bench", "server"]
