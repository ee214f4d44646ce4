"""Clusters that cannot be joined are one line."""

import contextlib
import logging

import dask
import pytest

from diffbench.workers import cluster, engine
from diffbench.workers.cluster import ClusterError
from diffbench.workers.engine import Settings, Task


@pytest.mark.parametrize(
    ("setting", "why"),
    [({}, "names none"), ({"ca-file": "no.pem", "client.cert": "no.pem"}, "cannot be read")],
)
def test_an_encrypted_scheduler_without_certificates_is_one_line(setting, why):
    tasks = [Task("a", "fit", {})]
    settings = {f"distributed.comm.tls.{key}": value for key, value in setting.items()}
    with (
        dask.config.set(settings),
        pytest.raises(ClusterError, match=f"{why}.*set DASK_DISTRIBUTED__COMM__TLS__CA_FILE") as error,
    ):
        next(engine.run(tasks, print, 0, Settings(scheduler="tls://127.0.0.1:9")))
    assert len(str(error.value).splitlines()) == 1


def test_a_cluster_of_this_machine_leaves_logs_that_are_shown_alone(monkeypatch, caplog):
    def told(what):
        for name in ("distributed.scheduler", "distributed.nanny"):
            logging.getLogger(name).info(what)

    class Told:
        def __init__(self, **settings):
            told("start")

        def __enter__(self):
            return self

        def __exit__(self, *raised):
            told("closed")

    monkeypatch.setattr("distributed.LocalCluster", Told)
    monkeypatch.setattr("distributed.Client", lambda place: contextlib.nullcontext(place))
    for name in ("distributed.scheduler", "distributed.nanny"):
        caplog.set_level(logging.INFO, name)
    with cluster.local(1):
        told("between")
    assert caplog.messages == []
    told("afterwards, as before")
    assert len(caplog.messages) == 2
