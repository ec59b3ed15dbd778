"""Types that became wider: what files and log said before has to be true of the wider values."""
import json

import pytest

WIDE = ["--property", "delta.enableTypeWidening=true"]


def rows(silt, *more):
    return [json.loads(line) for line in silt("read", "t", "--json", *more).out.splitlines()]


@pytest.mark.parametrize("value, as_double", [(0.1, 0.10000000149011612), (0.7, 0.699999988079071), (16777216.0, 16777216.0),
                                              (3.4028234663852886e38, 3.4028234663852886e38)])
def test_bounds_of_floats_are_those_of_their_doubles(silt, read_deltalake, value, as_double):
    """A reader that takes "0.1" for the greatest double looks past the file for x > 0.1, and 0.1f is greater."""
    silt.write("rows.json", json.dumps({"x": value}))
    silt("create", "t", "--schema", "x float", *WIDE)
    silt("write", "t", "rows.json")
    [add] = [json.loads(line)["add"] for line in (silt.dir / "t/_delta_log/00000000000000000001.json").read_text().splitlines()
             if line.startswith('{"add"')]
    stats = json.loads(add["stats"])
    assert stats["minValues"] == stats["maxValues"] == {"x": as_double}
    silt("alter", "t", "--set-type", "x=double")
    assert rows(silt, "--where", f"x = {as_double!r}D") == [{"x": as_double}]


@pytest.mark.parametrize("kind, to, given, wanted", [
    ("date", "timestamp_ntz", "2024-02-03", "2024-02-03T00:00:00.000000"),
    ("int", "long", 7, 7), ("byte", "double", -7, -7.0), ("short", "decimal(12,2)", -7, -7.0),
    ("decimal(5,2)", "decimal(9,4)", -0.75, -0.75), ("float", "double", 1.5, 1.5)])
def test_partition_columns(silt, kind, to, given, wanted):
    """The log keeps the texts of the narrower type."""
    silt.write("rows.json", json.dumps({"id": 1, "p": given}) + '\n{"id":2}\n{"id":3,"p":' + json.dumps(given) + "}")
    silt("create", "t", "--schema", f"id long, p {kind}", "--partition-by", "p", *WIDE, "--property",
         "delta.enableDeletionVectors=true", "--property", "delta.checkpoint.writeStatsAsStruct=true")
    silt("write", "t", "rows.json")
    silt("alter", "t", "--set-type", f"p={to}")
    silt("write", "t", "rows.json")
    silt("checkpoint", "t")
    silt("delete", "t", "--where", "id = 3")
    both = [{"id": 1, "p": wanted}, {"id": 2, "p": None}] * 2
    assert sorted(rows(silt), key=str) == sorted(both, key=str)
    literal = f"TIMESTAMP_NTZ '{given}'" if kind == "date" else str(given)
    assert rows(silt, "--where", f"p = {literal}") == both[::2]
    silt("optimize", "t", "--min-files", 2)
    assert sorted(rows(silt), key=str) == sorted(both, key=str)
    assert silt("doctor", "t", "--deep").rc == 0
