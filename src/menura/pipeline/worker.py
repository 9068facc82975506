"""A worker process: reads the numbers of shards as lines of JSON, makes them, answers with a line for each.

Started as ``python -m menura.pipeline.worker RUN``. It imports nothing of the program that started it, so a script
without ``if __name__ == "__main__"`` may call :func:`menura.augment` with any number of workers. It ends when its
standard input does, hence never outlives a killed parent.
"""

from __future__ import annotations

import json
import os
import queue
import signal
import sys
import threading
import traceback
from dataclasses import asdict
from pathlib import Path
from typing import IO, Any, NoReturn

__all__ = ["main"]


def main(run: Path) -> None:
    """Serve until standard input ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which decides what becomes of us
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever a library prints must not look like an answer
    tasks: queue.SimpleQueue[dict[str, Any]] = queue.SimpleQueue()
    threading.Thread(target=_listen, args=(tasks,), daemon=True).start()

    from menura.errors import ran_out_of_memory
    from menura.pipeline.context import Context, load_context  # heavy; meanwhile the parent calibrates
    from menura.pipeline.plan import read_requests
    from menura.pipeline.work import make_shard

    context: Context | None = None
    while True:
        task = tasks.get()
        try:
            context = context or load_context(run)
            requests = list(read_requests(run / task["plan"], task["start"], task["stop"]))
            timings = make_shard(context, requests, run / task["target"])
            _answer(answers, {"requests": len(requests), "timings": asdict(timings)})
        except Exception as error:  # the parent raises it again, or retries
            if ran_out_of_memory(error):  # a fresh process may have room; after some the parent gives up
                _end_without_memory()
            _answer(
                answers, {"error": type(error).__name__, "message": str(error), "traceback": traceback.format_exc()}
            )


def _listen(tasks: queue.SimpleQueue[dict[str, Any]]) -> None:
    try:
        for line in sys.stdin:
            tasks.put(json.loads(line))
    except MemoryError:
        _end_without_memory()
    os._exit(0)  # the parent is gone or done; a shard under work has only a temporary name


def _end_without_memory() -> NoReturn:
    os.write(2, b"out of memory\n")
    os._exit(1)


def _answer(answers: IO[str], value: dict[str, Any]) -> None:
    answers.write(json.dumps(value) + "\n")
    answers.flush()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
