"""Tables with variant columns: written from what sources have, kept byte by byte by all that writes rows anew, and read
by DuckDB as the same values."""
import datetime as dt
import decimal
import json
import re

import duckdb
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

SCHEMA = "id BIGINT, v VARIANT"
NULL = {"metadata": b"\x01\x00\x00", "value": b"\x00"}
PARTS = pa.struct([("value", pa.binary()), ("metadata", pa.binary())])
# By hand: 42 as INT64, which nobody would choose; 1.50, scale 2; an object whose key is in a dictionary of three.
HAND = [{"metadata": b"\x01\x00\x00", "value": b"\x18" + (42).to_bytes(8, "little")},
        {"metadata": b"\x01\x00\x00", "value": b"\x20\x02" + (150).to_bytes(4, "little")},
        {"metadata": b"\x01\x03\x00\x01\x02\x03cba", "value": b"\x02\x01\x01\x00\x02\x0c\x07"}, NULL, None]


def rows(silt, *more, table="t"):
    out = silt("read", table, "--format", "json", *more).out
    return {r["id"]: r.get("v") for r in map(json.loads, out.splitlines())}


def parts(silt, table="t"):
    """The two parts of each row as they stand."""
    silt("read", table, "--format", "arrow", "--output", "v.arrow")
    with pa.ipc.open_stream(silt.dir / "v.arrow") as stream:
        return {r["id"]: r["v"] for r in stream.read_all().to_pylist()}


def by_hand(silt, name="hand.parquet", first=1):
    table = pa.table({"id": pa.array(range(first, first + len(HAND)), pa.int64()), "v": pa.array(HAND, PARTS)})
    pq.write_table(table, silt.dir / name)
    return name


def adds(silt, table="t"):
    for log in sorted((silt.dir / table / "_delta_log").glob("*.json")):
        for action in map(json.loads, log.read_text().splitlines()):
            if "add" in action:
                yield action["add"]


def duck(silt, table="t"):
    files = [str(silt.dir / table / a["path"]) for a in adds(silt, table)]
    found = duckdb.sql(f"SELECT id, variant_bytes_to_variant(v.metadata || v.\"value\") FROM read_parquet({files})")
    return dict(found.fetchall())


@pytest.mark.parametrize("mode", ["append", "overwrite"])
def test_members_of_ndjson_are_any_json(silt, mode):
    values = [{"b": 1, "a": [1.5, None, "x", {}], "é": {"deep": [[True]]}}, "text", "7", -300, 2 ** 40, 10 ** 30, 0.25,
              0.30000000000000004, True, False, [], {}, "x" * 100, [{"k": i} for i in range(400)]]
    silt.write("a.ndjson", "".join(json.dumps({"id": i, "v": v}, ensure_ascii=False) + "\n" for i, v in enumerate(values)) +
               '{"id": 100, "v": null}\n{"id": 101}\n')
    silt("create", "t", "--schema", SCHEMA)
    silt("write", "t", "a.ndjson", "--mode", mode)
    expected = {**dict(enumerate(values)), 100: None, 101: None}
    assert rows(silt) == duck(silt) == expected
    for add in adds(silt):
        stats = json.loads(add["stats"])
        assert "v" not in stats["minValues"] and "v" not in stats["maxValues"]
    written = pq.read_schema(next((silt.dir / "t").glob("*.parquet"))).field("v").type
    assert [f.name for f in written] == ["metadata", "value"], "unshredded"


def test_text_of_csv_is_parsed(silt):
    silt("create", "t", "--schema", SCHEMA)
    silt("write", "t", silt.write("a.csv", 'id,v\n1,"{""k"":[1.10,null]}"\n2,\n3,null\n4,"""a"""\n5,12345678901234567890.5\n'))
    assert rows(silt) == {1: {"k": [1.1, None]}, 2: None, 3: None, 4: "a", 5: 12345678901234567890.5}
    found = parts(silt)
    assert found[2] is None and found[3] == NULL, "the text null is JSON's, as of parse_json()"
    assert found[5]["value"] == b"\x28\x01" + (123456789012345678905).to_bytes(16, "little"), "not through a double"


@pytest.mark.parametrize("text", ["{oops", "abc", "'a'", "NaN", '{""a"":1,""a"":2}', "1e999"])
def test_what_is_no_json_is_told_by_line(silt, text):
    silt("create", "t", "--schema", SCHEMA)
    r = silt("write", "t", silt.write("a.csv", f'id,v\n1,1\n2,"{text}"\n'), rc=None)
    assert r.rc != 0 and "line 3, column v" in r.err and "no JSON" in r.err, r.err
    assert rows(silt) == {}


def test_variants_of_duckdb_are_sorted(silt):
    duckdb.sql("COPY (SELECT 1::BIGINT AS id, {'z': 1, 'a': DATE '2024-02-29', 'm': {'y': 1.25::DECIMAL(5, 2), 'b': [1]}}::VARIANT "
               f"AS v UNION ALL SELECT 2, NULL UNION ALL SELECT 3, 'x'::VARIANT) TO '{silt.dir / 'd.parquet'}'")
    silt("create", "t", "--schema", SCHEMA)
    silt("write", "t", "d.parquet")
    assert duck(silt)[1] == {"a": dt.date(2024, 2, 29), "m": {"b": [1], "y": decimal.Decimal("1.25")}, "z": 1}
    assert rows(silt) == {1: {"a": "2024-02-29", "m": {"b": [1], "y": 1.25}, "z": 1}, 2: None, 3: "x"}
    value, keys = parts(silt)[1]["value"], parts(silt)[1]["metadata"]
    names = [keys[2 + keys[1] + 1:][a:b] for a, b in zip(keys[2:], keys[3:3 + keys[1]])]
    ids = value[2:2 + value[1]]
    assert [names[i] for i in ids] == [b"a", b"m", b"z"], "which the format asks for"


def test_variants_that_duckdb_cant_write_are_refused(silt):
    duckdb.sql(f"COPY (SELECT 1::BIGINT AS id, {{'a': 1}}::VARIANT AS v) TO '{silt.dir / 'd.parquet'}'")
    silt("create", "t", "--schema", SCHEMA)
    r = silt("write", "t", "--sql", "SELECT 1::BIGINT AS id, (INTERVAL 1 DAY)::VARIANT AS v", rc=None)
    assert r.rc != 0 and "INTERVAL" in r.err
    assert rows(silt) == {}


def test_two_parts_are_kept_as_they_are(silt):
    silt("create", "t", "--schema", SCHEMA)
    silt("write", "t", by_hand(silt))
    expected = dict(enumerate(HAND, 1))
    assert parts(silt) == expected
    assert rows(silt) == {1: 42, 2: 1.5, 3: {"b": 7}, 4: None, 5: None}
    assert rows(silt, "--where", "v IS NULL") == {5: None}, "a variant that is null is there"


@pytest.mark.parametrize("kind, words", [
    (pa.array(["{}"]), "can't become variant"), (pa.array([1]), "can't become variant"),
    (pa.array([{"value": b"\xff", "metadata": b"\x01\x00\x00"}], PARTS), "variant"),
    (pa.array([{"value": "x", "metadata": "y"}]), "can't become variant")])
def test_what_is_no_variant_is_refused(silt, kind, words):
    pq.write_table(pa.table({"id": pa.array([1], pa.int64()), "v": kind}), silt.dir / "a.parquet")
    silt("create", "t", "--schema", SCHEMA)
    r = silt("write", "t", "a.parquet", rc=None)
    assert r.rc != 0 and "a.parquet" in r.err and words in r.err.lower()
    assert rows(silt) == {}


def test_variants_within_others_are_read_but_not_loaded(silt):
    silt("create", "t", "--schema", "id BIGINT, v STRUCT<x: VARIANT>, a ARRAY<VARIANT>")
    r = silt("write", "t", silt.write("a.ndjson", '{"id": 1, "v": {"x": 1}}\n'), rc=None)
    assert r.rc != 0 and "variants within structs, arrays and maps can't be loaded" in r.err
    silt("write", "t", silt.write("b.csv", "id\n1\n"))
    assert rows(silt) == {1: None}


def test_from_tables_and_queries(silt):
    silt("create", "s", "--schema", SCHEMA)
    silt("write", "s", by_hand(silt))
    silt("create", "t", "--schema", SCHEMA)
    silt("write", "t", "s")
    assert parts(silt) == parts(silt, "s"), "of a table byte by byte"
    silt("create", "q", "--schema", SCHEMA)
    silt("write", "q", "--sql", "SELECT id, v FROM delta('s') WHERE id < 4 UNION ALL SELECT 9, {'k': [1]}::VARIANT")
    assert rows(silt, table="q") == {1: 42, 2: 1.5, 3: {"b": 7}, 9: {"k": [1]}}
    assert json.loads(silt("sql", "SELECT v FROM delta('q') WHERE id = 9", "--format", "json").out) == {"v": {"k": [1]}}


def test_upserts_and_merges(silt):
    silt("create", "t", "--schema", SCHEMA + ", n BIGINT")
    silt("write", "t", silt.write("a.ndjson", '{"id":1,"v":{"a":1},"n":1}\n{"id":2,"v":[2],"n":2}\n{"id":3,"v":3,"n":3}\n'))
    before = parts(silt)
    silt("write", "t", silt.write("b.ndjson", '{"id":2,"v":"new","n":20}\n{"id":4,"v":{"x":4},"n":4}\n'), "--mode", "upsert",
         "--keys", "id")
    assert rows(silt) == {1: {"a": 1}, 2: "new", 3: 3, 4: {"x": 4}}
    silt("write", "t", silt.write("c.ndjson", '{"id":4,"v":"no","n":0}\n{"id":5,"v":5.5,"n":5}\n'), "--mode", "append_once",
         "--keys", "id")
    assert rows(silt) == {1: {"a": 1}, 2: "new", 3: 3, 4: {"x": 4}, 5: 5.5}
    silt("write", "t", by_hand(silt, first=6), "--mode", "upsert", "--keys", "id")
    found = parts(silt)
    assert [found[6 + i] for i in range(len(HAND))] == HAND and found[1] == before[1] and found[3] == before[3]


@pytest.mark.parametrize("properties", [[], ["DeletionVectors"], ["ChangeDataFeed"], ["RowTracking"],
                                        ["DeletionVectors", "ChangeDataFeed", "RowTracking"]])
def test_what_stays_stays_byte_by_byte(silt, properties):
    silt("create", "t", "--schema", SCHEMA + ", n BIGINT", *[x for p in properties for x in ("--property", f"delta.enable{p}=true")])
    silt("write", "t", by_hand(silt))
    silt("write", "t", by_hand(silt, first=11))
    expected = {**dict(enumerate(HAND, 1)), **dict(enumerate(HAND, 11))}
    silt("update", "t", "--set", "n=id * 2", "--where", "id % 2 = 1")
    assert parts(silt) == expected
    silt("update", "t", "--set", "v=NULL", "--where", "id = 11")
    silt("delete", "t", "--where", "id = 12")
    expected[11] = None
    del expected[12]
    assert parts(silt) == expected
    silt("optimize", "t")
    assert parts(silt) == expected
    if "ChangeDataFeed" in properties:
        feed = silt("sql", "SELECT id, v, _change_type FROM delta_changes('t', 4, 4)", "--format", "json").out
        kinds = {r["_change_type"]: r for r in map(json.loads, feed.splitlines())}
        assert kinds["update_preimage"]["v"] == 42 and kinds["update_postimage"]["v"] is None
    silt("doctor", "t")


def test_variants_order_nothing(silt):
    for more in (["--partition-by", "v"], ["--cluster-by", "v"]):
        r = silt("create", "x", "--schema", SCHEMA, *more, rc=None)
        assert r.rc != 0 and re.search(r"\bv\b", r.err), r.err
    silt("create", "t", "--schema", SCHEMA)
    name = silt.write("a.ndjson", '{"id": 1, "v": 1}\n')
    silt("write", "t", name)
    for args in (["write", "t", name, "--mode", "upsert", "--keys", "v"], ["write", "t", name, "--mode", "append_once", "--keys", "v"],
                 ["write", "t", name, "--z-order", "v"], ["write", "t", name, "--order-by", "v"],
                 ["optimize", "t", "--zorder", "v"]):
        r = silt(*args, rc=None)
        assert r.rc != 0 and re.search(r"\bv\b|variant", r.err), args
    assert rows(silt) == {1: 1}


def test_a_column_that_comes_later(silt):
    silt("create", "t", "--schema", "id BIGINT")
    silt("write", "t", silt.write("a.csv", "id\n1\n"))
    silt("alter", "t", "--add-column", "v VARIANT")
    silt("write", "t", silt.write("b.ndjson", '{"id": 2, "v": {"k": 1}}\n'))
    assert rows(silt) == {1: None, 2: {"k": 1}}


def test_a_table_is_made_from_variants(silt):
    duckdb.sql(f"COPY (SELECT 1::BIGINT AS id, {{'a': 1}}::VARIANT AS v) TO '{silt.dir / 'd.parquet'}'")
    silt("write", "t", "d.parquet")
    assert rows(silt) == {1: {"a": 1}}
    log = (silt.dir / "t/_delta_log/00000000000000000000.json").read_text()
    assert '"variantType"' in log and '\\"variant\\"' in log
