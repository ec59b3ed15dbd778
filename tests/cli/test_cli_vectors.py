"""deletion_vectors of a pipeline's table: auto, on, off; and upserts with less memory than their source."""
import json

import pytest

import pipelines

CONFIG = """\
pipeline: shop
checkpoint_path: state
tables:
  - table_name: people
    source: {path: "inbox/people-*.csv"}
    loading_strategy: %s
    primary_keys: [id]
    write: {path: lake/people}
"""


def has_vectors(silt):
    shown = silt("show", "lake/people", "--json").json
    return "deletionVectors" in json.dumps(shown["protocol"])


def vectors(silt):
    return sum('"deletionVector"' in line for line in (silt.dir / "lake/people/_delta_log").glob("*.json")
               for line in line.read_text().splitlines() if line.startswith('{"add"'))


@pytest.mark.parametrize("strategy, said, wanted", [
    ("upsert", None, True), ("upsert", "auto", True), ("upsert", "off", False), ("upsert", "on", True),
    ("append_once", None, False), ("append_once", "on", True)])
def test_tables_that_are_made(silt, strategy, said, wanted):
    text = CONFIG % strategy
    silt.write("silt.yaml", text + (f"    deletion_vectors: {said}\n" if said else ""))
    pipelines.people(silt, "1", {n: "a" for n in range(20)})
    silt("run")
    assert has_vectors(silt) == wanted
    pipelines.people(silt, "2", {3: "b", 30: "c"})
    silt("run")
    rows = pipelines.read(silt, "people", "id", "name")
    upserts = strategy == "upsert"
    assert len(rows) == 21 and ("3", "b" if upserts else "a") in rows and ("30", "c") in rows
    assert (vectors(silt) > 0) == (wanted and upserts)


def test_a_table_that_stands_is_as_it_is_until_they_are_asked_for(silt):
    silt.write("silt.yaml", CONFIG % "upsert" + "    deletion_vectors: off\n")
    pipelines.people(silt, "1", {n: "a" for n in range(20)})
    silt("run")
    silt.write("silt.yaml", CONFIG % "upsert")
    pipelines.people(silt, "2", {3: "b"})
    silt("run")
    assert not has_vectors(silt) and vectors(silt) == 0
    silt.write("silt.yaml", CONFIG % "upsert" + "    deletion_vectors: on\n")
    pipelines.people(silt, "3", {4: "b"})
    assert "deletion vectors are turned on" in silt("run").err
    assert has_vectors(silt) and vectors(silt) > 0
    rows = pipelines.read(silt, "people", "id", "name")
    assert len(rows) == 20 and ("3", "b") in rows and ("4", "b") in rows
