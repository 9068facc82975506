"""Jobs in this process, in several, or on a Ray cluster, each with one thread for its arithmetic."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from concurrent.futures.process import BrokenProcessPool
from contextlib import ExitStack, contextmanager
from contextvars import ContextVar
from typing import Any, TypeVar

from menura.datasets.index import num_cores
from menura.errors import RunError
from menura.pipeline.engine import EngineSettings
from menura.pipeline.ray_cluster import joined, most_workers, room
from menura.pipeline.ray_pool import ActorPool
from menura.processes import nothing_of_main, obey_the_parent

__all__ = ["jobs_on", "num_at_once", "num_workers", "run_jobs"]

Job = TypeVar("Job")
Result = TypeVar("Result")
ONE_THREAD = {"OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1", "MKL_NUM_THREADS": "1"}


class _Actors:
    """Ray actors that stay, with what they have imported, for all jobs of a study.

    Args:
        ray: The library, joined to a cluster.
        engine: What each of them takes.
    """

    def __init__(self, ray: Any, engine: EngineSettings) -> None:
        self._ray, self._engine = ray, engine
        self._pool: ActorPool[tuple[int, Callable[[Any], Any], Any], Any] | None = None

    def room(self) -> int:
        """How many the cluster has room for at present, those that are there counted in."""
        return room(self._ray, cpus=self._engine.cpus, gpus=self._engine.gpus or 0.0)

    def run(self, function: Callable[[Job], Result], jobs: Sequence[Job], workers: int) -> Iterator[Result]:
        """As :func:`run_jobs`; after an error, or where nobody waits for the rest, the actors go."""
        pool = self._pool or ActorPool(
            self._ray, _called, cpus=self._engine.cpus, gpus=self._engine.gpus or 0.0, name_of=_name_of
        )
        self._pool = None
        with ExitStack() as stack:
            stack.enter_context(pool)
            pool.grow_to(workers)
            for _, result in pool.run((number, function, job) for number, job in enumerate(jobs)):
                yield result
            stack.pop_all()
        self._pool = pool

    def stop(self) -> None:
        """End them."""
        if self._pool is not None:
            self._pool.__exit__()
            self._pool = None


_RAY: ContextVar[_Actors | None] = ContextVar("the actors that do the jobs", default=None)


@contextmanager
def jobs_on(engine: EngineSettings, *, workers: int | None = None) -> Iterator[None]:
    """Whatever :func:`run_jobs` is asked inside is done by this engine; a Ray cluster stays joined until the end.

    Args:
        engine: Which one. With ``ray``, all machines must see the data and the results under the same paths.
        workers: Workers that will be asked for, for a Ray that is started here.

    Raises:
        BackendError: Ray is not installed, the cluster cannot be reached, or has no room for a worker.
    """
    if engine.name != "ray":
        yield
        return
    with joined(engine.address, cpus=engine.cpus, workers=workers) as ray:
        most_workers(ray, engine, gpus=engine.gpus or 0.0, asked=workers)  # refused here, and not job after job
        actors = _Actors(ray, engine)
        before = _RAY.set(actors)
        try:
            yield
        finally:
            _RAY.reset(before)
            actors.stop()


def num_workers(asked: int | None) -> int:
    """How many there are when none were asked for: the cores of this machine, or what the cluster has room for."""
    actors = _RAY.get()
    return asked or (num_cores() if actors is None else max(1, actors.room()))


def num_at_once(asked: int | None) -> int:
    """How many jobs at once that each fill a machine, as trainings do, when no number was asked for: one on this
    machine, or what the cluster has room for."""
    return asked or (1 if _RAY.get() is None else num_workers(None))


def run_jobs(function: Callable[[Job], Result], jobs: Sequence[Job], *, workers: int) -> Iterator[Result]:
    """Results as they are finished, in any order.

    Worker processes start afresh and import nothing of the program that started them, so that a script without
    ``if __name__ == "__main__"`` may call the library. An error or Ctrl-C ends them at once: whatever they do is
    whole or absent on disk.

    Args:
        function: A function at the top of a module.
        jobs: One argument each.
        workers: Number of processes; 1 works in this one. Inside :func:`jobs_on`, number of Ray actors.

    Raises:
        RunError: A worker process died.
    """
    workers = min(workers, len(jobs))
    if jobs and (actors := _RAY.get()) is not None:
        yield from actors.run(function, jobs, workers)
        return
    if workers <= 1:
        for job in jobs:
            yield function(job)
        return
    with _one_thread_for_children(), nothing_of_main():
        executor = ProcessPoolExecutor(workers, mp_context=_context(), initializer=obey_the_parent)
        futures = [executor.submit(function, job) for job in jobs]
    try:
        for future in as_completed(futures):
            yield future.result()
    except BrokenProcessPool as error:
        raise RunError(
            "a worker process died, most likely for want of memory. What is finished is kept: run the same command "
            "again with --workers 1, or --at-once 1, to go on"
        ) from error
    finally:
        _stop(executor, finished=all(future.done() for future in futures))


def _called(job: tuple[int, Callable[[Any], Any], Any]) -> Any:
    _, function, argument = job
    return function(argument)


def _name_of(job: tuple[int, Callable[[Any], Any], Any]) -> str:
    return f"job {job[0]}"


def _context() -> multiprocessing.context.BaseContext:
    """Fresh processes; where it can be had, a server that has imported the libraries once for all of them."""
    if "forkserver" not in multiprocessing.get_all_start_methods():
        return multiprocessing.get_context("spawn")
    context = multiprocessing.get_context("forkserver")
    context.set_forkserver_preload(["menura.studies.preload"])
    return context


def _stop(executor: ProcessPoolExecutor, *, finished: bool) -> None:
    mine = list((executor._processes or {}).values())
    executor.shutdown(wait=finished, cancel_futures=True)
    for process in [] if finished else mine:
        process.kill()


@contextmanager
def _one_thread_for_children() -> Iterator[None]:
    before = {name: os.environ.get(name) for name in ONE_THREAD}
    os.environ.update(ONE_THREAD)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
