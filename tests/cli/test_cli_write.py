"""silt write: its modes, sources and schema modes on tables of each kind, and what is refused."""
import json

import pyarrow.parquet as pq
import pytest

NEW = "id,name,m\n1,a,1\n2,b,1\n3,c,2\n"
MORE = "id,name,m\n4,d,2\n5,e,3\n"

# What a table may be, as arguments of `silt create` behind its columns (id, name, m).
KINDS = {
    "plain": [],
    "partitioned": ["--partition-by", "m"],
    "mapped by name": ["--property", "delta.columnMapping.mode=name"],
    "mapped by id": ["--property", "delta.columnMapping.mode=id"],
    "mapped, partitioned": ["--property", "delta.columnMapping.mode=name", "--partition-by", "m"],
    "constraint": ["--constraint", "positive=id > 0"],
    "row tracking": ["--property", "delta.enableRowTracking=true"],
    "in-commit timestamps": ["--property", "delta.enableInCommitTimestamps=true"],
    "change data feed": ["--property", "delta.enableChangeDataFeed=true"],
    "deletion vectors": ["--property", "delta.enableDeletionVectors=true"],
}
COLUMNS = "id long, name string, m int"


@pytest.fixture(params=KINDS)
def table(silt, request):
    silt("create", "t", "--schema", COLUMNS, *KINDS[request.param])
    silt.write("new.csv", NEW)
    silt.write("more.csv", MORE)
    silt.kind = request.param
    return silt


@pytest.fixture
def files(silt):
    silt.write("new.csv", NEW)
    silt.write("more.csv", MORE)
    return silt


def rows(silt, path="t", columns="id,name,m"):
    out = silt("read", path, "--columns", columns, "--format", "csv", "--no-header").out
    return sorted(tuple(line.split(",")) for line in out.splitlines())


def of(*texts):
    return sorted(tuple(line.split(",")) for text in texts for line in text.splitlines()[1:])


def both_readers(silt, read_duckdb):
    """DuckDB sees the same rows, where it reads the table."""
    if silt.kind in ("mapped by id", "mapped, partitioned"):  # values it doesn't find
        return
    seen = read_duckdb(silt.dir / "t").to_pylist()
    assert sorted((str(r["id"]), r["name"], str(r["m"])) for r in seen) == rows(silt)


# ---- modes on each kind of table


def test_append(table, read_duckdb):
    table("write", "t", "new.csv")
    table("write", "t", "more.csv")
    assert rows(table) == of(NEW, MORE)
    both_readers(table, read_duckdb)


def test_overwrite(table, read_duckdb):
    table("write", "t", "new.csv")
    r = table("write", "t", "more.csv", "--mode", "overwrite", "--json").json
    assert rows(table) == of(MORE)
    assert r["files_removed"] > 0 and r["rows_inserted"] == 2
    both_readers(table, read_duckdb)


def test_replace_by_a_condition_over_whole_files(table, read_duckdb):
    table("write", "t", "new.csv")
    table("write", "t", "more.csv")
    table.write("in.csv", "id,name,m\n8,x,2\n9,y,3\n")
    partitioned = "partitioned" in table.kind
    if not partitioned:  # files of their own, whose statistics tell
        table("write", "t", "new.csv", "--mode", "overwrite")
        table("write", "t", "more.csv")
        table("write", "t", "in.csv", "--mode", "overwrite", "--where", "id > 3")
        assert rows(table) == of(NEW) + [("8", "x", "2"), ("9", "y", "3")]
    else:
        table("write", "t", "in.csv", "--mode", "overwrite", "--where", "m >= 2")
        assert rows(table) == [("1", "a", "1"), ("2", "b", "1"), ("8", "x", "2"), ("9", "y", "3")]
    both_readers(table, read_duckdb)


def test_replace_by_a_condition_over_parts_of_files(table, read_duckdb):
    table("write", "t", "new.csv")
    table.write("in.csv", "id,name,m\n2,new,1\n")
    done = table("write", "t", "in.csv", "--mode", "overwrite", "--where", "id = 2", "--json").json
    marked = table.kind == "deletion vectors"
    assert done["rows_copied"] == (0 if marked else 1 if "partitioned" in table.kind else 2)
    assert (done["rows_deleted"], done["rows_inserted"], done["files_removed"]) == (1, 1, 0 if marked else 1)
    assert rows(table) == [("1", "a", "1"), ("2", "new", "1"), ("3", "c", "2")]
    both_readers(table, read_duckdb)


FEED = ["--property", "delta.enableChangeDataFeed=true"]


def feed(silt, version, columns="id,name,m"):
    out = silt("changes", "t", "--from", version, "--to", version, "--columns", columns, "--format", "csv", "--no-header").out
    return sorted(",".join([line.split(",")[-3], *line.split(",")[:-3]]) for line in out.splitlines())


@pytest.mark.parametrize("kind", ["plain", "partitioned", "mapped by name", "row tracking", "deletion vectors"])
def test_what_a_condition_replaces_is_told_in_the_feed(silt, kind):
    silt("create", "t", "--schema", COLUMNS, *FEED, *KINDS[kind])
    silt.write("new.csv", NEW)
    silt.write("more.csv", MORE)
    silt("write", "t", "new.csv")
    silt("write", "t", "more.csv")
    silt.write("in.csv", "id,name,m\n2,new,1\n7,seven,2\n")
    # a part of the first file, all of the second
    silt("write", "t", "in.csv", "--mode", "overwrite", "--where", "id IN (2, 7) OR m >= 2 AND id >= 4")
    assert rows(silt) == [("1", "a", "1"), ("2", "new", "1"), ("3", "c", "2"), ("7", "seven", "2")]
    assert feed(silt, 3) == ["delete,2,b,1", "delete,4,d,2", "delete,5,e,3", "insert,2,new,1", "insert,7,seven,2"]
    silt("write", "t", "in.csv", "--mode", "overwrite")
    assert len(feed(silt, 4)) == 6


def test_new_columns_are_in_the_feed_of_what_is_replaced(silt):
    silt("create", "t", "--schema", COLUMNS, *FEED)
    silt.write("new.csv", NEW)
    silt("write", "t", "new.csv")
    silt("write", "t", "--sql", "SELECT 2 AS id, 'x' AS name, 1 AS m, 7 AS extra", "--mode", "overwrite", "--where", "id = 2",
         "--schema-mode", "merge")
    assert feed(silt, 2, "id,extra") == ["delete,2,", "insert,2,7"]


def test_history_tells_what_was_replaced(silt):
    silt("create", "t", "--schema", COLUMNS, *FEED)
    silt.write("new.csv", NEW)
    silt("write", "t", "new.csv")
    silt("write", "t", "--sql", "SELECT 2 AS id", "--mode", "overwrite", "--where", "id = 2")
    metrics = json.loads(silt("history", "t", "--json").out.splitlines()[0])["commit_info"]["operationMetrics"]
    assert {k: metrics[k] for k in ("numFiles", "numOutputRows", "numDeletedRows", "numCopiedRows", "numRemovedFiles",
                                    "numAddedChangeFiles")} == {
        "numFiles": "2", "numOutputRows": "1", "numDeletedRows": "1", "numCopiedRows": "2", "numRemovedFiles": "1",
        "numAddedChangeFiles": "2"}


def test_rows_that_stay_keep_their_ids(silt):
    silt("create", "t", "--schema", COLUMNS, *KINDS["row tracking"])
    silt.write("new.csv", NEW)
    silt("write", "t", "new.csv")
    before = silt("read", "t", "--row-ids", "--columns", "id", "--format", "csv", "--no-header").out
    silt.write("in.csv", "id,name,m\n2,new,1\n")
    silt("write", "t", "in.csv", "--mode", "overwrite", "--where", "id = 2")
    after = silt("read", "t", "--row-ids", "--columns", "id", "--format", "csv", "--no-header").out
    ids = [{line.split(",")[0]: line.split(",")[1:] for line in text.splitlines()} for text in (before, after)]
    assert ids[0]["1"] == ids[1]["1"] and ids[0]["3"] == ids[1]["3"]
    assert ids[1]["2"][0] not in [i[0] for i in ids[0].values()]


def test_dynamic_partitions(table, read_duckdb):
    table("write", "t", "new.csv")
    done = table("write", "t", "more.csv", "--mode", "overwrite", "--partition-overwrite", "dynamic", rc=None)
    if "partitioned" not in table.kind:
        assert done.rc == 2 and "isn't partitioned" in done.err
        return
    assert done.rc == 0, done
    assert rows(table) == [("1", "a", "1"), ("2", "b", "1"), ("4", "d", "2"), ("5", "e", "3")]
    both_readers(table, read_duckdb)


# ---- tables that are made


def test_a_table_is_made(files):
    files("write", "t", "new.csv", "--partition-by", "m", "--property", "delta.enableChangeDataFeed=true")
    assert rows(files) == of(NEW)
    shown = files("show", "t", "--json").json
    assert shown["version"] == 0 and "changeDataFeed" in json.dumps(shown)
    assert (files.dir / "t/_delta_log/00000000000000000000.json").read_text().count('"add"') == 2


def test_error_and_ignore(files):
    files("write", "t", "new.csv", "--mode", "error")
    r = files("write", "t", "more.csv", "--mode", "error", rc=1)
    assert "there is a table" in r.err
    assert files("write", "t", "more.csv", "--mode", "ignore", "--json").json["outcome"] == "skipped"
    files("write", "u", "more.csv", "--mode", "ignore")
    assert rows(files) == of(NEW) and rows(files, "u") == of(MORE)


def test_a_failed_write_makes_no_table(files):
    files.write("bad.csv", "id,m\n1,2\n2,x\n")
    files("write", "t", "new.csv", "--partition-by", "nothing", rc=2)
    assert not (files.dir / "t/_delta_log").exists() or not list((files.dir / "t/_delta_log").iterdir())


# ---- sources


def test_each_source(files):
    files.write("a.ndjson", '{"id": 1, "name": "a", "m": 1}\n')
    files.write("a.tsv", "id\tname\tm\n2\tb\t2\n")
    files.write("bare.csv", "3,c,3\n")
    files("write", "t", "a.ndjson")
    files("write", "t", "a.tsv")
    files("write", "t", "bare.csv", "--no-header")
    files("sql", "SELECT 4 AS id, 'd' AS name, 4 AS m", "--format", "parquet", "-o", "a.parquet")
    files("write", "t", "a.parquet")
    files("write", "t", "--sql", "SELECT 5 AS id, 'e' AS name, 5 AS m")
    files("write", "u", "t")
    files("write", "u", "t")
    want = [(str(i), c, str(i)) for i, c in enumerate("abcde", 1)]
    assert rows(files) == want
    assert rows(files, "u") == sorted(want * 2)


def test_sources_that_are_none(files):
    assert "no rows to take" in files("write", "t", rc=2).err
    assert "only one" in files("write", "t", "new.csv", "--sql", "SELECT 1", rc=2).err
    files.write("rows.txt", NEW)
    r = files("write", "t", "rows.txt", rc=2)
    assert "doesn't tell its format" in r.err and "parquet" in r.err
    files("write", "t", "rows.txt", "--format", "csv")
    assert rows(files) == of(NEW)


# ---- columns


def test_columns_that_do_not_fit(files):
    files("write", "t", "new.csv")
    files.write("wide.csv", "id,name,m,extra\n9,z,3,7.5\n")
    assert "extra" in files("write", "t", "wide.csv", rc=1).err
    assert "case of letters" in files("write", "t", "--sql", "SELECT 1 AS ID", rc=2).err
    assert "doesn't fit" in files("write", "t", "--sql", "SELECT 'x' AS id", rc=2).err
    r = files("write", "t", "--sql", "SELECT 1 AS id, 2 AS other", rc=2)
    assert "other" in r.err and "merge" in r.err
    assert rows(files) == of(NEW)


@pytest.mark.parametrize("mapped", [False, True])
def test_schema_merge(files, mapped):
    files("create", "t", "--schema", COLUMNS, *(KINDS["mapped by name"] if mapped else []))
    files("write", "t", "new.csv")
    files.write("wide.csv", "id,name,m,extra\n9,z,3,7.5\n")
    files("write", "t", "wide.csv", "--schema-mode", "merge")
    files("write", "t", "--sql", "SELECT 10 AS id, true AS flag", "--schema-mode", "merge")
    assert rows(files, columns="id,extra,flag") == sorted(
        [("1", "", ""), ("2", "", ""), ("3", "", ""), ("9", "7.5", ""), ("10", "", "true")])


def test_types_widen_where_the_table_allows(files):
    files("create", "narrow", "--schema", "id int")
    files("create", "t", "--schema", "id int", "--property", "delta.enableTypeWidening=true")
    big = "SELECT 5000000000 AS id"
    files("write", "narrow", "--sql", big, rc=2)
    assert "delta.enableTypeWidening" in files("write", "narrow", "--sql", big, "--schema-mode", "merge", rc=1).err
    files("write", "t", "--sql", "SELECT 1::INT AS id")
    files("write", "t", "--sql", big, "--schema-mode", "merge")
    assert rows(files, columns="id") == [("1",), ("5000000000",)]


def test_schema_overwrite(files):
    files("write", "t", "new.csv", "--partition-by", "m")
    files.write("other.csv", "m,other\n1,x\n")
    r = files("write", "t", "other.csv", "--schema-mode", "overwrite", rc=2)
    assert "all rows" in r.err
    files("write", "t", "other.csv", "--mode", "overwrite", "--schema-mode", "overwrite")
    assert rows(files, columns="m,other") == [("1", "x")]
    files.write("last.csv", "a,b\n1,x\n")
    assert "partitioned by m" in files("write", "t", "last.csv", "--mode", "overwrite", "--schema-mode", "overwrite",
                                       rc=2).err


# ---- what a table asks of its rows


def test_a_violated_constraint(files):
    files("create", "t", "--schema", COLUMNS, *KINDS["constraint"])
    files.write("bad.csv", "id,name,m\n1,a,1\n-2,b,1\n,c,2\n")
    r = files("write", "t", "bad.csv", rc=1)
    assert "positive" in r.err and "2 rows" in r.err and "-2" in r.err
    assert rows(files) == [] and not list((files.dir / "t").glob("*.parquet"))


def test_new_rows_have_to_fulfil_the_condition(files):
    files("write", "t", "new.csv")
    r = files("write", "t", "more.csv", "--mode", "overwrite", "--where", "m = 2", rc=1)
    assert "m = 2" in r.err and "1 row" in r.err
    assert rows(files) == of(NEW)


def test_not_null(files):
    files("create", "t", "--schema", "id long not null, s struct<a: int not null>")
    assert "id" in files("write", "t", "--sql", "SELECT NULL::BIGINT AS id", rc=1).err
    r = files("write", "t", "--sql", "SELECT 1 AS id, {'a': NULL::INT} AS s", rc=1)
    assert "s.a" in r.err
    assert "s.a" in files("write", "t", "--sql", "SELECT 1 AS id, NULL::STRUCT(a INT) AS s", rc=1).err
    files("write", "t", "--sql", "SELECT 1 AS id, {'a': 2} AS s")
    assert rows(files, columns="id") == [("1",)]


def test_generated_columns(files):
    files("create", "t", "--schema", "id long, twice long generated always as (id * 2)", "--partition-by", "twice")
    files.write("a.csv", "id\n1\n2\n")
    files("write", "t", "a.csv")
    files("write", "t", "--sql", "SELECT 3 AS id, 6 AS twice")
    r = files("write", "t", "--sql", "SELECT 4 AS id, 6 AS twice", rc=1)
    assert "twice" in r.err and "1 row" in r.err
    files.write("a.ndjson", '{"id": 7}\n')
    files("write", "t", "a.ndjson")
    assert rows(files, columns="id,twice") == [("1", "2"), ("2", "4"), ("3", "6"), ("7", "14")]


def test_defaults(files):
    files("create", "t", "--schema", "id long, name string default 'none', n int default 1 + 1",
          "--property", "delta.feature.allowColumnDefaults=supported")
    files.write("a.csv", "id\n1\n")
    files.write("b.csv", "id,name\n2,x\n")
    files.write("a.ndjson", '{"id": 3}\n')
    files("write", "t", "a.csv", "b.csv")
    files("write", "t", "a.ndjson")
    files("write", "t", "--sql", "SELECT 4 AS id, NULL::VARCHAR AS name")
    assert rows(files, columns="id,name,n") == [
        ("1", "none", "2"), ("2", "x", "2"), ("3", "none", "2"), ("4", "", "2")]


@pytest.mark.parametrize("mode", ["upsert", "append_once", "overwrite"])
def test_defaults_of_rows_of_some_files_in_keyed_writes(files, mode):
    files("create", "t", "--schema", "id long, name string default 'none', n int default 1 + 1",
          "--property", "delta.feature.allowColumnDefaults=supported")
    files.write("a.csv", "id,n\n1,7\n")
    files.write("b.csv", "id,name\n2,x\n")
    files("write", "t", "a.csv", "b.csv", "--mode", mode, "--keys", "id", *(["--as-diff"] if mode == "overwrite" else []))
    assert rows(files, columns="id,name,n") == [("1", "none", "7"), ("2", "x", "2")]


@pytest.mark.parametrize("mode", ["upsert", "append_once", "overwrite"])
def test_keyed_writes_sort_as_the_table_says_and_tell(files, mode):
    files("create", "t", "--schema", "id long, n int", "--order-by", "n,id")
    files.write("a.csv", "id,n\n5,1\n3,1\n9,0\n1,4\n")
    files("write", "t", "a.csv", "--mode", mode, "--keys", "id", *(["--as-diff"] if mode == "overwrite" else []))
    part, = (files.dir / "t").glob("*.parquet")
    assert pq.read_table(part)["id"].to_pylist() == [9, 3, 5, 1]
    actions = [json.loads(line) for line in (files.dir / "t/_delta_log" / f"{1:020}.json").read_text().splitlines()]
    info, = (a["commitInfo"] for a in actions if "commitInfo" in a)
    assert info["silt"]["orderingKeys"] == ["n", "id"]


def test_identity_columns(files):
    files("create", "t", "--schema", "nr long generated always as identity (start with 10 increment by 5), name string")
    files("create", "u", "--schema", "nr long generated by default as identity, name string")
    files.write("a.csv", "name\na\nb\n")
    files("write", "t", "a.csv")
    files("write", "t", "a.csv")
    assert [int(r[0]) for r in rows(files, columns="nr")] == [10, 15, 20, 25]
    r = files("write", "t", "--sql", "SELECT 1 AS nr, 'x' AS name", rc=2)
    assert "GENERATED ALWAYS" in r.err
    files("write", "u", "--sql", "SELECT 77 AS nr, 'x' AS name")
    files("write", "u", "a.csv")
    assert sorted(int(r[0]) for r in rows(files, "u", "nr")) == [1, 2, 77]


def test_an_append_only_table(files):
    files("create", "t", "--schema", COLUMNS, "--property", "delta.appendOnly=true")
    files("write", "t", "new.csv")
    assert "append-only" in files("write", "t", "more.csv", "--mode", "overwrite", rc=1).err
    assert rows(files) == of(NEW)


# ---- once, and what is told


def test_once_by_number(files):
    once = ["--app-id", "nightly", "--txn-version"]
    assert files("write", "t", "new.csv", *once, 3, "--json").json["outcome"] == "committed"
    r = files("write", "t", "new.csv", *once, 3, "--json").json
    assert (r["outcome"], r["committed_version"], r["table_version"]) == ("already_done", 0, 0)
    assert files("write", "t", "new.csv", *once, 2, "--json").json["outcome"] == "overtaken"
    files("write", "t", "more.csv", *once, 4, "--mode", "overwrite")
    files("write", "t", "new.csv", *once, 4, "--mode", "upsert", "--keys", "id")
    assert rows(files) == of(MORE)
    assert "belong together" in files("write", "t", "new.csv", "--app-id", "x", rc=2).err


def test_keyed_modes(files):
    files("write", "t", "new.csv", "--mode", "append_once", "--keys", "id")
    files.write("in.csv", "id,name,m\n2,newer,5\n4,d,4\n")
    r = files("write", "t", "in.csv", "--mode", "append_once", "--keys", "id", "--json").json
    assert (r["rows_inserted"], r["rows_updated"]) == (1, 0)
    r = files("write", "t", "in.csv", "--mode", "upsert", "--keys", "id", "--json").json
    assert r["rows_inserted"] == 0 and r["rows_updated"] + r["rows_unchanged"] == 2
    assert rows(files) == [("1", "a", "1"), ("2", "newer", "5"), ("3", "c", "2"), ("4", "d", "4")]
    query = "SELECT * FROM (VALUES (1, 'old', 1), (1, 'new', 9)) v(id, name, m)"
    files("write", "t", "--sql", query, "--mode", "upsert", "--keys", "id", rc=1)
    files("write", "t", "--sql", query, "--mode", "upsert", "--keys", "id", "--dedup", "newest_wins",
          "--timestamp-col", "m")
    assert rows(files)[0] == ("1", "new", "9")
    assert "needs keys" in files("write", "t", "in.csv", "--mode", "upsert", rc=2).err


def test_what_history_tells(files):
    files("write", "t", "new.csv", "--order-by", "m,id", "--user-metadata", "first", "--commit-property", "team=x")
    files("write", "t", "more.csv", "--mode", "overwrite", "--where", "id > 0")
    last, first = (json.loads(line) for line in files("history", "t", "--json").out.splitlines())
    info = first["commit_info"]
    assert info["team"] == "x" and first["user_metadata"] == "first" and first["operation"] == "WRITE"
    assert info["silt"]["orderingKeys"] == ["m", "id"]
    assert info["operationParameters"]["mode"] == "Append"
    assert last["commit_info"]["operationParameters"] == {"mode": "Overwrite", "partitionBy": "[]", "predicate": "id > 0"}


def test_misuse(files):
    for args, words in ((["--mode", "replace"], "append, overwrite"), (["--schema-mode", "x"], "merge"),
                        (["--target-file-size", "big"], "128MB"), (["--commit-property", "x"], "KEY=VALUE"),
                        (["--dedup", "newest_wins"], "--timestamp-col"), (["--as-diff"], "overwrite")):
        assert words in files("write", "t", "new.csv", *args, rc=2).err
    for args, words in ((["--where", "id = 1"], "overwrite"), (["--keys", "id"], "upsert"),
                        (["--compression", "zip"], "snappy"), (["--order-by", "nope"], "nope")):
        assert words in files("write", "t", "new.csv", *args, rc=2).err


@pytest.mark.parametrize("mode", ["upsert", "append_once"])
def test_nothing_to_add_is_no_commit(files, mode):
    files("write", "t", "new.csv")
    args = ["write", "t", "older.csv", "--mode", mode, "--keys", "id", "--dedup", "newest_wins", "--timestamp-col", "m"]
    files.write("older.csv", "id,name,m\n1,x,0\n1,x,0\n2,y,0\n")
    assert files(*args).out == "the table has these rows already: nothing was written\n"
    r = files(*args, "--json").json
    assert (r["outcome"], r["committed_version"], r["table_version"], r["rows_unchanged"]) == ("unchanged", None, 0, 2)
    assert rows(files) == of(NEW)
