"""Rows that a table can't take: quarantined, skipped, or the file fails; by format, strategy and constraint."""
import gzip
import json
import shutil

import duckdb
import pytest
from deltalake import DeltaTable

from pipelines import read

HEAD = """\
pipeline: shop
checkpoint_path: state
tables:
  - table_name: t
    source: {path: "inbox/*.%s"}
    schema: [{name: id, type: bigint, nullable: false}, {name: v, type: "decimal(5,2)"}, {name: d, type: date}]
    write: {path: lake/t}
"""
BAD = ["x,1.00,2024-01-01", "3,1.234,2024-01-01", "4,1,2024-02-30", ",1,2024-01-01", "6,1", "7,1,2024-01-01,8",
       '8,"1"x,2024-01-01', "9,100000,2024-01-01"]
GOOD = ["1,1.00,2024-01-01", '"2",2.50,', "30,3,2024-03-01"]
CSV = "id,v,d\n" + "\n".join([GOOD[0], *BAD[:4], GOOD[1], *BAD[4:], GOOD[2]]) + "\n"


def configure(silt, more="", extension="csv"):
    silt.write("silt.yaml", HEAD % extension + "".join(f"    {line}\n" for line in more.splitlines()))


def rejects(silt, *columns):
    """As deltalake reads them, in the order they came."""
    rows = DeltaTable(str(silt.dir / "state/rejects")).to_pyarrow_table().to_pylist()
    rows.sort(key=lambda r: (r["table_name"], r["batch_id"], r["source_file"], r["row_number"]))
    return [tuple(r[c] for c in columns) for r in rows] if columns else rows


def settled(silt, accepted, rejected):
    """Nothing more happens, and all agree."""
    again = silt("run", "--json").json
    assert (again["total_files_processed"], again["total_files_failed"]) == (0, 0)
    silt("validate-consistency")
    proof = silt("prove", "--json").json["tables"][0]
    assert (proof["rows_read"], proof["rows_rejected"]) == (accepted + rejected, rejected)
    assert silt("status", "--json").json["tables"][0]["rows_rejected"] == rejected


def test_fail_names_the_row(silt):
    configure(silt)
    silt.write("inbox/a.csv", CSV)
    failure = silt("run", "--json", rc=1).json["failures"][0]["error_message"]
    assert failure.startswith("line ")


def test_quarantine_of_csv(silt):
    configure(silt, "on_bad_row: quarantine")
    path = silt.write("inbox/a.csv", CSV)
    silt.write("inbox/b.csv", "id,v,d\n100,1,2024-01-01\n")
    result = silt("run")
    assert "12 rows in 1 batch (4 inserted, 8 rejected)" in result.out
    assert [r[0] for r in read(silt, "t", "id")] == ["1", "100", "2", "30"]
    found = rejects(silt)
    assert [r["raw_text"] for r in found] == BAD
    text = CSV.encode()
    for r in found:
        assert r["table_name"] == "t" and r["source_file"] == str(path) and r["status"] == "open"
        assert text[r["byte_offset"]:].startswith(r["raw_text"].encode())
        assert CSV.splitlines()[r["line"] - 1] == r["raw_text"]
        assert r["batch_id"] == 0 and r["attempt_id"] and r["rejected_at"] and not r["replayed_by"]
    assert [r["column_name"] for r in found] == ["id", "v", "d", "id", None, None, None, "v"]
    assert found[0]["reason"] == "'x' is no BIGINT that can be kept exactly"
    assert found[3]["reason"] == "it must not be null"
    assert found[4]["reason"] == "2 fields stand where 3 are expected"
    assert found[6]["reason"] == "something stands behind a field's quotes"
    assert json.loads(found[0]["row_json"]) == {"id": "x", "v": "1.00", "d": "2024-01-01"}
    assert found[4]["row_json"] is None
    assert len({r["reject_id"] for r in found}) == len(found)
    settled(silt, 4, 8)


def test_skip_counts_only(silt):
    configure(silt, "on_bad_row: skip")
    silt.write("inbox/a.csv", CSV)
    assert silt("run", "--json").json["tables"][0]["rows_rejected"] == 8
    assert not (silt.dir / "state/rejects").exists()
    settled(silt, 3, 8)


def test_compressed_crlf_quoted_and_cut_off(silt):
    configure(silt, "on_bad_row: quarantine")
    silt.write("inbox/a.csv", 'id,v,d\r\n"x\r\ny",1,2024-01-01\r\n\r\n2,2,2024-01-01\r\n3,3,"2024')
    (silt.dir / "inbox/b.csv.gz").write_bytes(gzip.compress(b"id,v,d\n5,\xff,2024-01-01\n6,6,2024-01-01\n"))
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace('"inbox/*.csv"', '"inbox/*.csv*", format: csv'))
    silt("run")
    assert [r[0] for r in read(silt, "t", "id")] == ["2", "6"]
    assert rejects(silt, "line", "byte_offset", "raw_text") == [
        (2, 8, '"x\r\ny",1,2024-01-01'), (6, 47, '3,3,"2024'), (2, 7, "5,�,2024-01-01")]
    settled(silt, 2, 3)


def test_quotes_that_swallow_the_rest_fail_the_file(silt):
    configure(silt, "on_bad_row: quarantine")
    silt.write("inbox/a.csv", 'id,v,d\n1,1,2024-01-01\n2,"2,2024-01-01\n3,3,2024-01-01\n4,4,2024-01-01\n')
    failure = silt("run", "--json", rc=1).json["failures"][0]["error_message"]
    assert "line 3: quotes open here that don't end" in failure


def test_quarantine_of_ndjson(silt):
    configure(silt, "on_bad_row: quarantine", "ndjson")
    good = ['{"id":1,"v":1.25,"d":"2024-01-01"}', '  {"id":2, "d":null}  ']
    bad = ['{"id":"x"}', '{"id":3', "[1]", '{"v":1}', '{"id":4,"v":1.256}', '{"id":5,"d":"nope"}', "{}"]
    silt.write("inbox/a.ndjson", "\n".join([good[0], *bad, "", good[1]]) + "\n")
    silt("run")
    assert [r[0] for r in read(silt, "t", "id")] == ["1", "2"]
    assert rejects(silt, "raw_text") == [(text,) for text in bad]
    assert rejects(silt, "line", "column_name") == [(2, "id"), (3, None), (4, None), (5, "id"), (6, "v"), (7, "d"),
                                                    (8, "id")]
    assert [r for r, in rejects(silt, "reason")][1:3] == ["it is no valid JSON", "it is no JSON object"]
    settled(silt, 2, 7)


def test_nested_values_of_ndjson(silt):
    silt.write("silt.yaml", """\
pipeline: shop
checkpoint_path: state
tables:
  - table_name: t
    source: {path: "inbox/*.ndjson"}
    on_bad_row: quarantine
    schema: {id: bigint, s: "struct<x:int,y:array<int>>", m: "map<string,int>"}
    write: {path: lake/t}
""")
    good = [{"id": 1, "s": {"x": 1, "y": [1, None]}, "m": {"a": 1}}, {"id": 2, "s": {"y": None}}, {"id": 3, "m": {}}]
    bad = [{"id": 4, "s": {"x": "q"}}, {"id": 5, "s": {"y": [1, "q"]}}, {"id": 6, "m": {"a": "q"}}, {"id": 7, "s": 5}]
    silt.write("inbox/a.ndjson", "".join(json.dumps(row) + "\n" for row in [good[0], *bad, *good[1:]]))
    silt("run")
    assert [r[0] for r in read(silt, "t", "id")] == ["1", "2", "3"]
    assert [json.loads(r) for r, in rejects(silt, "row_json")] == bad
    settled(silt, 3, 4)


def test_quarantine_of_parquet(silt):
    configure(silt, "on_bad_row: quarantine", "parquet")
    (silt.dir / "inbox").mkdir()
    duckdb.sql("SELECT * FROM (VALUES (1, 1.25, DATE '2024-01-01'), (2, 1.256, NULL), (NULL, 1, NULL), (4, 99999, "
               f"NULL), (5, 5, NULL)) t(id, v, d)").write_parquet(str(silt.dir / "inbox/a.parquet"))
    silt("run")
    assert [r[0] for r in read(silt, "t", "id")] == ["1", "5"]
    assert rejects(silt, "row_number", "line", "byte_offset", "column_name") == [
        (2, None, None, "v"), (3, None, None, "id"), (4, None, None, "v")]
    assert json.loads(rejects(silt, "row_json")[0][0])["v"] == 1.256
    settled(silt, 2, 3)


@pytest.mark.parametrize("more, why", [
    ("max_bad_rows: 7", "more rows are bad than max_bad_rows (7) allows"),
    ("max_bad_share: 0.7", "8 of 11 rows are bad, more than max_bad_share (0.7) allows")])
def test_limits(silt, more, why):
    configure(silt, f"on_bad_row: quarantine\n{more}")
    silt.write("inbox/a.csv", CSV)
    silt.write("inbox/b.csv", "id,v,d\n100,1,2024-01-01\n")
    result = silt("run", "--json", rc=5).json
    assert result["total_files_processed"] == 1
    message = result["failures"][0]["error_message"]
    assert why in message and "line " in message
    assert not (silt.dir / "state/rejects").exists()
    silt("validate-consistency", rc=None)
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text().replace("7", "8"))
    silt("run")
    assert len(rejects(silt)) == 8


@pytest.mark.parametrize("strategy", ["upsert", "append_once", "overwrite"])
def test_strategies(silt, strategy):
    keys = "" if strategy == "overwrite" else "primary_keys: [id]"
    configure(silt, f"on_bad_row: quarantine\nloading_strategy: {strategy}\n{keys}")
    silt.write("inbox/a.csv", CSV)
    silt.write("inbox/b.csv", "id,v,d\n1,9,2024-01-01\nbad,1,2024-01-01\n50,5,2024-01-01\n"
               .replace("1,9", "31,9" if strategy == "overwrite" else "1,9") if strategy != "upsert" else
               "id,v,d\nbad,1,2024-01-01\n50,5,2024-01-01\n")
    silt("run")
    assert "50" in [r[0] for r in read(silt, "t", "id")]
    assert len(rejects(silt)) == 9
    silt.write("inbox/c.csv", "id,v,d\n1,7,2024-01-01\n60,x,2024-01-01\n")
    silt("run")
    rows = dict(read(silt, "t", "id", "v"))
    assert rows["1"] == {"upsert": "7.00", "append_once": "1.00", "overwrite": "7.00"}[strategy]
    assert "60" not in rows and len(rejects(silt)) == 10
    silt("validate-consistency")


def test_all_rows_bad(silt):
    configure(silt, "on_bad_row: quarantine")
    silt.write("inbox/a.csv", "id,v,d\nx,1,2024-01-01\ny,1\n")
    silt("run")
    assert read(silt, "t", "id") == [] and len(rejects(silt)) == 2
    settled(silt, 0, 2)


CONSTRAINTS = """constraints:
  - {name: positive, check: "v > 0", on_violation: %s}
  - {name: known, check: "d IS NOT NULL", on_violation: %s}"""


@pytest.mark.parametrize("strategy", ["append", "upsert"])
def test_constraints(silt, strategy):
    keys = "primary_keys: [id]\n" if strategy == "upsert" else ""
    rows = "id,v,d\n1,1,2024-01-01\n2,0,2024-01-01\n3,3,\n4,-1,\n"
    configure(silt, f"loading_strategy: {strategy}\n{keys}" + CONSTRAINTS % ("fail", "warn"))
    silt.write("inbox/a.csv", rows)
    failure = silt("run", "--json", rc=1).json["failures"][0]["error_message"]
    assert "2 rows violate constraint positive (v > 0)" in failure
    configure(silt, f"loading_strategy: {strategy}\n{keys}" + CONSTRAINTS % ("quarantine", "warn"))
    result = silt("run")
    assert "warning" in result.err and "constraint known (d IS NOT NULL): 1 row violates it and is written" in result.err
    assert [r[0] for r in read(silt, "t", "id")] == ["1", "3"]
    assert rejects(silt, "row_number", "constraint_name", "reason", "column_name") == [
        (2, "positive", "it violates constraint positive (v > 0)", None),
        (4, "positive", "it violates constraint positive (v > 0)", None)]
    configure(silt, f"loading_strategy: {strategy}\n{keys}" + CONSTRAINTS % ("drop", "quarantine"))
    silt.write("inbox/b.csv", rows.replace("\n", "\n10", 4).replace("10", "10", 1))
    assert silt("run", "--json").json["tables"][0]["rows_rejected"] == 3
    assert rejects(silt, "constraint_name")[2:] == [("known",)]
    silt("validate-consistency")


def test_a_constraint_that_drops_doesnt_excuse_bad_values(silt):
    configure(silt, CONSTRAINTS % ("drop", "drop"))
    silt.write("inbox/a.csv", "id,v,d\n1,0,2024-01-01\nx,1,2024-01-01\n")
    assert "'x'" in silt("run", "--json", rc=1).json["failures"][0]["error_message"]
    assert read(silt, "t", "id") == []


def test_the_tables_own_constraints_go_by_on_bad_row(silt):
    configure(silt, "on_bad_row: quarantine\nconstraints: [{name: small, check: v < 5, persist: true, on_violation: "
              "quarantine}]")
    silt.write("inbox/a.csv", "id,v,d\n1,1,2024-01-01\n2,7,2024-01-01\n")
    silt("run")
    configure(silt, "on_bad_row: quarantine") # now the table asks alone
    silt.write("inbox/b.csv", "id,v,d\n3,9,2024-01-01\n4,4,2024-01-01\n")
    silt("run")
    assert [r[0] for r in read(silt, "t", "id")] == ["1", "4"]
    assert rejects(silt, "row_number", "constraint_name") == [(2, "small"), (1, None)]
    silt("validate-consistency")


def test_lost_rejects_come_back(silt):
    configure(silt, "on_bad_row: quarantine")
    silt.write("inbox/a.csv", CSV)
    silt("run")
    before = rejects(silt)
    shutil.rmtree(silt.dir / "state/rejects")
    assert "0 rejects in" in silt("validate-consistency", rc=3).out
    silt("fix-inconsistencies")
    assert rejects(silt) == before
    silt("validate-consistency")
    shutil.rmtree(silt.dir / "state") # all of the state: the ledgers know
    silt("run")
    assert rejects(silt) == before
    settled(silt, 3, 8)


def test_types_found_by_looking(silt):
    silt.write("silt.yaml", HEAD.replace(HEAD.splitlines()[5] + "\n", "") % "csv" + "    on_bad_row: quarantine\n")
    silt.write("inbox/a.csv", "id,v\n" + "".join(f"{i},{i}.5\n" for i in range(50)) + "1,2,3\n51\n")
    silt("run")
    assert len(read(silt, "t", "id")) == 50
    assert [r for r, in rejects(silt, "raw_text")] == ["1,2,3", "51"]
    settled(silt, 50, 2)


# ---- rescued


def table(silt, *columns):
    rows = DeltaTable(str(silt.dir / "lake/t")).to_pyarrow_table().to_pylist()
    return sorted(tuple(json.loads(r[c]) if c == "_rescued_data" and r[c] else r[c] for c in columns) for r in rows)


def test_rescued_values_and_columns_of_csv(silt):
    configure(silt, "on_bad_row: rescue\non_new_column: rescue")
    path = str(silt.write("inbox/a.csv", 'id,new,v,d\n1,"x, ""y""",1,2024-01-01\n2,,1.234,2024-02-30\n3,z,3,\nq,,4,\n5,1\n'))
    result = silt("run")
    assert "(3 inserted, 2 rejected)" in result.out
    assert table(silt, "id", "_rescued_data") == [
        (1, {"new": 'x, "y"', "_file_path": path}),
        (2, {"v": "1.234", "d": "2024-02-30", "_file_path": path}),
        (3, {"new": "z", "_file_path": path})]
    assert [r["v"] for r in DeltaTable(str(silt.dir / "lake/t")).to_pyarrow_table().to_pylist()].count(None) == 1
    assert rejects(silt, "raw_text", "column_name") == [("q,,4,", "id"), ("5,1", None)]
    settled(silt, 3, 2)


def test_rescued_values_and_columns_of_ndjson(silt):
    configure(silt, "on_bad_row: rescue\non_new_column: rescue\nloading_strategy: upsert\nprimary_keys: [id]\ndeletion_vectors: "
              "off", "ndjson")
    path = str(silt.write("inbox/a.ndjson", '{"id":1,"v":"q","z":{"a":[1]}}\n{"id":2,"v":2}\n{"id":"x"}\n'))
    silt("run")
    assert table(silt, "id", "_rescued_data") == [
        (1, {"z": '{"a":[1]}', "v": "q", "_file_path": path}), (2, None)]
    assert rejects(silt, "row_number", "column_name") == [(3, "id")] # a key is never made null
    settled(silt, 2, 1)


def test_rescued_values_and_columns_of_parquet(silt):
    configure(silt, "on_bad_row: rescue\non_new_column: rescue", "parquet")
    (silt.dir / "inbox").mkdir()
    path = str(silt.dir / "inbox/a.parquet")
    duckdb.sql("SELECT * FROM (VALUES (1, 1.25, [1]), (2, 1.256, NULL)) t(id, v, l)").write_parquet(path)
    silt("run")
    assert table(silt, "id", "_rescued_data") == [
        (1, {"l": [1], "_file_path": path}), (2, {"v": 1.256, "_file_path": path})]
    settled(silt, 2, 0)


def test_rows_rejected_with_the_column_are_told_once(silt):
    """The batch that adds _rescued_data leaves a row out."""
    configure(silt)
    silt.write("inbox/a.csv", "id,v,d\n1,1,2024-01-01\n")
    silt("run")
    configure(silt, "on_bad_row: rescue")
    silt.write("inbox/b.csv", "id,v,d\n,2,2024-01-01\n2,x,2024-01-01\n")
    assert "1 rejected" in silt("run").out
    assert rejects(silt, "column_name", "row_number", "status") == [("id", 1, "open")]
    settled(silt, 2, 1)


def test_a_table_that_stands_gets_the_column_with_its_next_batch(silt):
    configure(silt)
    silt.write("inbox/a.csv", "id,v,d\n1,1,2024-01-01\n")
    silt("run")
    configure(silt, "on_bad_row: rescue")
    silt.write("inbox/b.csv", "id,v,d\n2,x,2024-01-01\n")
    silt("run")
    assert [row[0] for row in table(silt, "id", "_rescued_data")] == [1, 2]
    silt.write("inbox/c.csv", "id,v,d,_rescued_data\n2,x,2024-01-01,y\n")
    assert "the column _rescued_data is one that Silt fills" in silt("run", rc=None).out + silt("run", rc=None).err
