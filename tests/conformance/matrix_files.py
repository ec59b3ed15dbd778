"""Whether statistics in the log are those of the files, by a Parquet reader that isn't Silt's."""
import datetime as dt
import decimal
import json
import math
from urllib.parse import unquote

import pyarrow.parquet as pq

UTC = dt.timezone.utc


def wrong_statistics(table, actions):
    """What is wrong with the statistics of the files that these actions add."""
    found = []
    for add in (a["add"] for a in actions if "add" in a):
        stats = json.loads(add.get("stats") or "{}")
        path = table / unquote(add["path"])
        rows = pq.read_table(path, partitioning=None).to_pylist()
        if stats.get("numRecords") != len(rows):
            found.append(f"{path.name}: numRecords {stats.get('numRecords')}, has {len(rows)}")
        if path.stat().st_size != add["size"]:
            found.append(f"{path.name}: size {add['size']}, is {path.stat().st_size}")
        exact = stats.get("tightBounds", True) is not False and not add.get("deletionVector")
        found += [f"{path.name}: {x}" for x in wrong_bounds(stats, rows, exact, ())]
        if not any(k for k in stats.get("nullCount", {})):
            found.append(f"{path.name}: no statistics of columns: {stats}")
    return found


def files_without(table, actions, columns):
    """The added files that lack one of the columns."""
    paths = [table / unquote(a["add"]["path"]) for a in actions if "add" in a]
    return [p.name for p in paths if not set(columns) <= set(pq.read_schema(p).names)]


def wrong_bounds(stats, rows, exact, within):
    for name, nulls in stats.get("nullCount", {}).items():
        values = [None if row is None else row.get(name) for row in rows]
        where = ".".join((*within, name))
        if isinstance(nulls, dict):
            part = {k: stats.get(k, {}).get(name, {}) for k in ("minValues", "maxValues", "nullCount")}
            yield from wrong_bounds(part, values, exact, (*within, name))
            continue
        there = [v for v in values if v is not None]
        if exact and nulls != len(values) - len(there) or nulls > len(values):
            yield f"{where}: nullCount {nulls}, has {len(values) - len(there)} nulls"
        low, high = stats.get("minValues", {}).get(name), stats.get("maxValues", {}).get(name)
        if low is not None and any(not in_order(low, v) for v in there):
            yield f"{where}: minimum {low!r}, has {min(there)!r}"
        if high is not None and any(not in_order(v, high) for v in there):
            yield f"{where}: maximum {high!r}, has {max(there)!r}"
        if (low is None or high is None) and there and not isinstance(there[0], (bytes, bool, float, list)):
            yield f"{where}: no bounds: {low!r}, {high!r}"


def in_order(a, b):
    """Whether a <= b, where one of them is a value and the other one a bound of JSON. NaN is no bound's business: readers
    treat it as larger than all."""
    a, b = plain(a, b, False), plain(b, a, True)
    return any(isinstance(x, float) and math.isnan(x) for x in (a, b)) or a <= b


def plain(bound, value, high):
    """The bound as the value is. Instants are told in whole milliseconds, which the larger one may be rounded down to."""
    if isinstance(bound, dt.datetime):
        return bound
    if isinstance(bound, str) and isinstance(value, dt.datetime):
        at = dt.datetime.fromisoformat(bound)
        at = at.replace(tzinfo=value.tzinfo and UTC)  # Spark's own INT96 has no zone
        return at + dt.timedelta(milliseconds=1) if high else at
    if isinstance(bound, str) and isinstance(value, dt.date):
        return dt.date.fromisoformat(bound[:10])
    if isinstance(bound, str) and isinstance(value, float):
        return float(bound)  # Spark has texts for what JSON has no numbers for
    if isinstance(value, decimal.Decimal) and not isinstance(bound, decimal.Decimal):
        return decimal.Decimal(str(bound))
    return bound
