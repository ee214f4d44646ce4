"""One signal interrupts; the next ones are not heard, until the cleaning up has had its time."""

import os
import signal
import threading

import pytest

from diffbench import interrupts

NAMES = ("SIGINT", "SIGTERM", "SIGHUP")


@pytest.fixture
def handlers():
    """Hears each signal, as a shell's background job does not hear SIGINT; puts back what there was."""
    before = {name: signal.getsignal(getattr(signal, name)) for name in NAMES}
    heard = {name: signal.default_int_handler if name == "SIGINT" else signal.SIG_DFL for name in NAMES}
    for name, handler in heard.items():
        signal.signal(getattr(signal, name), handler)
    yield heard
    for name, handler in before.items():
        signal.signal(getattr(signal, name), handler)


@pytest.mark.parametrize("name", NAMES)
def test_the_first_signal_interrupts_and_the_second_is_let_pass(handlers, name):
    interrupts.stop_on_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(getattr(signal, name))
    signal.raise_signal(signal.SIGTERM)


def test_a_signal_after_the_patience_ends_the_process_at_once(handlers, monkeypatch):
    codes = []
    monkeypatch.setattr(os, "_exit", codes.append)
    interrupts.stop_on_signals()
    with pytest.raises(KeyboardInterrupt):
        signal.raise_signal(signal.SIGTERM)
    monkeypatch.setattr(interrupts, "PATIENCE", -1.0)
    signal.raise_signal(signal.SIGTERM)
    assert codes == [interrupts.INTERRUPTED]


def test_a_signal_that_is_ignored_stays_so(handlers):
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    interrupts.stop_on_signals()
    assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN


def test_in_a_thread_nothing_is_changed(handlers):
    thread = threading.Thread(target=interrupts.stop_on_signals)
    thread.start()
    thread.join()
    assert {name: signal.getsignal(getattr(signal, name)) for name in NAMES} == handlers
