"""Run documents: valid by the schemas of event-model, and holding what the run holds."""

from __future__ import annotations

import json

import event_model
import numpy as np
import pytest

from labctl import api
from labctl.store.documents import documents
from labctl.store.export import export

VALIDATORS = {
    "start": event_model.DocumentNames.start, "descriptor": event_model.DocumentNames.descriptor,
    "event": event_model.DocumentNames.event, "stop": event_model.DocumentNames.stop,
}


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Three frames and a dark one."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("LABCTL_STATE", str(tmp_path_factory.mktemp("state")))
        with api.open_bench("xiong2022") as bench:
            order = api.Order("snapshot", tmp_path_factory.mktemp("data"), seed=1, figure=False, note="two\nlines")
            outcome = api.run("snapshot", bench, {"exposure": 0.01, "frames": 3, "dark_frames": 1}, order=order)
        with api.load(outcome.run) as found:
            yield found


def test_every_document_is_valid_and_names_the_one_it_belongs_to(run):
    told = list(documents(run))
    for name, document in told:
        event_model.schema_validators[VALIDATORS[name]].validate(document)
    names = [name for name, _ in told]
    assert names == ["start", "descriptor", *["event"] * 3, "descriptor", "event", "stop"]
    start, stop = told[0][1], told[-1][1]
    streams = {document["uid"]: document["name"] for name, document in told if name == "descriptor"}
    assert {document["run_start"] for name, document in told if name in ("descriptor", "stop")} == {start["uid"]}
    assert [streams[document["descriptor"]] for name, document in told if name == "event"] == ["primary"] * 3 + ["dark"]
    assert stop["num_events"] == {"primary": 3, "dark": 1}
    assert stop["exit_status"] == "success"
    assert stop["results"]["total_rate"]["value"] == run.results["total_rate"].value


def test_the_events_hold_what_the_run_holds(run):
    told = list(documents(run))
    (descriptor, *_), events = ([document for name, document in told if name == kind] for kind in ("descriptor", "event"))
    for row, event in enumerate(events[:3]):
        assert event["data"].keys() == descriptor["data_keys"].keys() == event["timestamps"].keys()
        assert np.array_equal(event["data"]["counts"], run.counts()[row])
        assert event["data"]["exposure_s"] == run["exposure_s"][row]
    assert descriptor["data_keys"]["counts"]["shape"] == list(run.counts().shape[1:])
    wavelength = next(values for name, values in descriptor["configuration"]["labctl"]["data"].items() if "wavelength" in name)
    assert np.array_equal(wavelength, run.coordinate("counts")[2])


def test_the_file_is_one_json_object_a_line_and_the_same_every_time(run, tmp_path):
    first, second = (export(run, "documents", tmp_path / f"{n}.jsonl") for n in (1, 2))
    assert first.read_bytes() == second.read_bytes()
    lines = [json.loads(line) for line in first.read_text(encoding="utf-8").splitlines()]
    assert [line["name"] for line in lines] == [name for name, _ in documents(run)]
