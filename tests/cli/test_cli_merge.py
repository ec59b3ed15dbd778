"""silt merge: its clauses, sources and options on tables of each kind, and what is refused."""
import json

import pytest

BASE = "id,name,m\n1,a,1\n2,b,1\n3,c,2\n4,d,2\n"
CHANGES = "id,name,m,op\n2,B,2,U\n3,x,2,D\n5,e,1,U\n6,f,1,D\n"
COLUMNS = "id long, name string, m int"
KINDS = {  # arguments of `silt create` behind the columns
    "plain": [],
    "partitioned": ["--partition-by", "m"],
    "mapped by name": ["--property", "delta.columnMapping.mode=name"],
    "mapped, partitioned": ["--property", "delta.columnMapping.mode=name", "--partition-by", "m"],
    "constraint": ["--constraint", "positive=id > 0"],
    "row tracking": ["--property", "delta.enableRowTracking=true"],
    "in-commit timestamps": ["--property", "delta.enableInCommitTimestamps=true"],
    "change data feed": ["--property", "delta.enableChangeDataFeed=true"],
    "deletion vectors": ["--property", "delta.enableDeletionVectors=true"],
    "vectors and feed": ["--property", "delta.enableDeletionVectors=true", "--property", "delta.enableChangeDataFeed=true"],
    "clustered": ["--cluster-by", "id"],
}
UPSERT = ["--when", "matched then update set *", "--when", "not matched then insert *"]
SYNC = ["--when", "matched and s.op = 'D' then delete",
        "--when", "matched then update set name = s.name, m = s.m",
        "--when", "not matched and s.op <> 'D' then insert (id, name, m) values (s.id, s.name, s.m)"]


def rows(silt, path="t", columns="id,name,m"):
    out = silt("read", path, "--columns", columns, "--format", "csv", "--no-header").out
    return sorted(tuple(line.split(",")) for line in out.splitlines())


def of(*lines):
    return sorted(tuple(line.split(",")) for line in lines)


def make(silt, kind="plain", columns=COLUMNS):
    silt("create", "t", "--schema", columns, *KINDS[kind])
    silt("write", "t", silt.write("base.csv", BASE))
    silt.kind = kind
    silt.write("changes.csv", CHANGES)
    return silt


@pytest.fixture(params=KINDS)
def table(silt, request):
    return make(silt, request.param)


@pytest.fixture
def plain(silt):
    return make(silt)


def version(silt):
    return silt("show", "t", "--json").json["version"]


def feed(silt, first):
    if "feed" not in silt.kind:
        return None
    lines = silt("changes", "t", "--from", first, "--json").out.splitlines()
    return sorted((r["_change_type"], r["id"], r["name"], r["m"]) for r in map(json.loads, lines))


def refused(silt, *args, rc=2):
    """It fails, and the table is as it was; what was said."""
    before, was = rows(silt), version(silt)
    err = silt("merge", "t", *args, rc=rc).err
    assert rows(silt) == before and version(silt) == was
    return err


# ---- clauses on each kind of table


def test_updates_deletes_and_inserts(table, read_duckdb):
    r = table("merge", "t", "changes.csv", "--on", "t.id = s.id", *SYNC, "--json").json
    want = of("1,a,1", "2,B,2", "4,d,2", "5,e,1")
    assert rows(table) == want
    assert {k: v for k, v in r.items() if k.startswith("rows_") and k != "rows_copied"} == {
        "rows_deleted": 1, "rows_updated": 1, "rows_read": 4, "rows_inserted": 1, "rows_deduplicated": 0,
        "rows_updated_matched": 1, "rows_updated_by_source": 0, "rows_deleted_matched": 1, "rows_deleted_by_source": 0}
    assert r["outcome"] == "committed" and r["committed_version"] == r["table_version"] == 2
    if "vectors" in table.kind:
        assert r["deletion_vectors_added"] == 1 and r["rows_copied"] == 0
    if "feed" in table.kind:
        assert feed(table, 2) == [("delete", 3, "c", 2), ("insert", 5, "e", 1), ("update_postimage", 2, "B", 2),
                                  ("update_preimage", 2, "b", 1)]
    if table.kind != "mapped, partitioned":  # values that DuckDB doesn't find
        seen = read_duckdb(table.dir / "t").to_pylist()
        assert sorted((str(r["id"]), r["name"], str(r["m"])) for r in seen) == want


def test_stars_with_keys(table):
    table.write("new.csv", "m,id,name\n9,1,A\n8,7,G\n")
    out = table("merge", "t", "new.csv", "--keys", "id", *UPSERT).out
    assert out.startswith("Merged 2 rows, 1 inserted, 1 updated, version 2: ")
    assert rows(table) == of("1,A,9", "2,b,1", "3,c,2", "4,d,2", "7,G,8")
    assert table("doctor", "t", "--deep").rc == 0


def test_rows_that_the_source_lacks(table):
    r = table("merge", "t", "changes.csv", "--keys", "id", "--when", "not matched by source and t.id = 1 then delete",
              "--when", "not matched by source then update set name = upper(name), m = m + 10", "--json").json
    assert rows(table) == of("2,b,1", "3,c,2", "4,D,12")
    assert (r["rows_deleted_by_source"], r["rows_updated_by_source"], r["rows_inserted"]) == (1, 1, 0)
    assert (r["rows_deleted"], r["rows_updated"]) == (1, 1)
    if "feed" in table.kind:
        assert feed(table, 2) == [("delete", 1, "a", 1), ("update_postimage", 4, "D", 12), ("update_preimage", 4, "d", 2)]


def test_one_merge_after_another(table):
    for i in range(4):
        table.write("new.csv", f"id,name,m\n{i + 2},n{i},{i}\n{i + 20},new,{i}\n")
        table("merge", "t", "new.csv", "--keys", "id", *UPSERT)
    assert rows(table) == of("1,a,1", "2,n0,0", "3,n1,1", "4,n2,2", "5,n3,3", "20,new,0", "21,new,1", "22,new,2", "23,new,3")
    assert table("doctor", "t", "--deep").rc == 0


def test_row_ids_stay(silt):
    make(silt, "row tracking")
    def ids():
        out = silt("read", "t", "--row-ids", "--columns", "id", "--format", "csv", "--no-header").out
        return {line.split(",")[0]: line.split(",")[1:] for line in out.splitlines()}
    before = ids()
    silt("merge", "t", "changes.csv", "--on", "t.id = s.id", *SYNC)
    after = ids()
    assert after["1"] == before["1"] and after["4"] == before["4"]
    assert after["2"] == [before["2"][0], "2"]  # the row is the same one, changed in version 2
    assert after["5"][0] not in [i for i, _ in before.values()] and after["5"][1] == "2"


# ---- which clause


def test_the_first_clause_whose_condition_is_true(plain):
    plain.write("new.csv", "id,name,m\n1,x,1\n2,y,\n3,z,5\n8,q,0\n9,r,7\n")
    plain("merge", "t", "new.csv", "--on", "s.id = t.id",
          "--when", "matched and s.m > 3 then update set name = 'first'",
          "--when", "matched and s.m <= 3 then update set name = 'second'",
          "--when", "not matched and s.m > 3 then insert (id, name) values (s.id, 'third')",
          "--when", "not matched and s.m > 3 then insert (id, name) values (s.id, 'never')")
    # for row 2 every condition is null, for row 8 none is true
    assert rows(plain) == of("1,second,1", "2,b,1", "3,first,2", "4,d,2", "9,third,")


def test_nothing_to_do(plain):
    r = plain("merge", "t", "changes.csv", "--keys", "id", "--when", "matched and s.m = 77 then delete", "--json").json
    assert r["outcome"] in ("nothing", "committed") and r["rows_deleted"] == 0 and r["files_added"] == 0
    assert rows(plain) == of("1,a,1", "2,b,1", "3,c,2", "4,d,2")


def test_values_see_the_row_as_it_was(plain):
    plain.write("new.csv", "id,d\n1,10\n2,20\n")
    plain("merge", "t", "new.csv", "--on", "t.id = s.id",
          "--when", "matched then update set m = t.m + s.d, name = concat(name, '-', cast(t.m as string))")
    assert rows(plain) == of("1,a-1,11", "2,b-1,21", "3,c,2", "4,d,2")


def test_keys_equal_in_null_conditions_not(silt):
    silt("create", "t", "--schema", "id long, v long")
    silt("write", "t", silt.write("a.csv", "id,v\n1,1\n,2\n"))
    silt.write("b.csv", "id,v\n,7\n1,8\n")
    silt("merge", "t", "b.csv", "--keys", "id", *UPSERT)
    assert rows(silt, columns="id,v") == of(",7", "1,8")
    silt("merge", "t", "b.csv", "--on", "t.id = s.id", *UPSERT)
    assert rows(silt, columns="id,v") == of(",7", ",7", "1,8")
    silt("merge", "t", "b.csv", "--on", "t.id <=> s.id", "--when", "matched then delete")
    assert rows(silt, columns="id,v") == []


def test_conditions_that_are_no_equality(plain):
    plain.write("ranges.csv", "lo,hi,tag\n2,3,x\n9,9,y\n")
    plain("merge", "t", "ranges.csv", "--on", "t.id between s.lo and s.hi", "--when", "matched then update set name = s.tag",
          "--when", "not matched then insert (id, name) values (s.lo, s.tag)")
    assert rows(plain) == of("1,a,1", "2,x,1", "3,x,2", "4,d,2", "9,y,")


def test_several_keys_and_a_condition_on_partitions(silt):
    make(silt, "partitioned")
    silt.write("new.csv", "id,name,m\n1,A,1\n1,new,2\n4,D,2\n")
    r = silt("merge", "t", "new.csv", "--keys", "m,id", *UPSERT, "--json").json
    assert (r["rows_inserted"], r["rows_updated"]) == (1, 2)
    r = silt("merge", "t", "new.csv", "--on", "t.id = s.id and t.m = s.m and t.m = 2", "--when", "matched then delete",
             "--json").json
    assert r["rows_deleted"] == 2 and r["files_skipped"] >= 1
    assert rows(silt) == of("1,A,1", "2,b,1", "3,c,2")


def test_aliases_and_quoted_names(silt):
    silt("create", "t", "--schema", "id long, `a b` string, `then` int")
    silt("write", "t", silt.write("a.csv", "id,a b,then\n1,x,1\n"))
    silt.write("b.csv", "id,a b,then\n1,y,5\n2,z,6\n")
    silt("merge", "t", "b.csv", "--on", "old.id = `new`.id", "--target-alias", "old", "--source-alias", "new",
         "--when", "matched and old.`then` < new.`then` then update set old.`a b` = new.`a b`, `then` = old.`then` + 1",
         "--when", "not matched then insert (id, old.`a b`) values (new.id, new.`a b`)")
    assert rows(silt, columns="id,a b,then") == of("1,y,2", "2,z,")
    assert silt("merge", "t", "b.csv", "--on", "t.id = s.id", "--target-alias", "old", "--when", "matched then delete", rc=None).rc != 0


def test_files_that_cannot_match_are_not_read(silt):
    silt("create", "t", "--schema", COLUMNS)
    for start in range(0, 50, 10):
        silt("write", "t", silt.write("a.csv", "id,name,m\n" + "".join(f"{i},n,{i}\n" for i in range(start, start + 10))))
    silt.write("b.csv", "id,name,m\n22,x,0\n25,y,0\n")
    r = silt("merge", "t", "b.csv", "--keys", "id", *UPSERT, "--json").json
    assert (r["files_skipped"], r["files_removed"], r["rows_updated"]) == (4, 1, 2)


# ---- rows that meet


def test_source_rows_that_meet_in_one_row(plain):
    plain.write("twice.csv", "id,name,m\n1,x,1\n2,y,1\n1,z,2\n")
    err = refused(plain, "twice.csv", "--keys", "id", *UPSERT, rc=1)
    assert "1" in err and "twice.csv" in err
    r = plain("merge", "t", "twice.csv", "--keys", "id", "--when", "matched then delete", "--json").json
    assert r["rows_deleted"] == 2
    assert rows(plain) == of("3,c,2", "4,d,2")


def test_newest_wins(plain):
    plain.write("twice.csv", "id,name,m\n1,old,1\n7,old,1\n1,new,5\n7,new,2\n1,null,\n2,only,1\n2,tie,1\n")
    r = plain("merge", "t", "twice.csv", "--keys", "id", "--dedup", "newest_wins", "--timestamp-col", "m", *UPSERT, "--json").json
    assert (r["rows_read"], r["rows_deduplicated"], r["rows_updated"], r["rows_inserted"]) == (7, 4, 2, 1)
    assert rows(plain) == of("1,new,5", "2,tie,1", "3,c,2", "4,d,2", "7,new,2")


def test_unmatched_source_rows_may_be_alike(plain):
    plain.write("twice.csv", "id,name,m\n8,x,1\n8,y,1\n")
    plain("merge", "t", "twice.csv", "--on", "t.id = s.id", *UPSERT)
    assert rows(plain)[-2:] == of("8,x,1", "8,y,1")


# ---- sources


def test_sources_of_each_kind(silt):
    make(silt)
    silt.write("u.ndjson", '{"id": 1, "name": "n1", "m": 1}\n{"id": 10, "name": "n10", "m": 1}\n')
    silt("merge", "t", "u.ndjson", "--keys", "id", *UPSERT)
    silt("merge", "t", "--sql", "SELECT id + 1 AS id, 'q' AS name, 3 AS m FROM delta('t') WHERE id IN (1, 10)", "--keys", "id", *UPSERT)
    silt("write", "other", silt.write("o.csv", "id,name,m\n3,o3,1\n12,o12,1\n"))
    silt("merge", "t", "other", "--keys", "id", *UPSERT)
    silt.write("x.txt", "4|x4|1\n")
    silt("merge", "t", "x.txt", "--format", "csv", "--delimiter", "|", "--no-header", "--keys", "id", *UPSERT)
    silt("export", "t", "copy/", "--format", "parquet")
    parquet = sorted((silt.dir / "copy").glob("**/*.parquet"))
    assert rows(silt) == of("1,n1,1", "2,q,3", "3,o3,1", "4,x4,1", "10,n10,1", "11,q,3", "12,o12,1")
    r = silt("merge", "t", *parquet, "--keys", "id", "--when", "matched then delete", "--json").json
    assert r["rows_deleted"] == 7 and rows(silt) == []


def test_a_table_merged_with_itself(plain):
    plain("merge", "t", "t", "--on", "t.id = s.id + 1", "--when", "matched then update set name = s.name")
    assert rows(plain) == of("1,a,1", "2,a,1", "3,b,2", "4,c,2")


def test_several_files_and_one_without_rows(plain):
    plain.write("x.csv", "id,name,m\n1,x,1\n")
    plain.write("y.csv", "name,id\ny,2\n")
    plain.write("z.csv", "id,name,m\n")
    plain("merge", "t", "x.csv", "y.csv", "z.csv", "--keys", "id", "--when", "matched then update set name = s.name")
    assert rows(plain) == of("1,x,1", "2,y,1", "3,c,2", "4,d,2")
    r = plain("merge", "t", "z.csv", "--keys", "id", *UPSERT, "--json").json
    assert r["rows_read"] == 0


# ---- what the table asks of rows


def test_defaults_generated_and_identity_columns(silt):
    silt("create", "t", "--schema", "id long, twice long generated always as (id * 2), kind string default 'new', "
         "n long generated by default as identity, name string", "--property", "delta.feature.allowColumnDefaults=supported")
    silt("write", "t", silt.write("a.csv", "id,kind,name\n1,old,a\n2,old,b\n"))
    silt.write("b.csv", "id,name\n2,B\n3,C\n")
    silt("merge", "t", "b.csv", "--keys", "id", "--when", "matched then update set name = s.name, id = s.id + 100",
         "--when", "not matched then insert (id, name) values (s.id, s.name)")
    got = rows(silt, columns="id,twice,kind,name")
    assert got == of("1,2,old,a", "102,204,old,B", "3,6,new,C")
    numbers = [n for n, in rows(silt, columns="n")]
    assert len(set(numbers)) == 3 and "" not in numbers


@pytest.mark.parametrize("what", ["update", "insert"])
def test_violations_change_nothing(silt, what):
    silt("create", "t", "--schema", "id long not null, m int", "--constraint", "positive=m > 0")
    silt("write", "t", silt.write("a.csv", "id,m\n1,1\n"))
    silt.write("b.csv", "id,m\n1,-5\n2,-6\n3,7\n")
    when = {"update": "matched then update set *", "insert": "not matched then insert *"}[what]
    err = silt("merge", "t", "b.csv", "--keys", "id", "--when", when, rc=1).err
    assert "positive" in err and "1 row violates" in err and '"id":' + {"update": "1", "insert": "2"}[what] in err
    assert rows(silt, columns="id,m") == of("1,1") and version(silt) == 1
    if what == "insert":
        err = silt("merge", "t", "b.csv", "--keys", "id", "--when", "not matched then insert (m) values (1)", rc=1).err
        assert "id" in err and version(silt) == 1


def test_values_that_do_not_fit(plain):
    plain.write("big.csv", "id,name,m\n1,x,99999999999\n")
    err = refused(plain, "big.csv", "--keys", "id", *UPSERT, rc=1)
    assert "m" in err


def test_an_append_only_table(silt):
    silt("create", "t", "--schema", COLUMNS, "--property", "delta.appendOnly=true")
    silt("write", "t", silt.write("base.csv", BASE))
    silt.write("changes.csv", CHANGES)
    r = silt("merge", "t", "changes.csv", "--on", "t.id = s.id", "--when", "matched then delete", rc=None)
    assert r.rc != 0 and "append" in r.err.lower()
    silt("merge", "t", "base.csv", "changes.csv", "--on", "t.id = s.id", "--when",
         "not matched then insert (id, name, m) values (s.id, s.name, s.m)")
    assert len(rows(silt)) == 6


def test_new_columns(plain):
    plain.write("wide.csv", "id,name,m,extra\n1,x,1,e1\n9,y,1,e9\n")
    plain("merge", "t", "wide.csv", "--keys", "id", *UPSERT)  # as Spark has it: * is the table's columns
    assert rows(plain)[0] == ("1", "x", "1") and rows(plain)[-1] == ("9", "y", "1")
    plain("merge", "t", "wide.csv", "--keys", "id", "--schema-mode", "merge", *UPSERT)
    assert rows(plain, columns="id,name,m,extra") == of("1,x,1,e1", "2,b,1,", "3,c,2,", "4,d,2,", "9,y,1,e9")


def test_a_star_stands_for_all_columns(plain):
    plain.write("narrow.csv", "id,name\n1,x\n9,y\n")
    assert "the source has no column m" in refused(plain, "narrow.csv", "--keys", "id", *UPSERT)
    plain("merge", "t", "narrow.csv", "--keys", "id", "--schema-mode", "merge", *UPSERT)
    assert rows(plain) == of("1,x,1", "2,b,1", "3,c,2", "4,d,2", "9,y,")


def test_violations_of_rows_that_are_left_out_do_not_count(silt):
    silt("create", "t", "--schema", "id long not null, m int", "--constraint", "positive=m > 0")
    silt("write", "t", silt.write("a.csv", "id,m\n1,1\n2,2\n"))
    silt.write("b.csv", "id,m\n1,-5\n2,8\n3,-7\n4,9\n")
    silt("merge", "t", "b.csv", "--keys", "id", "--when", "matched and s.m > 0 then update set *",
         "--when", "not matched and s.m > 0 then insert *")
    assert rows(silt, columns="id,m") == of("1,1", "2,8", "4,9")


def test_wider_types(silt):
    silt("create", "t", "--schema", COLUMNS, "--property", "delta.enableTypeWidening=true")
    silt("write", "t", silt.write("base.csv", BASE))
    silt("merge", "t", "--sql", "SELECT 1::BIGINT AS id, 'w' AS name, 5000000000 AS m", "--keys", "id", "--schema-mode", "merge", *UPSERT)
    assert rows(silt)[0] == ("1", "w", "5000000000")


# ---- options


def test_dry_run(table):
    was = version(table)
    out = table("merge", "t", "changes.csv", "--on", "t.id = s.id", *SYNC, "--dry-run").out
    assert out.startswith("Dry run: Merged 4 rows, 1 inserted, 1 updated, 1 deleted: ")
    r = table("merge", "t", "changes.csv", "--on", "t.id = s.id", *SYNC, "--dry-run", "--json").json
    assert (r["outcome"], r["rows_inserted"], r["rows_updated"], r["rows_deleted"]) == ("dry_run", 1, 1, 1)
    assert version(table) == was and rows(table) == of("1,a,1", "2,b,1", "3,c,2", "4,d,2")
    files = sorted(p.name for p in (table.dir / "t").rglob("*.parquet") if "_delta_log" not in p.parts)
    listed = [json.loads(line)["path"] for line in table("files", "t", "--json").out.splitlines()]
    assert len(files) == len(listed)


def test_once_by_number(plain):
    args = ["merge", "t", "changes.csv", "--on", "t.id = s.id", *SYNC, "--app-id", "app", "--txn-version", 3, "--json"]
    assert plain(*args).json["outcome"] == "committed"
    plain("write", "t", plain.write("x.csv", "id,name,m\n3,back,1\n"))
    again = plain(*args).json
    assert (again["outcome"], again["committed_version"], again["table_version"]) == ("already_done", 2, 3)
    assert "3" in [i for i, _, _ in rows(plain)]


def test_history_tells_it(plain):
    plain("merge", "t", "changes.csv", "--on", "t.id = s.id", *SYNC, "--user-metadata", "why", "--commit-property", "team=x")
    last = json.loads((plain.dir / "t/_delta_log/00000000000000000002.json").read_text().splitlines()[0])["commitInfo"]
    assert last["operation"] == "MERGE" and last["userMetadata"] == "why" and last["team"] == "x"
    metrics = last["operationMetrics"]
    assert {k: metrics[k] for k in ("numSourceRows", "numTargetRowsInserted", "numTargetRowsUpdated", "numTargetRowsDeleted")} == {
        "numSourceRows": "4", "numTargetRowsInserted": "1", "numTargetRowsUpdated": "1", "numTargetRowsDeleted": "1"}
    parameters = last["operationParameters"]
    assert "matchedPredicates" in parameters and "notMatchedPredicates" in parameters


def test_rewrite_percent(silt):
    make(silt, "deletion vectors")
    silt.write("new.csv", "id,name,m\n1,x,1\n")
    r = silt("merge", "t", "new.csv", "--keys", "id", *UPSERT, "--rewrite-percent", 10, "--json").json
    assert (r["deletion_vectors_added"], r["files_removed"], r["rows_copied"]) == (0, 1, 3)
    assert rows(silt) == of("1,x,1", "2,b,1", "3,c,2", "4,d,2")
    assert "0 to 100" in refused(silt, "new.csv", "--keys", "id", *UPSERT, "--rewrite-percent", 101)


# ---- misuse


@pytest.mark.parametrize("args, said", [
    ([], "--when"),
    (["--keys", "id"], "--when"),
    (["--when", "matched then delete"], "--on CONDITION, or --keys NAMES"),
    (["--on", "t.id = s.id", "--keys", "id", *UPSERT], "--on CONDITION, or --keys NAMES"),
    (["--keys", "id", "--when", "matched then"], "UPDATE or DELETE expected where the text ends at character 13"),
    (["--keys", "id", "--when", "matched then insert *"], "UPDATE or DELETE expected instead of insert"),
    (["--keys", "id", "--when", "matched then delete", "--when", "matched then update set *"], "never"),
    (["--keys", "id", "--when", "matched then update set m = 1, m = 2"], "m"),
    (["--keys", "id", "--when", "matched and id = 1 then delete"], "id"),  # of which side?
    (["--keys", "id", "--when", "matched and s.m then delete"], "m"),
    (["--keys", "id", "--when", "not matched and t.m = 1 then insert (id) values (s.id)"], "t.m"),
    (["--keys", "id", "--when", "not matched by source and s.m = 1 then delete"], "s.m"),
    (["--keys", "nope", *UPSERT], "nope"),
    (["--on", "t.id = ", *UPSERT], "expected"),
    (["--on", "t.id + s.id", *UPSERT], "t.id + s.id"),
    (["--keys", "id", "--dedup", "newest_wins", *UPSERT], "--timestamp-col"),
    (["--keys", "id", "--timestamp-col", "m", *UPSERT], "--dedup"),
    (["--keys", "id", "--dedup", "newest_wins", "--timestamp-col", "nope", *UPSERT], "nope"),
    (["--on", "t.id < s.id", "--dedup", "newest_wins", "--timestamp-col", "m", *UPSERT], "equal"),
    (["--keys", "id", "--schema-mode", "overwrite", *UPSERT], "merge"),
    (["--keys", "id", "--target-alias", "s", *UPSERT], "both called s"),
    (["--keys", "id", "--app-id", "a", *UPSERT], "--txn-version"),
    (["--keys", "id", "--sql", "SELECT 1 AS id", *UPSERT], "--sql"),
])
def test_misuse_is_explained(plain, args, said):
    plain.write("new.csv", "id,name,m\n1,A,9\n")
    err = refused(plain, "new.csv", *args)
    assert said in err, err


@pytest.mark.parametrize("args, said", [
    (["--on", "t.id = s.nope", *UPSERT], "nope"),
    (["--keys", "id", "--when", "matched then update set nope = 1"], "nope"),
    (["--keys", "id", "--when", "matched then update set m = s.nope"], "nope"),
    (["--keys", "id", "--when", "matched then update set m = x.m"], "x"),
])
def test_columns_that_are_not_there(plain, args, said):
    plain.write("new.csv", "id,name,m\n1,A,9\n")
    assert said in refused(plain, "new.csv", *args, rc=1)


def test_sources_and_tables_that_are_none(plain):
    assert "no rows to take" in refused(plain, "--keys", "id", *UPSERT)
    assert "gone.csv" in refused(plain, "gone.csv", "--keys", "id", *UPSERT, rc=1)
    r = plain("merge", "nothere", "changes.csv", "--keys", "id", *UPSERT, rc=1)
    assert "nothere" in r.err and not (plain.dir / "nothere").exists()
