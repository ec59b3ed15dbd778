"""--dry-run of every command that changes a table: nothing changes, and what it says comes true."""
import json
import re

import pytest

ROWS = "id,p,v\n" + "".join(f"{i},{'ab'[i % 2]},{i * 10}\n" for i in range(1, 41))


def tree(folder):
    """All there is: names, contents and times, folders too."""
    if not folder.exists():
        return None
    return {str(p.relative_to(folder)): (p.lstat().st_mtime_ns, p.is_file() and p.read_bytes())
            for p in [folder, *folder.rglob("*")]}


@pytest.fixture
def table(silt, tmp_path_factory):
    """A table with some of everything; temporary files go elsewhere, and have to be gone."""
    aside = tmp_path_factory.mktemp("aside")
    silt.env["TMPDIR"] = str(aside)
    silt.write("rows.csv", ROWS)
    silt("create", "t", "--schema", "id long, p string, v long", "--partition-by", "p", "--property",
         "delta.enableDeletionVectors=true", "--property", "delta.enableChangeDataFeed=true")
    silt("write", "t", "rows.csv")
    silt("write", "t", silt.write("more.csv", "id,p,v\n101,a,1\n102,b,2\n"))
    silt("delete", "t", "--where", "id = 7")
    silt.write("new.csv", "id,p,v,w\n1,a,-1,x\n2,b,20,y\n500,c,5,z\n")
    silt.write("some.csv", "id,p,v\n1,a,-1\n2,b,20\n500,c,5\n")
    silt.write("a.csv", "id,p,v\n900,a,9\n")
    silt.write("other.csv", "k,x\n1,2\n")
    (silt.dir / "parquet").mkdir()
    silt("export", "t", "parquet/x.parquet")
    yield silt
    assert list(aside.rglob("*")) == []


COMMANDS = {
    "create": ["create", "made/here", "--schema", "a long"],
    "alter": ["alter", "t", "--add-column", "w long"],
    "alter, a constraint": ["alter", "t", "--add-constraint", "c=v >= 0"],
    "alter, row ids": ["alter", "t", "--set-property", "delta.enableRowTracking=true"],
    "alter, a feature dropped": ["alter", "t", "--drop-feature", "deletionVectors"],
    "append": ["write", "t", "some.csv"],
    "append, new columns": ["write", "t", "new.csv", "--schema-mode", "merge"],
    "append, once": ["write", "t", "some.csv", "--app-id", "a", "--txn-version", "3"],
    "append, a policy": ["write", "t", "some.csv", "--row-group-rows", "5"],
    "a table made": ["write", "made/here", "rows.csv", "--partition-by", "p"],
    "error": ["write", "made/here", "rows.csv", "--mode", "error"],
    "ignore": ["write", "t", "some.csv", "--mode", "ignore"],
    "overwrite": ["write", "t", "some.csv", "--mode", "overwrite"],
    "overwrite, other columns": ["write", "t", "new.csv", "--mode", "overwrite", "--schema-mode",
                                 "overwrite"],
    "replaceWhere": ["write", "t", "a.csv", "--mode", "overwrite", "--where", "p = 'a'"],
    "replaceWhere, rows": ["write", "t", "a.csv", "--mode", "overwrite", "--where", "id >= 30"],
    "partitions": ["write", "t", "a.csv", "--mode", "overwrite", "--partition-overwrite", "dynamic"],
    "upsert": ["write", "t", "some.csv", "--mode", "upsert", "--keys", "id"],
    "upsert, a table made": ["write", "made/here", "some.csv", "--mode", "upsert", "--keys", "id"],
    "append_once": ["write", "t", "some.csv", "--mode", "append_once", "--keys", "id"],
    "as-diff": ["write", "t", "some.csv", "--mode", "overwrite", "--as-diff", "--keys", "id"],
    "from a query": ["write", "t", "--sql", "SELECT id + 1000 AS id, p, v FROM delta('t')"],
    "merge": ["merge", "t", "some.csv", "--keys", "id", "--when", "MATCHED THEN UPDATE SET *",
              "--when", "NOT MATCHED THEN INSERT *"],
    "update": ["update", "t", "--set", "v=0", "--where", "id < 9"],
    "delete": ["delete", "t", "--where", "id < 9"],
    "optimize": ["optimize", "t"],
    "optimize, z-order": ["optimize", "t", "--zorder", "id"],
    "vacuum": ["vacuum", "t", "--retention-hours", "0", "--yes"],
    "checkpoint": ["checkpoint", "t"],
    "cleanup-log": ["cleanup-log", "t", "--retention-days", "0"],
    "restore": ["restore", "t", "--version", "1"],
    "clone": ["clone", "t", "made/clone"],
    "clone, shallow": ["clone", "t", "made/clone", "--shallow"],
    "migrate": ["migrate", "parquet", "made/here"],
    "migrate, in place": ["migrate", "parquet", "parquet"],
    "export": ["export", "t", "x.parquet"],
    "export, a folder": ["export", "t", "folder/"],
    "export, a table": ["export", "t", "copy", "--format", "delta"],
    "doctor": ["doctor", "t", "--fix"],
}
WRITES = [n for n, c in COMMANDS.items() if c[0] == "write"]


def dry(silt, args, rc=0):
    before = tree(silt.dir)
    result = silt(*args, "--dry-run", "--json", rc=rc)
    after = tree(silt.dir)
    assert {k for k in after if k not in before or before[k] != after[k]} == set()
    assert before.keys() == after.keys()
    return result


def last(result):
    return json.loads(result.out if result.out.startswith("{\n") else result.out.splitlines()[-1])


@pytest.mark.parametrize("name", COMMANDS)
def test_nothing_changes_and_then_it_can_be_done(table, name):
    (table.dir / "folder").mkdir() if name == "export, a folder" else None
    dry(table, COMMANDS[name])
    table(*COMMANDS[name][:1], *COMMANDS[name][1:], "--dry-run")
    yes = ["--yes"] if name == "alter, a feature dropped" else []
    table(*COMMANDS[name], *yes)


@pytest.mark.parametrize("name", WRITES)
def test_a_write_says_what_it_would_do(table, name):
    said = dry(table, COMMANDS[name]).json
    done = table(*COMMANDS[name], "--json").json
    assert said["outcome"] == ("skipped" if name == "ignore" else "dry_run")
    assert said["committed_version"] is None
    for key in done:
        if key.startswith(("rows_", "files_")) or key == "created":
            assert said[key] == done[key], key
    for key in "bytes_added", "bytes_removed":  # names of files are in footers' sizes
        assert said[key] == pytest.approx(done[key], abs=64), key


def test_a_write_says_what_the_table_becomes(table):
    said = dry(table, COMMANDS["append, new columns"])
    assert said.json["changes"] == ["column + w string"]
    assert table(*COMMANDS["append, new columns"], "--dry-run").out.splitlines() == [
        "column + w string", "Dry run: of 3 rows read, 3 rows inserted; 3 files added",
        table(*COMMANDS["append, new columns"], "--dry-run").out.splitlines()[2]]
    made = dry(table, COMMANDS["upsert, a table made"]).json
    assert made["created"] and made["table_version"] is None
    assert "feature + deletionVectors" in made["changes"]
    assert "column + id long" in made["changes"]
    policy = dry(table, COMMANDS["append, a policy"]).json
    assert policy["changes"] == ["property + silt.rowGroupRows = 5"]
    assert dry(table, COMMANDS["append"]).json["changes"] == []


def test_a_number_that_is_done_is_told(table):
    table(*COMMANDS["append, once"])
    said = dry(table, COMMANDS["append, once"]).json
    assert (said["outcome"], said["committed_version"]) == ("already_done", 4)
    dry(table, COMMANDS["append, once"][:-1] + ["4"])
    assert table("history", "t", "--limit", "1", "--json").json["version"] == 4


@pytest.mark.parametrize("args, words", [
    (["write", "t", "other.csv"], "k"),
    (["write", "t", "nothing.csv"], "nothing.csv"),
    (["write", "t", "bad.csv"], "no number"),
    (["write", "t", "rows.csv", "--mode", "error"], "there is a table"),
    (["write", "t", "twice.csv", "--mode", "upsert", "--keys", "id"], "twice.csv"),
    (["write", "t", "some.csv", "--mode", "overwrite", "--where", "id = 1"], "id = 1"),
    (["write", "strict", "some.csv"], "positive"),
    (["checkpoint", "t", "--version", "99"], "99"),
    (["export", "t", "parquet/x.parquet"], "--overwrite"),
    (["export", "t", "no/folder/x.parquet"], "no/folder"),
    (["export", "t", "parquet/"], "parquet"),
])
def test_what_would_fail_fails(table, args, words):
    table.write("bad.csv", "id,p,v\nno number,a,1\n")
    table.write("twice.csv", "id,p,v\n1,a,1\n1,a,2\n")
    table("create", "strict", "--schema", "id long, p string, v long", "--constraint",
          "positive=v > 0")
    said = dry(table, args, rc=1)
    done = table(*args, "--json", rc=1)
    name = re.compile(r"[0-9a-f-]{36}|/[^ ]*/(?=[^/ ]*$)")
    assert name.sub("", said.err) == name.sub("", done.err)
    assert words in said.err


def test_a_doctor_says_what_it_would_repair(table):
    path = table.dir / "t/_delta_log/_last_checkpoint"
    table("checkpoint", "t")
    path.write_text('{"version":99,"size":1}')
    said = dry(table, ["doctor", "t", "--fix"], rc=3)
    findings = [json.loads(line) for line in said.out.splitlines()]
    assert [f["fixed"] for f in findings if f["kind"] == "bad-last-checkpoint"] == [True]
    assert findings[-1]["dry_run"] and findings[-1]["fixed"] == 1
    assert "would be repaired" in table("doctor", "t", "--fix", "--dry-run", rc=3).out
    assert table("doctor", "t", "--fix").rc == 0
    assert '"version":3' in path.read_text().replace(" ", "")
    assert "--fix" in table("doctor", "t", "--dry-run", rc=2).err


def test_rows_of_others_survive(table, read_deltalake):
    """What dry runs told stays untold: the next commit is the next version."""
    for name in WRITES:
        if "made" not in name:
            table(*COMMANDS[name], "--dry-run")
    assert read_deltalake(table.dir / "t").num_rows == 41
    table(*COMMANDS["append"])
    assert read_deltalake(table.dir / "t").num_rows == 44


def test_each_command_that_changes_a_table_has_one(silt):
    for command in {c[0] for c in COMMANDS.values()}:
        assert "--dry-run" in silt("help", command).out
