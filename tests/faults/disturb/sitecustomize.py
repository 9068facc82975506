"""Loaded by Python itself when a disturbed command starts: does to the process what its environment asks for.

What happens is decided by progress on the disk and not by the clock: every change under the folder that is watched
(a file opened for writing, renamed, linked, removed, a folder made) is counted, and the fault strikes at one of them.
"""

import atexit
import errno
import json
import os
import signal
import sys
import time

_CHANGES = ("os.rename", "os.link", "os.mkdir", "os.rmdir", "os.remove", "shutil.rmtree")
_REFUSALS = {"full": errno.ENOSPC, "read-only": errno.EROFS, "quota": errno.EDQUOT}


class Fault:
    """Counts changes under a folder and strikes at one of them."""

    def __init__(self, asked):
        self.kind, self.at, self.where = asked["kind"], asked.get("at", 1), asked["where"]
        self.asked, self.count, self.is_busy = asked, 0, False

    def watch(self, event, arguments):
        """The audit hook: Python calls it before the change."""
        if event == "open":
            path, _, flags = arguments
            if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
                return
        elif event in _CHANGES:
            path = arguments[0]
        else:
            return
        if self.is_busy or not isinstance(path, str | os.PathLike) or not os.fspath(path).startswith(self.where):
            return
        for module, values in self.asked.get("constants", {}).items():
            for name, value in values.items():
                setattr(sys.modules[module], name, value)
        self.count += 1
        self.is_busy = True
        try:
            self.strike(os.fspath(path))
        finally:
            self.is_busy = False

    def strike(self, path):
        """Do it, if it is time."""
        if self.kind == "slow":
            time.sleep(self.asked["seconds"])
        if self.kind in _REFUSALS and self.count >= self.at:
            code = _REFUSALS[self.kind]
            raise OSError(code, os.strerror(code), path)
        if self.kind == "interrupt" and self.at <= self.count <= self.at + 1:
            os.kill(os.getpid(), signal.SIGINT)
        if self.count != self.at:
            return
        if self.kind == "kill":
            os.kill(os.getpid(), signal.SIGKILL)
        elif self.kind == "memory":
            _no_more_memory()
        elif self.kind == "refused memory":
            raise MemoryError
        elif self.kind == "pause":
            with open(self.asked["reached"], "x"):
                pass
            while not os.path.exists(self.asked["go"]):
                time.sleep(0.01)


def _no_more_memory():
    import resource

    with open("/proc/self/statm") as source:
        used = int(source.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (used, resource.RLIM_INFINITY))


def _jumping_clock():
    """Every look at the wall clock finds it an hour or a year off, forwards and backwards."""
    real, looks = time.time, [0]

    def jumped():
        looks[0] += 1
        return real() + (0, 3600, -3600, 31_557_600, -31_557_600)[looks[0] % 5]

    time.time = jumped
    time.time_ns = lambda: int(jumped() * 1e9)


def _main():
    text = os.environ.get("MENURA_TEST_FAULT")
    if not text:
        return
    asked = json.loads(text)
    is_worker = "menura.pipeline.worker" in sys.orig_argv or any("default_worker.py" in word for word in sys.orig_argv)
    if is_worker != (asked.get("process", "main") == "worker"):
        asked["kind"] = "none"
    fault = Fault(asked)
    if asked["kind"] == "clock":
        _jumping_clock()
    if asked.get("count"):
        owner = os.getpid()

        def tell():
            if os.getpid() == owner and fault.count:  # not one that only started those that work
                with open(asked["count"], "w") as sink:
                    sink.write(str(fault.count))

        atexit.register(tell)
    sys.addaudithook(fault.watch)


_main()
