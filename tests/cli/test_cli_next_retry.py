"""When a file that failed is tried again, as `silt status` tells it and runs do it; and what monitors are told of runs."""
import datetime
import re
import time

import pytest

from pipelines import SALES_ONLY, assert_sales_once, configure, sales


@pytest.fixture
def failed(silt):
    """Two files, one of which can't be loaded."""
    configure(silt, SALES_ONLY)
    sales(silt, 1)
    silt("run")
    silt.write("inbox/sales-02.csv", "id,kind,amount\nnot a number,x,1.5\n")
    silt("run", rc=5)
    return silt


def backoff(silt, minutes):
    text = (silt.dir / "silt.yaml").read_text()
    silt.write("silt.yaml", text.replace("retry_attempts: 2", f"retry_attempts: 3\nretry_backoff_minutes: {minutes}"))


def table(silt):
    return silt("status", "--json").json["tables"][0]


def when(text):
    return datetime.datetime.fromisoformat(text.replace("Z", "+00:00"))


def test_the_next_run_tries_it(failed):
    t = table(failed)
    assert t["files_failed"] == t["files_retried_next"] == 1
    assert t["next_retry_at"] == t["failures"][0]["next_retry_at"]
    assert when(t["next_retry_at"]) <= datetime.datetime.now(datetime.timezone.utc)
    assert "(tries: 1; next retry: by the next run)" in failed("status").out
    sales(failed, 2)
    failed("run")
    assert table(failed)["next_retry_at"] is None
    assert_sales_once(failed, {1: 10, 2: 10})


def test_none_does_once_its_tries_are_used_up(failed):
    failed("run", rc=5)
    t = table(failed)
    assert t["failures"][0]["retry_count"] == 2 and t["failures"][0]["next_retry_at"] is None
    assert t["next_retry_at"] is None and t["files_retried_next"] == 0
    assert "(tries: 2; next retry: none, its tries are used up: `silt run --retry-failed`)" in failed("status").out


def test_not_before_its_backoff(failed):
    now = datetime.datetime.now(datetime.timezone.utc)
    backoff(failed, 60)
    first = when(table(failed)["next_retry_at"])
    assert datetime.timedelta(minutes=58) < first - now < datetime.timedelta(minutes=61)
    out = failed("status").out
    assert re.search(r"\(tries: 1; next retry: by the first run after \d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\)", out), out
    sales(failed, 2)
    assert failed("run", "--json").json["total_files_processed"] == 0 # mended, but it isn't its time
    assert_sales_once(failed, {1: 10})
    failed.write("inbox/sales-02.csv", "id,kind,amount\nnot a number,x,1.5\n")
    failed("run", "--retry-failed", rc=5)
    now = datetime.datetime.now(datetime.timezone.utc)
    second = when(table(failed)["next_retry_at"])
    assert datetime.timedelta(minutes=118) < second - now < datetime.timedelta(minutes=121) # doubled
    sales(failed, 2)
    failed("run", "--retry-failed")
    assert_sales_once(failed, {1: 10, 2: 10})
    failed("validate-consistency")


def test_a_short_backoff_passes(failed):
    backoff(failed, 0.001)
    sales(failed, 2)
    due = when(table(failed)["next_retry_at"]) - datetime.datetime.now(datetime.timezone.utc)
    time.sleep(max(due.total_seconds(), 0))
    failed("run")
    assert_sales_once(failed, {1: 10, 2: 10})


def test_a_backoff_that_makes_no_sense(failed):
    backoff(failed, -1)
    assert "retry_backoff_minutes" in failed("check-config", rc=2).err


def test_inconsistencies_over_runs(silt):
    configure(silt, SALES_ONLY)
    sales(silt, 1)
    silt("run")
    metrics = silt("status", "--json").json["metrics"]
    assert metrics["validation_inconsistencies"] == metrics["inconsistencies_now"] == 0
    log = silt.dir / "lake/sales/_delta_log"
    kept = {p: p.read_bytes() for p in log.glob(f"{max(log.glob('*.json')).stem}.*")}
    for path in kept:
        path.unlink()
    for _ in range(2):
        silt("run", rc=3)
    metrics = silt("status", "--json").json["metrics"]
    assert metrics["validation_inconsistencies"] >= 2 and metrics["inconsistencies_now"] == 1
    assert metrics["consecutive_failures"] == 2
    for path, data in kept.items():
        path.write_bytes(data)
    silt("run")
    after = silt("status", "--json").json["metrics"]
    assert after["validation_inconsistencies"] == metrics["validation_inconsistencies"]
    assert after["inconsistencies_now"] == after["consecutive_failures"] == 0
