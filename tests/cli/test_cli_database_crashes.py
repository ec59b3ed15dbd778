"""Exactly once into databases, whatever is killed, paused or lost on the way."""
import os
import random
import signal
import subprocess
import time

import pytest

from databases import Postgres, Proxy, Sqlite, postgres_server # noqa: F401, a fixture
from pipelines import end, wait_until

CONFIG = """\
pipeline: shop
checkpoint_path: state
connections:
  wh: {path: "${DB}", lock_wait_seconds: 120}
tables:
  - table_name: sales
    source: {path: "inbox/sales-*.csv"}
    batch: {max_files: 2}
    write: {connection: wh, format: %(format)s, path: sales}
  - table_name: people
    source: {path: "inbox/people-*.csv"}
    loading_strategy: upsert
    primary_keys: [id]
    batch: {max_files: 1}
    write: {connection: wh, format: %(format)s, path: people}
  - table_name: firsts
    source: {path: "inbox/people-*.csv"}
    loading_strategy: append_once
    primary_keys: [id]
    write: {connection: wh, format: %(format)s, path: firsts}
  - table_name: prices
    source: {path: "inbox/prices-*.csv"}
    loading_strategy: scd2
    primary_keys: [sku]
    tracking_columns: [price]
    scd2_effective_from: since
    schema: {sku: string, price: long, since: timestamp}
    on_bad_row: quarantine
    batch: {max_files: 1}
    write: {connection: wh, format: %(format)s, path: prices}
  - table_name: stock
    source: {path: "inbox/stock-*.csv"}
    loading_strategy: overwrite
    audit_columns: false
    write: {connection: wh, format: %(format)s, path: stock}
"""
IMPATIENT = CONFIG.replace("lock_wait_seconds: 120", "lock_wait_seconds: 2") # beside one that sleeps
pytestmark = pytest.mark.slow
FULL = os.environ.get("SILT_SWEEP") == "full"


@pytest.fixture
def shop(silt):
    """Three files of sales, of people, of prices, two of what overwrites; each test says which database is meant."""
    for part in 1, 2:
        silt.write(f"inbox/stock-{part}.csv", "item,n\n" + "".join(f"{part * 1000 + i},{part}\n" for i in range(100)))
    for day in range(1, 4):
        silt.write(f"inbox/sales-{day}.csv",
                   "id,amount\n" + "".join(f"{day * 1000 + i},{i}.5\n" for i in range(300)))
        silt.write(f"inbox/people-{day}.csv",
                   "id,name\n" + "".join(f"{i},v{day}\n" for i in range(day, 200)) + f",null{day}\n")
    for file, day in (1, 2), (2, 1), (3, 3): # the second one comes late; a row of each is bad
        silt.write(f"inbox/prices-{file}.csv", "sku,price,since\n" + "".join(
            f"{sku},{day},2024-01-{day:02}\n" for sku in range(100)) + f"bad,{day},2024-13-{day:02}\n")
    return silt


def configure(silt, db, config=CONFIG):
    silt.write("silt.yaml", config % {"format": db.format})


def start_anew(silt, db, config=CONFIG):
    """The same files into an empty database, but for the rows that are overwritten."""
    for table in "sales", "people", "firsts", "prices", "stock", "_silt_txn", "_silt_ledger", "_silt_tables":
        db.execute(f"DROP TABLE IF EXISTS {table}")
    db.execute("CREATE TABLE stock (item BIGINT, n BIGINT); INSERT INTO stock VALUES (1, 0), (2, 0), (3, 0)")
    configure(silt, db, config)
    if (silt.dir / "state").exists():
        os.rename(silt.dir / "state", silt.dir / f"state-{time.monotonic_ns()}")


def run_again(silt, db):
    """After a crash: what is overwritten is there until all that takes its place is."""
    assert db.rows("SELECT n, count(*) FROM stock GROUP BY n ORDER BY n") in ([("0", "3")], [("1", "100"), ("2", "100")])
    silt("run")


def assert_overwritten(silt, db, what):
    assert db.rows("SELECT n, count(*), count(DISTINCT item) FROM stock GROUP BY n ORDER BY n") == [
        ("1", "100", "100"), ("2", "100", "100")], what
    assert "Nothing to do" in silt("run").out, what
    silt("validate-consistency")
    silt("prove")


def assert_once(silt, db, what):
    assert db.rows("SELECT count(*), count(DISTINCT id) FROM sales") == [("900", "900")], what
    wanted = {str(i): f"v{min(i, 3)}" for i in range(1, 200)} | {None: "null3"}
    rows = db.rows("SELECT id, name FROM people")
    assert dict(rows) == wanted and len(rows) == len(wanted), what
    rows = db.rows("SELECT id, name FROM firsts")
    assert dict(rows) == {str(i): "v1" for i in range(1, 200)} | {None: "null1"} and len(rows) == 200, what
    assert db.rows("SELECT price, count(*), count(DISTINCT sku), count(end_date) FROM prices GROUP BY price "
                   "ORDER BY price") == [(str(day), "100", "100", "0" if day == 3 else "100") for day in (1, 2, 3)], what
    rejects = silt("read", "state/rejects", "--format", "csv", "--columns", "row_number,status,raw_text").out.split()
    assert sorted(rejects[1:]) == [f'101,open,"bad,{day},2024-13-{day:02}"' for day in (1, 2, 3)], what
    assert_overwritten(silt, db, what)


@pytest.fixture
def postgres(postgres_server): # noqa: F811
    db = Postgres(postgres_server)
    db.direct = f"postgresql://silt@/{db.name}?host={postgres_server.folder}"
    return db


def through(proxy, db):
    return {"DB": f"postgresql://silt@127.0.0.1:{proxy.port}/{db.name}?sslmode=disable&gssencmode=disable"}


# ---- answers that are lost


@pytest.mark.parametrize("how", ["lose", "cut"])
def test_a_commit_without_an_answer(shop, postgres, how):
    """lose: the commit happened; cut: it didn't. In the same run or the next, each row is there once."""
    shop.env["DB"] = postgres.direct

    def run_with(n):
        """Without an answer to the n-th commit; how many there were."""
        commits = [0]

        def before(_, data):
            if b"COMMIT" not in data or b"ISOLATION" in data:
                return None
            commits[0] += 1
            return how if commits[0] == n else None

        start_anew(shop, postgres)
        proxy = Proxy(postgres.server, before)
        result = shop("run", env=through(proxy, postgres), rc=None)
        proxy.close()
        return commits[0], result

    total, _ = run_with(-1)
    assert total > 12
    # the last one is that of the rows that overwrite
    for n in range(1, total + 1) if FULL else [*sorted(random.Random(how).sample(range(1, total), 3)), total]:
        seen, result = run_with(n)
        assert seen >= n
        asked = "the database is asked whether it happened" in result.err
        if asked and how == "lose": # it went on as if nothing had been
            assert result.rc == 0, result
        run_again(shop, postgres)
        assert_once(shop, postgres, f"commit {n}: {result}")


# ---- killed


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_at_any_message(shop, postgres, when):
    shop.env["DB"] = postgres.direct
    start_anew(shop, postgres)
    proxy = Proxy(postgres.server, lambda n, data: None)
    shop("run", env=through(proxy, postgres))
    proxy.close()
    total = proxy.sent
    assert total > 60
    points = range(1, total) if FULL else sorted(random.Random(when).sample(range(1, total), 4))
    for point in points:
        child = []

        def before(n, data):
            if n == point:
                if when == "after":
                    return "kill"
                child[0].kill()
                return "cut"
            return None

        start_anew(shop, postgres)
        proxy = Proxy(postgres.server, lambda n, data: kill_after(before(n, data), child))
        child.append(shop.start("run", env=through(proxy, postgres)))
        end(child[0])
        proxy.close()
        run_again(shop, postgres)
        assert_once(shop, postgres, f"killed {when} message {point} of {total}")


OVERWRITE = CONFIG[:CONFIG.index("  - table_name: sales")] + CONFIG[CONFIG.index("  - table_name: stock"):]
EMPTIED = b'DELETE FROM "public"."stock"'


@pytest.mark.parametrize("when", ["before", "after"])
def test_killed_while_it_overwrites(shop, postgres, when):
    """At each message from the one on by which the table is emptied."""
    shop.env["DB"] = postgres.direct
    point = 0
    while True:
        child, since = [], [-1]

        def before(_, data):
            since[0] += since[0] >= 0 or EMPTIED in data
            if since[0] != point:
                return None
            if when == "after":
                return "kill"
            child[0].kill()
            return "cut"

        start_anew(shop, postgres, OVERWRITE)
        proxy = Proxy(postgres.server, lambda n, data: kill_after(before(n, data), child))
        child.append(shop.start("run", env=through(proxy, postgres)))
        end(child[0])
        proxy.close()
        if since[0] < point:
            break
        run_again(shop, postgres)
        assert_overwritten(shop, postgres, f"killed {when} message {point}")
        point += 1
    assert point >= 4 # DELETE, COPY, the ledger, COMMIT


def kill_after(verdict, child):
    """The server gets it, the client is gone."""
    if verdict == "kill":
        child[0].kill()
        return "lose"
    return verdict


def test_killed_at_any_time(shop):
    db = Sqlite(shop.dir)
    shop.env["DB"] = str(db.path)
    start_anew(shop, db)
    begin = time.monotonic()
    shop("run")
    whole = time.monotonic() - begin
    points = 100 if FULL else 6
    killed = 0
    for i in range(points):
        start_anew(shop, db)
        begin = time.monotonic()
        p = shop.start("run")
        try:
            p.wait(whole * (0.2 + i / points))
            whole = time.monotonic() - begin # the machine was slower before
        except subprocess.TimeoutExpired:
            p.kill()
        killed += end(p)[0] == -signal.SIGKILL
        run_again(shop, db)
        assert_once(shop, db, f"killed after {i} of {points}")
    assert killed > points / 4


# ---- paused, overtaken, and awake again


@pytest.mark.parametrize("text, times", [(b"_silt_txn", 3), (b"COPY", 3), (b"BEGIN", 3), (b"_silt_ledger", 3), (b"COMMIT", 3),
                                         (EMPTIED, 1)])
def test_a_zombie(shop, postgres, text, times):
    """It sleeps where it sends that for so many times; another one takes the lock from it."""
    shop.env["DB"] = postgres.direct
    start_anew(shop, postgres, IMPATIENT)
    child, seen, asleep = [], [0], []

    def before(_, data):
        seen[0] += text in data
        if seen[0] == times and not asleep:
            child[0].send_signal(signal.SIGSTOP)
            asleep.append(True)

    proxy = Proxy(postgres.server, before)
    child.append(shop.start("run", env=through(proxy, postgres)))
    assert wait_until(lambda: asleep, child[0])
    other = shop("run", "--force-unlock", rc=None)
    child[0].send_signal(signal.SIGCONT)
    end(child[0])
    proxy.close()
    if other.rc: # the sleeper held a lock of the database: this is told, and nothing else is done
        assert "lock timeout" in other.out, other
    configure(shop, postgres)
    run_again(shop, postgres)
    assert_once(shop, postgres, f"{text}: {other}")


def test_a_zombie_of_sqlite(shop):
    db = Sqlite(shop.dir)
    shop.env["DB"] = str(db.path)
    start_anew(shop, db)
    begin = time.monotonic()
    shop("run")
    whole = time.monotonic() - begin
    for i in range(30 if FULL else 3):
        start_anew(shop, db, IMPATIENT)
        p = shop.start("run")
        time.sleep(whole * (0.3 + i / (30 if FULL else 3) * 0.7))
        p.send_signal(signal.SIGSTOP)
        other = shop("run", "--force-unlock", rc=None)
        p.send_signal(signal.SIGCONT)
        end(p)
        if other.rc:
            assert "locked" in other.out, other
        configure(shop, db)
        run_again(shop, db)
        assert_once(shop, db, f"zombie {i}: {other}")
