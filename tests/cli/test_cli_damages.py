"""validate-consistency by each of its checks: one damage a test, done by hand to state or table. It is told by its name, with
exit status 3 and as JSON; a fix mends it, or says what a person has to do; afterwards nothing is told, and the next run loads
what is new, once. A pipeline without damage is told nothing of, whatever happened to it rightly."""
import json
import os
import shutil
import sqlite3
import time

import duckdb
import pytest
from deltalake import DeltaTable, write_deltalake

CONFIG = """\
pipeline: shop
checkpoint_path: state
retry_attempts: 2
timeout_minutes: %(timeout)s
%(more)stables:
  - table_name: sales
    source: {path: "inbox/*.csv"}
    batch: {max_files: 2}
    write: {%(write)s}
"""
WRITES = {"delta": "path: lake/sales", "parquet": "format: parquet, path: lake/sales", "csv": "format: csv, path: lake/sales",
          "sqlite": "format: sqlite, connection: db, path: sales"}
KINDS = ["delta", "sqlite"] # their records are alike
FOLDERS = ["delta", "parquet", "csv"]
LONG_AGO = time.time() - 30 * 86400
GONE = {"pid": 4194303, "hostname": os.uname().nodename, "acquired_at": "2024-01-15T10:00:00.000Z", "boot_id": "-",
        "timeout_at": "2024-01-15T12:00:00.000Z", "lock_name": "shop", "process_start": 1,
        "token": "5f3a4c1e-0000-4000-8000-000000000001"}


class Shop:
    """A pipeline with four files loaded, two a batch."""

    def __init__(self, silt, kind="delta"):
        self.silt, self.kind, self.days = silt, kind, []
        self.configure()
        self.arrive(1, 2, 3, 4)
        self.run()

    def configure(self, timeout=60):
        more = "connections: {db: {path: shop.db}}\n" if self.kind == "sqlite" else ""
        self.silt.write("silt.yaml", CONFIG % {"more": more, "write": WRITES[self.kind], "timeout": timeout})

    def arrive(self, *days):
        for day in days:
            self.days.append(day)
            self.silt.write(f"inbox/{day}.csv", "id,kind\n" + "".join(f"{day * 100 + i},x\n" for i in range(10)))

    def run(self):
        return self.silt("run")

    def source(self, day):
        return str(self.silt.dir / f"inbox/{day}.csv")

    def ids(self):
        if self.kind == "sqlite":
            with sqlite3.connect(self.silt.dir / "shop.db") as db:
                return sorted(row[0] for row in db.execute("SELECT id FROM sales"))
        if self.kind != "delta":
            files = str(self.silt.dir / f"lake/sales/*.{self.kind}")
            return sorted(row[0] for row in duckdb.execute(f"SELECT id FROM read_{self.kind}(?)", [files]).fetchall())
        return [int(x) for x in self.silt("sql", "SELECT id FROM delta('lake/sales') ORDER BY id", "--format", "csv").out.split()[1:]]

    def sql(self, text):
        with sqlite3.connect(self.silt.dir / "shop.db") as db:
            db.executescript(text)

    def ledgers(self):
        return sorted((self.silt.dir / "lake/sales/_silt/ledger/shop/sales").glob("*.json"))

    def lose_ledger(self, number):
        if self.kind == "sqlite":
            self.sql(f"DELETE FROM _silt_ledger WHERE number = {number}")
        else:
            self.ledgers()[number].unlink()

    def kill_in_between(self):
        """A run that is killed once its intent stands."""
        self.silt.write("inbox/7.csv", "id,kind\n700,x\n")
        before = self.silt.intents()
        process = self.silt.hold(lambda: self.silt.intents() > before)
        process.kill()
        process.communicate()
        (self.silt.dir / "inbox/7.csv").unlink()

    # ---- what is told

    def problems(self, rc=3):
        """All lines that validate-consistency tells."""
        report = self.silt("validate-consistency", "--json", rc=rc).json
        lines = list(report["inconsistencies"])
        assert report["inconsistencies_found"] == len(lines)
        assert report["file_tracker_status"] == ("inconsistent" if lines else "consistent")
        for table in report["tables"]:
            assert table["status"] == ("inconsistent" if table["inconsistencies"] else "consistent")
            lines += table["inconsistencies"]
        assert report["overall_status"] == ("inconsistent" if lines else "consistent")
        return lines

    def told(self, *words):
        lines = self.problems()
        assert any(all(word in line for word in words) for line in lines), (words, lines)
        text = self.silt("validate-consistency", rc=3).out # the same as text
        assert "Overall Status: INCONSISTENT" in text and all(line in text for line in lines)
        return lines

    def mended(self, *actions, how="fix-inconsistencies"):
        """Fixed by one of the two ways, and nothing is left to tell or to fix."""
        if how == "--fix":
            report = self.silt("validate-consistency", "--fix", "--json").json
            assert report["overall_status"] == "consistent"
        else:
            report = self.silt(how, "--json").json
        assert report["fixes_failed"] == 0 and report["fixes_applied"] >= len(actions) >= 1, report
        for action in actions:
            assert any(action in line for line in report["actions"]), report
        self.sound()

    def sound(self):
        assert self.problems(rc=0) == []
        again = self.silt("fix-inconsistencies", "--json").json
        assert again["fixes_applied"] == again["fixes_failed"] == 0, again

    def goes_on(self):
        """The next run loads what is new, once, and nothing else happened to the rows."""
        self.arrive(5)
        self.run()
        assert self.ids() == sorted(day * 100 + i for day in self.days for i in range(10))
        assert self.silt("run", "--json").json["total_files_processed"] == 0
        self.silt("validate-consistency")
        self.silt("prove")


@pytest.fixture(params=KINDS)
def each(silt, request):
    return Shop(silt, request.param)


@pytest.fixture(params=FOLDERS)
def folder(silt, request):
    return Shop(silt, request.param)


@pytest.fixture
def shop(silt):
    return Shop(silt)


HOW = pytest.mark.parametrize("how", ["fix-inconsistencies", "--fix"])


def test_a_healthy_pipeline(each):
    each.sound()
    each.goes_on()
    each.silt("unload", each.source(2), "--yes")
    each.days.remove(2)
    each.sound()
    each.silt("maintain")
    each.sound()


# ---- records


@HOW
def test_orphaned_processing_records(each, how):
    each.kill_in_between()
    each.told("Orphaned processing record", "inbox/7.csv")
    each.told("Stale lock: PID")
    each.mended("Fixed 1 orphaned processing records", "Removed 1 stale lock", how=how)
    each.goes_on()


def test_stale_processing_records(each):
    """Longer at work than timeout_minutes: whether or not a run holds the lock."""
    each.kill_in_between()
    each.configure(timeout=0.001)
    time.sleep(0.1)
    each.told("Stale processing record", "inbox/7.csv")
    each.configure()
    each.mended("Fixed 1 orphaned processing records")
    each.goes_on()


def test_a_table_marked_completed_with_failed_files(each):
    each.silt.write("inbox/bad.csv", "id,kind\nnot a number,x\n")
    each.silt("run", rc=None)
    each.silt("run", rc=None)
    change(each.silt, "table_status", "UPDATE", {"status": "'completed'"})
    each.told("Table marked as completed but has 1 failed files")
    each.mended("Reset sales status from completed to failed")
    (each.silt.dir / "inbox/bad.csv").unlink()
    assert each.ids() == sorted(day * 100 + i for day in each.days for i in range(10))


def test_a_table_marked_processing_without_a_run(each):
    change(each.silt, "table_status", "UPDATE", {"status": "'processing'"})
    each.told("Table marked as processing but no run is alive")
    each.mended("Reset sales status from processing to completed")
    each.goes_on()


def test_a_stale_lock(each):
    each.silt.write("state/pipeline.lock", json.dumps(GONE))
    each.told("Stale lock: PID 4194303")
    each.mended("Removed 1 stale lock")
    each.goes_on()


def change(silt, table, kind, values=None, where=None):
    """The state table as another Delta writer changes it."""
    t = DeltaTable(silt.dir / "state" / table)
    t.update(predicate=where, updates=values) if kind == "UPDATE" else t.delete(where)


def test_tracker_says_failed_of_a_loaded_file(each):
    change(each.silt, "file_processing_tracker", "UPDATE", {"status": "'failed'"}, f"file_path = '{each.source(2)}'")
    each.told("Marked as failed but loaded by batch 0", "inbox/2.csv")
    each.mended("Corrected 1 tracker records by the ledgers")
    each.goes_on()


def test_tracker_without_a_loaded_file(each):
    change(each.silt, "file_processing_tracker", "DELETE", where=f"file_path = '{each.source(3)}'")
    each.told("Loaded by batch 1 but unknown to the tracker", "inbox/3.csv")
    each.mended("Corrected 1 tracker records by the ledgers")
    each.goes_on()


def test_tracker_with_another_count(each):
    change(each.silt, "file_processing_tracker", "UPDATE", {"row_count": "7"}, f"file_path = '{each.source(1)}'")
    each.told("The tracker says 7 rows, ledger 0 says 10", "inbox/1.csv")
    each.mended("Corrected 1 tracker records by the ledgers")
    each.goes_on()


def test_tracker_says_completed_of_a_file_that_no_batch_loaded(each):
    each.silt.write("inbox/6.csv", "id,kind\nnot a number,x\n")
    each.silt("run", rc=None)
    each.silt("run", rc=None)
    change(each.silt, "file_processing_tracker", "UPDATE", {"status": "'completed'"}, f"file_path = '{each.source(6)}'")
    change(each.silt, "table_status", "UPDATE", {"status": "'completed'"})
    each.told("Marked as completed but in no committed batch", "inbox/6.csv")
    each.mended("Corrected 1 tracker records by the ledgers")
    each.arrive(6)
    each.goes_on()


def test_an_older_tracker(each):
    """State from a backup: it believes less than the target has."""
    shutil.copytree(each.silt.dir / "state", each.silt.dir / "backup")
    each.arrive(8)
    each.run()
    shutil.rmtree(each.silt.dir / "state")
    (each.silt.dir / "backup").rename(each.silt.dir / "state")
    each.told("are committed, the tracker knows them up to")
    each.told("but unknown to the tracker", "inbox/8.csv")
    each.mended("Recorded 1 files whose rows are in the target")
    each.goes_on()


# ---- state files


def test_a_lost_tracker(each):
    shutil.rmtree(each.silt.dir / "state")
    each.told("The tracker is missing, but the table has batches up to 1")
    each.mended("Recorded 4 files whose rows are in the target")
    each.goes_on()


def test_a_tracker_that_cant_be_read(each):
    last = max((each.silt.dir / "state/file_processing_tracker/_delta_log").glob("*.json"))
    last.write_text('{"add":')
    each.told("the tracker can't be read", "file_processing_tracker")
    r = each.silt("fix-inconsistencies", rc=3)
    assert "silt reset-state" in r.err # what it takes is more than a fix
    each.silt("reset-state", "--yes")
    each.run()
    each.goes_on()


def test_a_tracker_whose_data_file_is_gone(each):
    for part in (each.silt.dir / "state/file_processing_tracker").glob("*.parquet"):
        part.unlink()
    each.told("the tracker can't be read")
    each.silt("reset-state", "--yes")
    each.run()
    each.goes_on()


def test_a_table_status_that_cant_be_read(each):
    last = max((each.silt.dir / "state/table_status/_delta_log").glob("*.json"))
    last.write_text('{"add":')
    for crc in last.parent.glob("*.crc"):
        crc.unlink()
    each.told("Unreadable table status")
    each.mended("Made table status anew")
    each.goes_on()


def test_a_broken_lock_file(each):
    each.silt.write("state/pipeline.lock", '{"pid": 12')
    each.told("Unreadable lock file: pipeline.lock")
    os.utime(each.silt.dir / "state/pipeline.lock", (LONG_AGO, LONG_AGO))
    r = each.silt("fix-inconsistencies", rc=None)
    if r.rc == 4:
        each.silt("force-unlock", "--yes")
    each.sound()
    each.goes_on()


# ---- rows


def more_rows(shop, day):
    """Rows of a source file once more, as a batch of another number: what a load that isn't exactly-once leaves."""
    if shop.kind == "sqlite":
        shop.sql(f"INSERT INTO sales SELECT id, kind, _source_file, _load_timestamp, 7 FROM sales WHERE id / 100 = {day}")
        return
    table = DeltaTable(shop.silt.dir / "lake/sales")
    rows = table.to_pyarrow_table()
    rows = rows.filter([i // 100 == day for i in rows["id"].to_pylist()])
    at = rows.schema.get_field_index("_batch_id")
    write_deltalake(table, rows.set_column(at, rows.schema.field(at), [[7] * len(rows)]), mode="append")


@HOW
@pytest.mark.parametrize("kind", ["delta", "sqlite"])
def test_duplicates_of_a_source_file(silt, kind, how):
    shop = Shop(silt, kind)
    more_rows(shop, 2)
    assert len(shop.ids()) == 50
    shop.told("Duplicate rows: batch 0 loaded it, but 10 rows of batch 7 stand there too", "inbox/2.csv")
    r = silt("prove", rc=3)
    assert "Duplicate rows" in r.out
    version = DeltaTable(silt.dir / "lake/sales").version() if kind == "delta" else 0
    shop.mended("Removed 10 duplicate rows of 1 files from sales", how=how)
    if kind == "delta": # in one commit, and the batch that the ledger names stays
        table = DeltaTable(silt.dir / "lake/sales")
        assert table.version() == version + 1
        rows = table.to_pyarrow_table().to_pylist()
        assert {row["_batch_id"] for row in rows if row["id"] // 100 == 2} == {0}
    shop.goes_on()


def test_duplicates_under_the_same_number_cant_be_told_apart(shop):
    table = DeltaTable(shop.silt.dir / "lake/sales")
    rows = table.to_pyarrow_table()
    write_deltalake(table, rows.filter([i // 100 == 2 for i in rows["id"].to_pylist()]), mode="append")
    shop.told("20 rows in the target, batch 0 loaded 10", "inbox/2.csv")
    r = shop.silt("fix-inconsistencies", rc=3)
    assert "Not fixed: sales: 20 rows in the target" in r.out
    shop.silt("delete", "lake/sales", "--where", f"_source_file = '{shop.source(2)}'")
    r = shop.silt("run", rc=3)
    assert "silt history" in r.out + r.err


def test_rows_of_a_file_that_no_batch_loaded(shop):
    table = DeltaTable(shop.silt.dir / "lake/sales")
    rows = table.to_pyarrow_table().slice(0, 3)
    at = rows.schema.get_field_index("_source_file")
    write_deltalake(table, rows.set_column(at, rows.schema.field(at), [["elsewhere.csv"] * 3]), mode="append")
    shop.told("3 rows of a file that no batch loaded", "elsewhere.csv")
    r = shop.silt("fix-inconsistencies", rc=3)
    assert "Not fixed: sales: 3 rows of a file that no batch loaded" in r.out # they may be somebody's
    shop.silt("restore", "lake/sales", "--version", table.version() - 1)
    r = shop.silt("run", rc=3)
    assert "restored an older version" in r.out + r.err
    shop.silt("reset-state", "--table", "sales", "--yes")
    shop.goes_on()


@pytest.mark.parametrize("kind", ["delta", "sqlite"])
def test_rows_that_are_gone(silt, kind):
    shop = Shop(silt, kind)
    if kind == "sqlite":
        shop.sql("DELETE FROM sales WHERE id = 203")
    else:
        silt("delete", "lake/sales", "--where", "id = 203")
    shop.told("9 rows in the target, batch 0 loaded 10", "inbox/2.csv")
    if kind == "delta":
        shop.told("of loaded files may be gone")
    silt("fix-inconsistencies", rc=3)
    configured = (silt.dir / "silt.yaml").read_text()
    if kind == "delta": # a person says that its files are to be loaded again
        silt.write("silt.yaml", configured.replace("    batch:", "    on_restore: reload\n    batch:"))
        shop.run()
    else:
        shop.sql(f"DELETE FROM sales WHERE _source_file = '{shop.source(2)}'")
        silt("reset-state", "--forget", "--delete-rows", "--yes")
        shop.run()
    shop.goes_on()


# ---- the target


def test_a_target_that_went_back(shop):
    log = shop.silt.dir / "lake/sales/_delta_log"
    newest = max(log.glob("*.json")).stem
    for path in log.glob(f"{newest}.*"):
        path.unlink()
    shop.told("The target went back: its log knows batch 0, the tracker batch 1")
    shop.silt("fix-inconsistencies", rc=3)
    shop.silt("reset-state", "--yes")
    shop.run() # files 3 and 4
    shop.goes_on()


def test_a_target_that_was_restored(shop):
    shop.silt("restore", "lake/sales", "--version", 1)
    shop.told("restored an older version since batch 1 was loaded")
    assert "on_restore" not in shop.silt("fix-inconsistencies", rc=3).out
    shop.silt("restore", "lake/sales", "--version", 2)
    shop.silt("reset-state", "--table", "sales", "--yes") # it is as it was
    shop.goes_on()


def test_a_target_that_was_replaced(shop):
    shutil.rmtree(shop.silt.dir / "lake/sales/_delta_log")
    for part in (shop.silt.dir / "lake/sales").glob("*.parquet"):
        part.unlink()
    shop.silt.write("other.csv", "id,kind\n" + "".join(f"{i},y\n" for i in range(3)))
    shop.silt("write", "lake/sales", "other.csv", "--app-id", "shop/sales", "--txn-version", "1")
    shop.told("was replaced by another table (its id was")
    shop.silt("fix-inconsistencies", rc=3)
    shop.silt("reset-state", "--table", "sales", "--forget", "--yes")
    shop.run()
    assert shop.ids() == sorted([0, 1, 2] + [day * 100 + i for day in shop.days for i in range(10)])


@pytest.mark.parametrize("kind", FOLDERS)
def test_data_files_that_are_gone(silt, kind):
    """Vacuumed by somebody, or deleted."""
    shop = Shop(silt, kind)
    part = next(p for p in sorted((silt.dir / "lake/sales").glob("part-*")))
    part.rename(silt.dir / "kept")
    lines = shop.problems()
    assert any(part.name in line and ("has gone" in line or "are gone" in line) for line in lines), lines
    silt("fix-inconsistencies", rc=3)
    (silt.dir / "kept").rename(part)
    shop.goes_on()


def test_a_target_that_was_vacuumed_is_sound(shop):
    shop.silt("optimize", "lake/sales")
    shop.silt("vacuum", "lake/sales", "--retention-hours", "0", "--yes")
    shop.sound()
    shop.goes_on()


# ---- orphan data files


def leave(shop, name, age=LONG_AGO):
    """A data file that no commit names."""
    root = shop.silt.dir / "lake/sales"
    path = root / (name if shop.kind == "delta" else f"_silt/stage/{name}")
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"PAR1")
    os.utime(path, (age, age))
    return path


@HOW
def test_orphan_data_files(folder, how):
    names = [f"part-0000000{i}-0000-4000-8000-000000000000-0.parquet" for i in range(3)]
    left = [leave(folder, name) for name in names]
    young = leave(folder, "part-0000000a-0000-4000-8000-000000000000-0.parquet", time.time() - 3 * 86400)
    lines = folder.problems()
    assert len(lines) == 3 and all("Orphan data file, of no version: " in line and "(4 bytes, of " in line for line in lines)
    assert all(any(name in line for line in lines) for name in names)
    folder.mended("Deleted 3 orphan data files", how=how)
    assert not any(path.exists() for path in left) and young.exists() # it may be a writer's at work
    folder.goes_on()


def test_texts_that_were_overtaken(silt):
    """Of CSV folders: what somebody wrote while another gave the file its name, and put there after it."""
    shop = Shop(silt, "csv")
    placed = next((silt.dir / "lake/sales").glob("*.csv"))
    old = [leave(shop, placed.name), leave(shop, "part-x.csv")]
    young = leave(shop, "part-y.csv", time.time() - 3 * 86400)
    both = [leave(shop, "part-z.parquet"), leave(shop, "part-z.csv")] # one orphan
    lines = shop.problems()
    assert len(lines) == 3 and all("Orphan data file, of no version: _silt/stage/part-" in line for line in lines), lines
    assert all(any(f"_silt/stage/{name} " in line for line in lines) for name in (placed.name, "part-x.csv", "part-z.parquet"))
    shop.mended("Deleted 3 orphan data files")
    assert not any(path.exists() for path in old + both) and young.exists() and placed.exists()
    shop.goes_on()


@pytest.mark.parametrize("kind", [*FOLDERS, "sqlite"])
def test_rejects_of_attempts_that_no_ledger_names(silt, kind):
    shop = Shop(silt, kind)
    silt.write("silt.yaml", (silt.dir / "silt.yaml").read_text() + "    on_bad_row: quarantine\n")
    for day in (5, 6):
        silt.write(f"inbox/{day}.csv", f"id,kind\nbad,x\n{day * 100},x\n")
        shop.run()
    rejects = silt.dir / ("state" if kind == "sqlite" else "lake/sales") / "_silt/rejects/shop/sales"
    named = sorted(rejects.iterdir())
    assert len(named) == 2
    for path in named:
        os.utime(path, (LONG_AGO, LONG_AGO))
    shop.sound()

    def stage(number, age=LONG_AGO):
        path = rejects / f"{number:020}-0b5e6c1e-1111-4000-8000-{len(list(rejects.iterdir())):012}.ndjson"
        path.write_text("{}\n")
        os.utime(path, (age, age))
        return path
    old, young = [stage(1), stage(3), stage(99)], stage(2, time.time() - 3 * 86400)
    notes = rejects / "notes.ndjson" # of somebody
    notes.write_text("")
    os.utime(notes, (LONG_AGO, LONG_AGO))
    lines = shop.problems()
    assert len(lines) == 3, lines
    assert all(any(f"Orphan data file, of no version: _silt/rejects/shop/sales/{path.name}" in line for line in lines) for path in old)
    shop.mended("Deleted 3 orphan data files")
    assert sorted(rejects.iterdir()) == sorted([*named, young, notes])
    shutil.rmtree(silt.dir / "state/rejects") # it is made anew from those that are named
    if kind != "sqlite":
        shop.mended("Put rejects of 2 batches back into the table of rejects")
        silt("reset-state", "--forget", "--yes") # from before the epoch they stay, too
        stage(1), stage(3)
        shop.run()
        assert len([line for line in shop.problems() if "_silt/rejects" in line]) == 2
        silt("fix-inconsistencies", rc=None)
        assert set(rejects.iterdir()) >= {*named, young, notes}


def test_very_many_orphans_are_counted(shop):
    for i in range(25):
        leave(shop, f"x{i:02}.parquet")
    lines = shop.problems()
    assert len(lines) == 21 and lines[-1] == "Orphan data files, of no version: 25 in all, 100 bytes"
    shop.mended("Deleted 25 orphan data files")
    shop.goes_on()


def test_files_that_are_no_orphans(shop):
    """Files of older versions, of deletion vectors, hidden ones, young ones; and all that can't be told."""
    root = shop.silt.dir / "lake/sales"
    shop.silt("optimize", "lake/sales") # what it put together stands in older versions
    for part in root.glob("*.parquet"):
        os.utime(part, (LONG_AGO, LONG_AGO))
    leave(shop, "_tmp/part-x.parquet")
    leave(shop, ".part-y.parquet")
    leave(shop, "young.parquet", time.time())
    shop.sound()
    kept = sorted(p.name for p in root.glob("*.parquet"))
    shop.goes_on()
    assert set(kept) <= {p.name for p in root.glob("*.parquet")}


def test_files_that_the_log_names_in_another_way(shop):
    """A file in use stays, by whatever name a writer put it into the log; and so do another table's and Iceberg's."""
    root = shop.silt.dir / "lake/sales"
    newest = max((root / "_delta_log").glob("*.json"))
    add = next(json.loads(line)["add"] for line in newest.read_text().splitlines() if '"add"' in line)
    os.symlink("sales", root.parent / "alias")
    named = {"p%3Aq.parquet": root / "p%3Aq.parquet", # not escaped
             (root.parent / "alias/linked.parquet").as_uri(): root / "linked.parquet",
             (root / "absolute one.parquet").as_uri(): root / "absolute one.parquet"}
    commit = newest.with_name(f"{int(newest.stem) + 1:020}.json")
    commit.write_text("".join(json.dumps({"add": {**add, "path": path}}) + "\n" for path in named))
    for path in named.values():
        shutil.copy(root / add["path"], path)
        os.utime(path, (LONG_AGO, LONG_AGO))
    others = [leave(shop, name) for name in ("metadata/v1.metadata.json", "within/part-1.parquet", "within/_delta_log/0.json")]
    orphan = leave(shop, "part-x.parquet")
    shutil.copy(root / add["path"], root / "p:q.parquet") # as readers take it
    shop.silt("fix-inconsistencies", rc=None)
    assert not orphan.exists()
    assert [path.name for path in (*named.values(), *others) if not path.exists()] == []


def test_a_name_that_cannot_be_a_files(shop):
    """Nothing is deleted where it can't be told what the log means."""
    root = shop.silt.dir / "lake/sales"
    newest = max((root / "_delta_log").glob("*.json"))
    add = next(json.loads(line)["add"] for line in newest.read_text().splitlines() if '"add"' in line)
    newest.with_name(f"{int(newest.stem) + 1:020}.json").write_text(json.dumps({"add": {**add, "path": "100%.parquet"}}) + "\n")
    orphans = [leave(shop, name) for name in ("100%.parquet", "part-x.parquet")]
    r = shop.silt("fix-inconsistencies", rc=None)
    assert "100%.parquet" in r.out + r.err
    assert all(path.exists() for path in orphans)


def test_files_from_before_the_oldest_commit_that_stands(shop):
    """The log has been cleaned up: whether they were once the table's isn't known, so they are left to vacuum."""
    root = shop.silt.dir / "lake/sales"
    shop.silt("checkpoint", "lake/sales")
    path = leave(shop, "part-old.parquet")
    for commit in sorted((root / "_delta_log").glob("*.json"))[:-1]:
        commit.unlink()
    shop.sound()
    assert path.exists()
    path = leave(shop, "part-new.parquet", time.time() - 20 * 86400)
    newest = max((root / "_delta_log").glob("*.json"))
    os.utime(newest, (time.time() - 25 * 86400,) * 2)
    assert ["part-new.parquet" in line for line in shop.problems()] == [True]
    shop.mended("Deleted 1 orphan data files")


def test_the_tables_own_retention_counts(shop):
    shop.silt("alter", "lake/sales", "--set-property", "delta.deletedFileRetentionDuration=interval 60 days")
    leave(shop, "part-x.parquet")
    shop.sound()
    text = (shop.silt.dir / "silt.yaml").read_text()
    shop.silt.write("silt.yaml", text.replace("    batch:", "    maintenance: {vacuum_retention_hours: 480}\n    batch:"))
    shop.told("Orphan data file", "part-x.parquet")
    shop.mended("Deleted 1 orphan data files")


# ---- numbers


@pytest.mark.parametrize("number", [0, 1])
def test_a_gap_in_the_sequence(each, number):
    """A ledger is missing: the chain of batches has a gap."""
    each.lose_ledger(number)
    each.told("Missing ledger", f"{number}")
    r = each.silt("fix-inconsistencies", rc=3)
    assert "Not fixed: sales: Missing ledger" in r.out and "bring it back from a backup" in r.out
    assert "the rows tell which files are loaded" in r.out and "'silt reset-state --table sales --forget --delete-rows'" in r.out
    r = each.silt("unload", each.source(1), "--yes", rc=3)
    assert "the ledger that may tell of this file is missing" in r.err
    each.run() # which asks the ledgers only of what the tracker doesn't know
    assert "Missing ledger" in each.silt("prove", rc=3).out
    shutil.rmtree(each.silt.dir / "state")
    r = each.silt("run") # and now the rows
    assert "what is loaded was found out by its rows' _source_file" in r.err
    each.arrive(5)
    each.run()
    assert each.ids() == sorted(day * 100 + i for day in each.days for i in range(10))
    each.silt("reset-state", "--table", "sales", "--forget", "--delete-rows", "--yes") # as it was told
    assert each.ids() == []
    each.run()
    assert each.ids() == sorted(day * 100 + i for day in each.days for i in range(10))
    each.sound()


@pytest.mark.parametrize("strategy", ["upsert", "append"])
def test_a_gap_that_rows_dont_fill(silt, strategy):
    """It is said what is lost with the ledger, and what has to be kept."""
    shop = Shop(silt)
    keys = "primary_keys: [id]" if strategy == "upsert" else "audit_columns: false"
    text = (silt.dir / "silt.yaml").read_text().replace("lake/sales", "lake/other").replace("state", "state2")
    silt.write("silt.yaml", text + f"    loading_strategy: {strategy}\n    {keys}\n")
    shop.run()
    next((silt.dir / "lake/other/_silt/ledger/shop/sales").glob("*0.json")).unlink()
    r = silt("fix-inconsistencies", rc=3)
    assert "as long as the tracker is there, whose loss nothing makes up for" in r.out
    assert ("load all files into a new table" in r.out) == (strategy == "append")
    assert ("'silt reset-state --table sales --forget'" in r.out) == (strategy == "upsert")
    shop.arrive(5)
    shop.run() # it goes on
    if strategy == "upsert":
        silt("reset-state", "--table", "sales", "--forget", "--yes")
        shop.run()
        shop.sound()
    else:
        shutil.rmtree(silt.dir / "state2")
        silt("run", rc=3)
    assert len(silt("read", "lake/other", "--format", "csv").out.split()) == 51
