"""silt replay: rejected rows once more, as rows of their own files, and never twice."""
import json
import os
import shutil

import pytest

from pipelines import read
from test_cli_bad_rows import configure, rejects

ROWS = "id,v,d\n1,1,2024-01-01\n2,1234,2024-01-01\n3,x,2024-01-01\n4,4\n"


@pytest.fixture
def loaded(silt):
    configure(silt, "on_bad_row: quarantine")
    for name in "ab":
        silt.write(f"inbox/{name}.csv", ROWS.replace("\n", f"\n{ord(name) - 97}", 4))
    silt("run")
    assert len(rejects(silt)) == 6
    return silt


def mend(silt, **rows):
    """A file that mends rejects, by their raw text."""
    lines = [json.dumps({"reject_id": r["reject_id"], "row_json": rows[r["raw_text"].split(",")[0]]})
             for r in rejects(silt) if r["raw_text"].split(",")[0] in rows]
    return silt.write("mended.ndjson", "\n".join(lines) + "\n")


def agree(silt):
    silt("validate-consistency")
    silt("prove")
    assert "Nothing to do" in silt("run").out


def test_mended_rows(loaded):
    mend(loaded, **{"03": {"id": 3, "v": "3.5", "d": "2024-02-01"}, "14": {"id": 14, "v": None}})
    dry = loaded("replay", "--table", "t", "--file", "mended.ndjson", "--dry-run", "--json").json
    assert (dry["rows_replayed"], dry["batch_id"]) == (2, None) and len(read(loaded, "t", "id")) == 2
    done = loaded("replay", "--table", "t", "--file", "mended.ndjson", "--json").json
    assert (done["rows_replayed"], done["rows_still_bad"], done["batches"], done["batch_id"]) == (2, 0, 1, 1)
    rows = {r[0]: r for r in read(loaded, "t", "id", "v", "_source_file", "_batch_id")}
    assert rows["3"][1] == "3.50" and rows["3"][2].endswith("/a.csv") and rows["3"][3] == "1"
    assert rows["14"][2].endswith("/b.csv")
    marked = {r["raw_text"]: (r["status"], r["replayed_by"]) for r in rejects(loaded)}
    assert marked["03,x,2024-01-01"] == marked["14,4"] == ("replayed", 1)
    assert list(marked.values()).count(("open", None)) == 4
    agree(loaded)
    again = loaded("replay", "--table", "t", "--file", "mended.ndjson", rc=2)
    assert "of its 2 rows 0 are of rejects of table t that are open" in again.err
    assert len(read(loaded, "t", "id")) == 4


def test_as_they_are_once_the_table_takes_them(loaded):
    nothing = loaded("replay", "--table", "t")
    assert nothing.out == "t: nothing to replay, 4 are still bad, 2 have to be mended first\n"
    mended = mend(loaded, **{"02": {"id": 2, "v": 12345678}})
    assert loaded("replay", "--table", "t", "--file", mended, "--json").json["rows_still_bad"] == 1
    assert len(read(loaded, "t", "id")) == 2 and len(rejects(loaded)) == 6
    agree(loaded)


def test_upsert_and_selection(silt):
    configure(silt, "on_bad_row: quarantine\nloading_strategy: upsert\nprimary_keys: [id]\nconstraints: [{name: low, "
              "check: v < 10, on_violation: quarantine}]")
    silt.write("inbox/a.csv", "id,v,d\n1,1,2024-01-01\n2,20,2024-01-01\n")
    silt("run")
    path = silt.write("inbox/b.csv", "id,v,d\n1,30,2024-01-01\n")
    silt("run")
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("v < 10", "v < 100"))
    assert silt("replay", "--table", "t", "--batch", "7", "--json").json["rows_replayed"] == 0
    assert silt("replay", "--table", "t", "--source", path, "--json").json["rows_replayed"] == 1
    assert read(silt, "t", "id", "v") == [("1", "30.00")]
    assert silt("replay", "--table", "t", "--json").json["rows_replayed"] == 1
    assert read(silt, "t", "id", "v") == [("1", "30.00"), ("2", "20.00")]
    silt("validate-consistency")


def test_state_lost_after_a_replay(loaded):
    mend(loaded, **{"03": {"id": 3, "v": 3}})
    loaded("replay", "--table", "t", "--file", "mended.ndjson")
    shutil.rmtree(loaded.dir / "state")
    loaded("run")
    assert [r["status"] for r in rejects(loaded)].count("replayed") == 1
    assert len(read(loaded, "t", "id")) == 3
    agree(loaded)
    assert "replayed by batch 1" in loaded("unload", "inbox/a.csv", "--yes", rc=2).err
    loaded("unload", "inbox/b.csv", "--yes")
    loaded("validate-consistency")


@pytest.mark.parametrize("line, message", [
    ("{", "mended.ndjson, line 1:"), ("{}", "reject_id or row_json is missing"),
    ('{"reject_id":"x","row_json":{}}', "of its 1 rows 0 are of rejects"),
    ('{"reject_id":"x","row_json":{}}\n{"reject_id":"x","row_json":{}}', "line 2: reject x is there twice")])
def test_refusals(loaded, line, message):
    loaded.write("mended.ndjson", line)
    assert message in loaded("replay", "--table", "t", "--file", "mended.ndjson", rc=2).err
    assert "--table TABLE is missing" in loaded("replay", rc=2).err
    assert len(read(loaded, "t", "id")) == 2
    agree(loaded)


def states(silt):
    return {(r["source_file"][-5:], r["batch_id"], r["status"]) for r in rejects(silt)}


def test_rejects_of_rows_that_have_gone_are_superseded(loaded):
    """Replayed, they would bring rows of a file as it was, or of one that isn't loaded any more."""
    mended = mend(loaded, **{"03": {"id": 3, "v": 3}, "13": {"id": 13, "v": 3}})
    configure(loaded, "on_bad_row: quarantine\non_change: reload")
    loaded.write("inbox/a.csv", "id,v,d\n1,1,2024-01-01\n3,3,2024-01-01\n5,y,2024-01-01\n")
    loaded("run")
    assert states(loaded) == {("a.csv", 0, "superseded"), ("a.csv", 1, "open"), ("b.csv", 0, "open")}
    error = loaded("replay", "--table", "t", "--file", mended, rc=2).err
    assert "of its 2 rows 1 are of rejects of table t that are open" in error
    loaded("unload", "inbox/b.csv", "--yes")
    assert ("b.csv", 0, "superseded") in states(loaded) and ("a.csv", 1, "open") in states(loaded)
    agree(loaded)
    loaded("reset-state", "--forget", "--delete-rows", "--yes")
    loaded("run")
    assert {(name, batch > 2) for name, batch, state in states(loaded) if state == "open"} == {("a.csv", True), ("b.csv", True)}
    assert [r[0] for r in read(loaded, "t", "id")] == ["1", "11", "3"]
    agree(loaded)


def test_an_overwrite_supersedes_older_rejects(silt):
    configure(silt, "on_bad_row: quarantine\nloading_strategy: overwrite")
    for number in (1, 2):
        silt.write(f"inbox/{number}.csv", f"id,v,d\n{number},1,2024-01-01\nx{number},1,2024-01-01\n")
        silt("run")
    assert states(silt) == {("1.csv", 0, "superseded"), ("2.csv", 1, "open")}
    mend(silt, x1={"id": 1, "v": 1})
    silt("replay", "--table", "t", "--file", "mended.ndjson", rc=2)
    mend(silt, x2={"id": 20, "v": 1})
    silt("replay", "--table", "t", "--file", "mended.ndjson")
    assert [r[0] for r in read(silt, "t", "id")] == ["2", "20"]


@pytest.mark.parametrize("when", ["commit", "mark"])
def test_killed_in_between(loaded, when):
    """The tracker's record, or the mark among the rejects, is missing: as after a crash behind the commit."""
    before = loaded.dir / "before"
    shutil.copytree(loaded.dir / "state", before)
    mended = mend(loaded, **{"03": {"id": 3, "v": 3}})
    loaded("replay", "--table", "t", "--file", mended)
    gone = ["file_processing_tracker"] + (["rejects"] if when == "commit" else [])
    for name in gone:
        shutil.rmtree(loaded.dir / "state" / name)
        os.rename(before / name, loaded.dir / "state" / name)
    assert loaded("replay", "--table", "t", "--file", mended, rc=2).err
    assert [r[0] for r in read(loaded, "t", "id")].count("3") == 1
    assert [r["status"] for r in rejects(loaded)].count("replayed") == 1
    agree(loaded)


def rename(silt, more=""):
    text = (silt.dir / "silt.yaml").read_text()
    silt.write("silt.yaml", text.replace("table_name: t", "table_name: u") + f"    renamed_from: t\n{more}")


@pytest.mark.parametrize("lost", [False, True])
def test_rejects_of_a_renamed_table(loaded, lost):
    """Its rejects are known by the old name, and brought once."""
    mend(loaded, **{"03": {"id": 3, "v": "3.5", "d": "2024-02-01"}})
    rename(loaded)
    if lost:
        shutil.rmtree(loaded.dir / "state/file_processing_tracker")
    loaded("run")
    done = loaded("replay", "--table", "u", "--file", "mended.ndjson", "--json").json
    assert (done["rows_replayed"], done["batch_id"]) == (1, 1)
    assert len(read(loaded, "t", "id")) == 3
    agree(loaded)
    again = loaded("replay", "--table", "u", "--file", "mended.ndjson", rc=2)
    assert "rejects of table u that are open" in again.err
    assert len(read(loaded, "t", "id")) == 3


def test_rejects_of_another_table_by_the_old_name(loaded):
    """A table that came from another pipeline, where it was called as one of this pipeline is: the rejects are that one's."""
    text = (loaded.dir / "silt.yaml").read_text()
    loaded.write("silt.yaml", text + "  - {table_name: u, renamed_from: other/t, source: {path: 'none/*.csv'}, write: {path: lake/u}}\n")
    loaded.write("none/x.csv", "id,v,d\n9,9,2024-01-01\n")
    loaded("run")
    mend(loaded, **{"03": {"id": 3, "v": "3.5", "d": "2024-02-01"}})
    r = loaded("replay", "--table", "u", "--file", "mended.ndjson", rc=2)
    assert "of its 1 rows 0 are of rejects of table u that are open" in r.err
    assert read(loaded, "u", "id") == [("9",)]
    assert loaded("replay", "--table", "t", "--file", "mended.ndjson", "--json").json["rows_replayed"] == 1


def test_a_target_restored_after_a_replay(loaded):
    """on_restore: reload brings source files, but not what was mended by hand: that is for a person to say."""
    text = (loaded.dir / "silt.yaml").read_text()
    loaded.write("silt.yaml", text + "    on_restore: reload\n")
    mend(loaded, **{"03": {"id": 3, "v": "3.5", "d": "2024-02-01"}})
    version = int(loaded("show", "lake/t", "--json").json["version"])
    loaded("replay", "--table", "t", "--file", "mended.ndjson")
    assert len(read(loaded, "t", "id")) == 3
    loaded("restore", "lake/t", "--version", version)
    for _ in range(2):
        r = loaded("run", rc=3)
        assert "rows that were replayed may be gone, too, which nothing brings back" in r.out
        assert "silt reset-state --table t" in r.out
    assert len(read(loaded, "t", "id")) == 2
    loaded("validate-consistency", rc=3)
    loaded("fix-inconsistencies", rc=3)
    loaded("restore", "lake/t", "--version", version + 1) # all of it is there again
    loaded("reset-state", "--table", "t", "--yes")
    assert len(read(loaded, "t", "id")) == 3
    agree(loaded)
    loaded("restore", "lake/t", "--version", version)
    loaded("reset-state", "--forget", "--delete-rows", "--table", "t", "--yes") # or from nothing
    loaded("run")
    assert len(read(loaded, "t", "id")) == 2
    agree(loaded)
