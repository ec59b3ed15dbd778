"""Texts with NUL characters: nothing is cut at them."""
import json


def test_bounds_do_not_end_at_a_nul(silt, read_deltalake):
    silt.write("in.ndjson", '{"s":"a\\u0000b"}\n{"s":"a"}\n')
    silt("write", "t", "in.ndjson")
    out = silt("read", "t", "--where", "s > 'a'", "--format", "json").out
    assert json.loads(out) == {"s": "a\0b"}
    commit = (silt.dir / "t/_delta_log/00000000000000000000.json").read_text().splitlines()
    stats = json.loads(next(json.loads(line)["add"]["stats"] for line in commit if '"add"' in line))
    assert stats["maxValues"].get("s", "a\0b") >= "a\0b"
    assert sorted(read_deltalake(silt.dir / "t")["s"].to_pylist()) == ["a", "a\0b"]


def test_values_that_partition_have_none(silt):
    silt.write("in.ndjson", '{"s":"a\\u0000b"}\n{"s":"a"}\n')
    silt("create", "t", "--schema", "s string, n int", "--partition-by", "s")
    assert "column s: 'a' is followed by a NUL" in silt("write", "t", "in.ndjson", rc=1).err
    assert silt("show", "t", "--json").json["version"] == 0
    assert list(silt.dir.glob("t/s=*")) == []
