"""How a signal ends a run: once it is cleaned up after, and once more, after some patience, it is final."""

from __future__ import annotations

import os
import signal
import threading
import time

INTERRUPTED = 130
"""The exit code of what was stopped by a signal."""
PATIENCE = 10.0  # seconds of cleaning up, after which one more signal ends the process at once


def stop_on_signals() -> None:
    """Has what a person, a batch system or a terminal that goes away sends end a run cleanly."""
    if threading.current_thread() is not threading.main_thread():
        return  # whoever runs this in a thread hears the signals
    began: list[float] = []

    def stop(number: int, frame: object) -> None:
        """Interrupts once: a second interrupt would break off the cleaning up after the first."""
        if not began:
            began.append(time.monotonic())
            raise KeyboardInterrupt
        if time.monotonic() - began[0] > PATIENCE:
            os._exit(INTERRUPTED)

    for name in ("SIGINT", "SIGTERM", "SIGHUP"):
        number = getattr(signal, name, None)
        # One that is ignored was asked to be: `nohup`, or a job in a shell's background.
        if number is not None and signal.getsignal(number) != signal.SIG_IGN:
            signal.signal(number, stop)
