"""Clusters that cannot be joined are one line."""

import dask
import pytest

from diffbench.workers import engine
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
