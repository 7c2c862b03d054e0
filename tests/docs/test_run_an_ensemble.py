"""docs/how-to/run-an-ensemble.md, with a Dask cluster at the address that stands there as an example."""

from __future__ import annotations

import gc
from pathlib import Path
from typing import Any

import distributed
import pytest

from labctl.ensembles.folder import Folder
from tests.docs.cheaper import cheaper
from tests.docs.pages import Reader

EXAMPLE = "tcp://10.0.0.7:8786"


@pytest.mark.filterwarnings("ignore::UserWarning:distributed")      # of a slow disk, which is Dask's business
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")      # and so are its sockets
def test_the_page(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    local: Any = distributed.LocalCluster
    with local(n_workers=1, threads_per_worker=1, processes=False, protocol="tcp", host="127.0.0.1",
               dashboard_address=None, worker_dashboard_address=None) as cluster:
        reader = Reader(cheaper, {EXAMPLE: cluster.scheduler_address})
        reader.follow("docs/how-to/run-an-ensemble.md")
    assert reader.names["table"].sizes == {"exposure": 2, "seed": 3}
    gc.collect()                                        # what Dask has left open is said here, not in somebody else's test
    folder = Folder(tmp_path / "labctl_ensembles" / "snapshot")
    assert sorted(record.where["seed"] for record in folder.records().values()) == [0, 512]
    assert len(list(folder.runs.glob("*.nxs"))) == 2
