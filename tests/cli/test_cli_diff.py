"""silt write --as-diff: an overwrite that commits the differences, told by keys."""
import json

import pytest

OLD = "SELECT * FROM (VALUES (1, 'a', 1.5), (2, 'b', 2.5), (3, NULL, 3.5), (NULL, 'n', 0), (5, 'e', 5)) v(id, name, x)"
# 1 stays, 2 differs, 3 gets a name, null stays, 5 goes, 6 is new
NEW = "SELECT * FROM (VALUES (6, 'f', 6), (1, 'a', 1.5), (2, 'B', 2.5), (3, 'c', 3.5), (NULL, 'n', 0)) v(id, name, x)"
COLUMNS = "id int, name string, x decimal(12,1)"
DIFF = ["--mode", "overwrite", "--as-diff", "--keys", "id"]
KINDS = {
    "plain": [],
    "feed": ["--property", "delta.enableChangeDataFeed=true"],
    "vectors": ["--property", "delta.enableDeletionVectors=true", "--property", "delta.enableChangeDataFeed=true"],
    "mapped": ["--property", "delta.columnMapping.mode=name"],
    "partitioned": ["--partition-by", "name"],
    "tracked": ["--property", "delta.enableRowTracking=true"],
}


def rows(silt, *more):
    out = silt("read", "t", "--columns", "id,name,x", "--format", "csv", "--no-header", *more).out
    return sorted(out.splitlines())


@pytest.mark.parametrize("kind", KINDS)
def test_only_differences_are_committed(silt, kind):
    silt("create", "t", "--schema", COLUMNS, *KINDS[kind])
    silt("write", "t", "--sql", OLD)
    r = silt("write", "t", "--sql", NEW, *DIFF, "--json").json
    assert rows(silt) == sorted([",n,0.0", "1,a,1.5", "2,B,2.5", "3,c,3.5", "6,f,6.0"])
    counts = {k: r[k] for k in ("rows_read", "rows_inserted", "rows_updated", "rows_unchanged", "rows_deleted")}
    assert counts == {"rows_read": 5, "rows_inserted": 1, "rows_updated": 2, "rows_unchanged": 2, "rows_deleted": 1}
    assert r["outcome"] == "committed" and r["committed_version"] == 2
    if kind in ("feed", "vectors"):
        out = silt("changes", "t", "--from", 2, "--columns", "id,name", "--format", "csv", "--no-header").out
        assert sorted(",".join(line.split(",")[:3]) for line in out.splitlines()) == [
            "2,B,update_postimage", "2,b,update_preimage", "3,,update_preimage", "3,c,update_postimage", "5,e,delete",
            "6,f,insert"]


@pytest.mark.parametrize("kind", KINDS)
def test_the_same_rows_are_no_commit(silt, kind):
    silt("create", "t", "--schema", COLUMNS, *KINDS[kind])
    silt("write", "t", "--sql", OLD)
    r = silt("write", "t", "--sql", OLD, *DIFF, "--json").json
    assert r["outcome"] == "unchanged" and r["rows_unchanged"] == 5 and r["files_added"] == 0
    assert silt("show", "t", "--json").json["version"] == 1
    assert "already" in silt("write", "t", "--sql", OLD, *DIFF).out


def test_rows_keep_their_ids(silt):
    silt("create", "t", "--schema", COLUMNS, *KINDS["tracked"])
    silt("write", "t", "--sql", OLD)
    before = {line.split(",")[0]: line.split(",")[3] for line in rows(silt, "--row-ids")}
    silt("write", "t", "--sql", NEW, *DIFF)
    after = {line.split(",")[0]: line.split(",")[3] for line in rows(silt, "--row-ids")}
    assert all(after[k] == before[k] for k in ("", "1", "2", "3")) and after["6"] not in before.values()


def test_a_table_is_made(silt):
    silt("write", "t", "--sql", OLD, *DIFF)
    assert len(rows(silt)) == 5


def test_columns_come_and_stay_out(silt):
    silt("create", "t", "--schema", "id int, name string, twice int generated always as (id * 2), n int")
    silt("write", "t", "--sql", "SELECT 1 AS id, 'a' AS name, 7 AS n UNION ALL SELECT 2, 'b', NULL")
    r = silt("write", "t", "--sql", "SELECT 1 AS id, 'a' AS name UNION ALL SELECT 2, 'b'", *DIFF, "--json").json
    assert (r["rows_updated"], r["rows_unchanged"]) == (1, 1)  # an overwrite leaves no n
    r = silt("write", "t", "--sql", "SELECT 1 AS id, 'a' AS name, 9 AS more UNION ALL SELECT 2, 'b', NULL", *DIFF,
             "--schema-mode", "merge", "--json").json
    assert (r["rows_updated"], r["rows_unchanged"]) == (1, 1)
    assert silt("read", "t", "--columns", "id,more", "--format", "csv", "--no-header").out.split() == ["1,9", "2,"]


def test_structs_are_compared_by_members(silt):
    old = "SELECT 1 AS id, {'a': 1, 'b': {'c': 'x'}} AS s UNION ALL SELECT 2, {'a': 2, 'b': NULL} UNION ALL SELECT 3, NULL"
    new = old.replace("'x'", "'y'")
    silt("write", "t", "--sql", old)
    assert silt("write", "t", "--sql", old, *DIFF, "--json").json["outcome"] == "unchanged"
    r = silt("write", "t", "--sql", new, *DIFF, "--json").json
    assert (r["rows_updated"], r["rows_unchanged"]) == (1, 2)
    r = silt("write", "t", "--sql", new.replace("3, NULL", "3, {'a': NULL, 'b': NULL}"), *DIFF, "--json").json
    assert (r["rows_updated"], r["rows_unchanged"]) == (1, 2)


def test_arrays_count_as_different(silt):
    silt("write", "t", "--sql", "SELECT 1 AS id, [1] AS l UNION ALL SELECT 2, NULL")
    r = silt("write", "t", "--sql", "SELECT 1 AS id, [1] AS l UNION ALL SELECT 2, NULL", *DIFF, "--json").json
    assert (r["rows_updated"], r["rows_unchanged"]) == (1, 1)


def test_keys_tell_rows_apart(silt):
    silt("write", "t", "--sql", OLD)
    twice = "SELECT 1::INT AS id, 'x' AS name, 1.0::DECIMAL(2,1) AS x UNION ALL SELECT 1, 'y', 2.0"
    before = rows(silt)
    r = silt("write", "t", "--sql", twice, *DIFF, rc=1)
    assert "1" in r.err and rows(silt) == before
    silt("write", "t", "--sql", twice, *DIFF, "--dedup", "newest_wins", "--timestamp-col", "x")
    assert rows(silt) == ["1,y,2.0"]
    silt("write", "t", "--sql", "SELECT 1::INT AS id WHERE false", *DIFF)
    assert rows(silt) == []


def test_once_by_number(silt):
    once = ["--app-id", "nightly", "--txn-version"]
    silt("write", "t", "--sql", OLD)
    assert silt("write", "t", "--sql", NEW, *DIFF, *once, 1, "--json").json["outcome"] == "committed"
    assert silt("write", "t", "--sql", OLD, *DIFF, *once, 1, "--json").json["outcome"] == "already_done"
    info = json.loads(silt("history", "t", "--json").out.splitlines()[0])
    assert info["operation"] == "MERGE" and info["operation_metrics"]["numTargetRowsDeleted"] == "1"


def test_misuse(silt):
    for args, words in ((["--as-diff", "--keys", "id"], "overwrite"), (["--mode", "overwrite", "--as-diff"], "keys"),
                        ([*DIFF, "--where", "id = 1"], "all rows"), ([*DIFF, "--schema-mode", "overwrite"], "columns")):
        assert words in silt("write", "t", "--sql", OLD, *args, rc=2).err
