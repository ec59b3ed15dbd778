"""What a source has and the table doesn't is never left out in silence: however late it comes, however deep it is."""
import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

ROWS = 130000 # over 64 MB: types are found in the first rows of each file then, members in all


def big(silt, name, late):
    pad = "y" * 560
    with open(silt.dir / name, "w") as f:
        for i in range(ROWS):
            f.write(json.dumps({"id": i, "note": pad, **(late if i == ROWS - 10 else {})}) + "\n")


@pytest.mark.parametrize("late", [{"extra": 5}, {"s": {"a": 1, "b": {"c": 2}}}], ids=["column", "nested"])
def test_a_member_that_comes_late(silt, late):
    silt.write("a.ndjson", '{"id":-1,"note":"x","s":{"a":0}}\n')
    silt("write", "t", "a.ndjson")
    big(silt, "b.ndjson", late)
    r = silt("write", "t", "b.ndjson", rc=1)
    assert ("extra" in late and "the column extra" in r.err) or "the member s.b" in r.err
    silt("write", "t", "b.ndjson", "--schema-mode", "merge")
    row = json.loads(silt("read", "t", "--where", f"id = {ROWS - 10}", "--json").out)
    assert late.items() <= row.items()
    silt("write", "new", "b.ndjson") # and where there is no table yet
    row = json.loads(silt("read", "new", "--where", f"id = {ROWS - 10}", "--json").out)
    assert late.items() <= row.items()


def test_members_within_parquet_columns(silt, read_deltalake):
    def give(name, s, q):
        pq.write_table(pa.table({"id": [1], "s": [s], "q": [q]}), silt.dir / name)
        return name
    silt("write", "t", give("a.parquet", {"a": 1}, [{"x": 1}]))
    files = [give("b.parquet", {"a": 2}, [{"x": 2}]), give("c.parquet", {"a": 3, "b": "z"}, [{"x": 3, "y": [4]}])]
    r = silt("write", "t", *files, rc=1)
    assert "c.parquet" in r.err and "members s.b, q.element.y; schema mode merge would add them" in r.err
    silt("write", "t", *files, "--schema-mode", "merge")
    rows = sorted(read_deltalake(silt.dir / "t").to_pylist(), key=lambda r: r["s"]["a"])
    assert rows == [{"id": 1, "s": {"a": a, "b": b}, "q": [{"x": a, "y": y}]}
                    for a, b, y in ((1, None, None), (2, None, None), (3, "z", [4]))]


@pytest.mark.parametrize("mode", ["append", "upsert"])
def test_a_pipeline(silt, mode, read_deltalake):
    keys = "\n    primary_keys: [id]" if mode == "upsert" else ""
    pipeline = f"""pipeline: p
checkpoint_path: state
tables:
  - table_name: t
    source: {{path: "inbox/*.ndjson"}}
    loading_strategy: {mode}{keys}
    write: {{path: t}}
"""
    silt.write("silt.yaml", pipeline)
    silt.write("inbox/1.ndjson", '{"id":1,"s":{"a":1}}\n')
    silt("run")
    silt.write("inbox/2.ndjson", '{"id":2,"s":{"a":2,"b":3}}\n')
    silt.write("inbox/3.ndjson", '{"id":3,"s":{"a":3}}\n')
    r = silt("run", rc=5)
    assert "2.ndjson" in r.out + r.err and "the member s.b" in r.out + r.err
    silt.write("silt.yaml", pipeline + "    on_new_column: evolve\n")
    silt("run", "--retry-failed")
    rows = {r["id"]: r["s"] for r in read_deltalake(silt.dir / "t").to_pylist()}
    assert rows == {1: {"a": 1, "b": None}, 2: {"a": 2, "b": 3}, 3: {"a": 3, "b": None}}
