"""Where the workers of a run are: a Dask cluster of this machine, or one that runs already.

The cluster of this machine has single-threaded workers, each spawned by a nanny that
starts a fresh one when it dies, and listens on the loopback address only. A cluster that
runs already is trusted: Dask's messages carry pickles, so whoever can speak to its
scheduler can run code here.
"""

from __future__ import annotations

import asyncio
import contextlib
import dataclasses
import importlib.util
import json
import logging
import re
import signal
from collections.abc import Callable, Iterator, Sequence
from multiprocessing import resource_tracker
from pathlib import Path
from typing import TYPE_CHECKING

from diffbench.records.outcome import describe
from diffbench.workers import devices, main_guard
from diffbench.workers.settings import SettingError
from diffbench.workers.worker import ONE_THREAD

if TYPE_CHECKING:
    from distributed import Client, Security, SpecCluster

ADDRESS = re.compile(r"((?P<scheme>[a-z]+)://)?(?P<host>[\w.-]+|\[[0-9a-fA-F:.]+\]):(?P<port>\d{1,5})/?")
SCHEMES = ("tcp", "tls", "ws", "wss")

CONNECT = 10  # seconds until a scheduler that does not answer counts as none
GIGABYTES_2 = 2**31


class ClusterError(OSError):
    """The cluster cannot do the work; the message says why, and what to do."""


@dataclasses.dataclass(frozen=True)
class Place:
    """A cluster that is open.

    Attributes:
      client: Its Dask client.
      name: What to call it when it fails.
      own: Whether it was started here, and ends with the run.
    """

    client: Client
    name: str
    own: bool


def address_of(address: str | None, file: str | None) -> str:
    """Returns the address of a scheduler, as it was given or from its scheduler file.

    Raises:
      SettingError: If it is no address, or the file holds none.
    """
    option, values = "{scheduler}", {}
    if file is not None:
        option, values = "{scheduler_file} {file}:", {"file": file}
        try:
            address = json.loads(Path(file).read_text(encoding="utf-8"))["address"]
        except OSError as error:
            raise SettingError(f"{option} cannot be read: {{why}}", why=error.strerror, **values) from error
        except (ValueError, KeyError, TypeError) as error:
            raise SettingError(f'{option} has no "address"; a Dask scheduler writes one', **values) from error
    found = ADDRESS.fullmatch(str(address))
    scheme = (found and found["scheme"]) or "tcp"
    if found is None or scheme not in SCHEMES or not 0 < int(found["port"]) < 2**16:
        raise SettingError(
            f"{option} must be an address such as tcp://host:8786; got {{got!r}}", got=address, **values
        )
    return f"{scheme}://{found['host']}:{found['port']}"


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """Keeps Dask's own log lines off the screen: what they tell, a row or an error tells."""
    logger = logging.getLogger("distributed")
    names = [name for name in logging.root.manager.loggerDict if name.startswith("distributed.")]
    loggers = [logger, *map(logging.getLogger, names), logging.getLogger("tornado.application")]
    before = [(one, one.level) for one in loggers]
    for one in loggers:
        one.setLevel(logging.CRITICAL)
    try:
        yield
    finally:
        for one, level in before:
            one.setLevel(level)


@contextlib.contextmanager
def _terminal_kept_from_workers() -> Iterator[None]:
    """Has the threads, and so the processes, that are started in this block not hear a terminal.

    It sends SIGINT, and SIGHUP when it goes, to every process of a run; workers are ended by their
    nannies.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGHUP})
    # Its start would let SIGINT, which it ignores, through again.
    resource_tracker.ensure_running()
    signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _on_gpus(gpus: Sequence[str]) -> Callable[..., SpecCluster]:
    """Returns a class of clusters of this machine whose workers have a GPU each."""
    from distributed import LocalCluster

    class OnGPUs(LocalCluster):
        def new_worker_spec(self) -> dict[object, object]:
            """Returns the next worker; the nanny gives the same GPU to the one that takes its place."""
            ((name, spec),) = super().new_worker_spec().items()
            gpu = gpus[len(self.worker_spec)]
            return {name: {**spec, "options": {**spec["options"], "env": devices.bound_to(gpu)}}}

    return OnGPUs


@contextlib.contextmanager
def local(workers: int, memory: int | None = None, gpus: Sequence[str] = ()) -> Iterator[Place]:
    """Opens a cluster of this machine.

    Args:
      workers: Worker processes, each with one thread.
      memory: Limit of each in bytes; None is an equal share of the machine's, but not
        less than 2 GiB.
      gpus: GPUs, each for a worker of its own, at least as many as workers; none for workers
        on the processor.

    Raises:
      ClusterError: If workers could not import the program that runs this.
    """
    try:
        main_guard.check()
    except RuntimeError as error:
        raise ClusterError(str(error)) from error
    import dask
    from distributed import Client, LocalCluster, system

    if memory is None:
        memory = max(system.MEMORY_LIMIT // workers, min(GIGABYTES_2, system.MEMORY_LIMIT))
    settings = {
        # What a worker's allocator and JAX read when they start must be there before it is
        # spawned. By default Dask has the allocator give back every freed 64 KiB, which makes
        # XLA fault its buffers in anew at each call: six times slower, measured.
        "distributed.nanny.pre-spawn-environ": ONE_THREAD,
        "distributed.worker.multiprocessing-method": "spawn",
        # A task whose worker died is judged here, not tried again unasked.
        "distributed.scheduler.allowed-failures": 0,
        # Compiled code may hold the interpreter for longer than any heartbeat.
        "distributed.scheduler.worker-ttl": None,
        # Nothing is left on a worker that could be spilled; a paused one would wait for ever.
        "distributed.worker.memory.target": False,
        "distributed.worker.memory.spill": False,
        "distributed.worker.memory.pause": False,
        "distributed.worker.memory.terminate": 1.0,
    }
    with dask.config.set(settings), contextlib.ExitStack() as stack:
        stack.enter_context(_quiet())  # before it starts and until it is gone
        with _terminal_kept_from_workers():
            cluster = (_on_gpus(gpus) if gpus else LocalCluster)(
                n_workers=0 if gpus else workers,
                threads_per_worker=1,
                processes=True,
                memory_limit=memory,
                host="127.0.0.1",
                dashboard_address="127.0.0.1:0",
                silence_logs=logging.CRITICAL,
            )
            stack.enter_context(cluster)
            if gpus:
                cluster.scale(workers)
        client = stack.enter_context(Client(cluster))
        yield Place(client, "the local cluster", own=True)


async def _kind_of(address: str) -> str:
    """Returns what answers at an address: "Scheduler", "Worker", "Nanny"."""
    from distributed import Security, rpc

    async with rpc(address, connection_args=Security().get_connection_args("client")) as there:
        return str((await there.identity())["type"])


def _certified(address: str, security: Security) -> None:
    """Raises where Dask's configuration has no certificates for an encrypted address."""
    try:
        context, why = security.get_connection_args("client").get("ssl_context"), "names none"
    except OSError as error:
        context, why = None, f"has some that cannot be read ({describe(error)['reason']})"
    if context is None:
        raise ClusterError(
            f"{address} asks for certificates, and Dask's configuration {why}: set "
            "DASK_DISTRIBUTED__COMM__TLS__CA_FILE, ..__TLS__CLIENT__CERT and ..__TLS__CLIENT__KEY"
        )


@contextlib.contextmanager
def joined(address: str) -> Iterator[Place]:
    """Joins a cluster that runs already; it stays when the run ends.

    Raises:
      ClusterError: If no scheduler answers at the address, or something else does, or there are
        no certificates for an encrypted one.
    """
    from distributed import Client, Security

    if address.startswith(("tls:", "wss:")):
        _certified(address, Security())
    with _quiet():
        try:
            # Dask's own client waits for ever where something listens that says nothing.
            kind = asyncio.run(asyncio.wait_for(_kind_of(address), CONNECT))
        except (OSError, TimeoutError, ValueError) as error:
            raise ClusterError(
                f"no Dask scheduler answers at {address} within {CONNECT} s: start one, or correct the "
                f"address ({describe(error)['reason']})"
            ) from error
        if kind != "Scheduler":
            raise ClusterError(f"at {address} there is a Dask {kind.lower()}; give that of a scheduler")
        client = Client(address, timeout=CONNECT, set_as_default=False)
        try:
            yield Place(client, f"the scheduler at {address}", own=False)
        finally:
            client.close(timeout=CONNECT)


def dashboard(place: Place) -> str | None:
    """Returns the address of the cluster's dashboard, or None where it has none."""
    if place.own and importlib.util.find_spec("bokeh") is None:
        return None
    services = place.client.scheduler_info().get("services", {})
    return place.client.dashboard_link if "dashboard" in services else None
