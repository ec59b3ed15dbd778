"""Rows of the conformance matrix: what tables hold, as Python values, and one form of them that all readers' rows are
brought to. Needs nothing but Python's own library: Spark's Python imports it too."""
import datetime as dt
import decimal
import json
import math

UTC = dt.timezone.utc
PARTS = (None, "p1", "a b", "ü/=%é", "", "x'y\"z", "p2")
NAMES = (None, "plain", "", "naïve ☃\n\"quoted\", 'too'", "the same beginning for longer than statistics keep of a text, ")
FLOATS = (1.5, None, math.nan, -1e300, math.inf, 0.1)

# name: (type in DDL, value by id)
COLUMNS = {
    "id": ("BIGINT", lambda i: i),
    "p": ("STRING", lambda i: PARTS[i % 7]),
    "v": ("INT", lambda i: None if i % 6 == 0 else i * 10),
    "name": ("STRING", lambda i: NAMES[i % 5] + str(i) if i % 5 == 4 else NAMES[i % 5]),
    "d": ("DATE", lambda i: None if i % 9 == 0 else dt.date(1969, 12, 30) + dt.timedelta(days=i % 4)),
    "ts": ("TIMESTAMP", lambda i: None if i % 8 == 0 else
           dt.datetime(1969, 12, 31, 23, 59, 59, 999_999, UTC) + dt.timedelta(days=i % 3, microseconds=i)),
    "x": ("DOUBLE", lambda i: FLOATS[i % 6]),
    "amount": ("DECIMAL(12,3)", lambda i: None if i % 10 == 0 else decimal.Decimal(i * 1001 - 9000).scaleb(-3)),
    "ok": ("BOOLEAN", lambda i: (True, False, None)[i % 3]),
    "raw": ("BINARY", lambda i: None if i % 4 == 0 else bytes([0, i % 256, 255])),
    "s": ("STRUCT<a: INT, b: ARRAY<STRING>>",
          lambda i: None if i % 5 == 0 else {"a": i, "b": (None, [], ["x", None])[i % 3]}),
    "m": ("MAP<STRING, INT>", lambda i: None if i % 3 == 0 else {"k": i, "n": None}),
}


def canonical(value):
    """Something that JSON can hold, the same for the same value from every reader, and another one for each other."""
    if value is None or isinstance(value, (bool, int, str)):
        return value
    if isinstance(value, float):
        return f"double {'NaN' if math.isnan(value) else repr(value)}"
    if isinstance(value, decimal.Decimal):
        return f"decimal {value:f}"
    if isinstance(value, (bytes, bytearray)):
        return f"binary {bytes(value).hex()}"
    if isinstance(value, dt.datetime):  # in UTC, or without a zone: the schema tells them apart
        at = value.astimezone(UTC).replace(tzinfo=None) if value.tzinfo else value
        return f"time {at.isoformat(timespec='microseconds')}"
    if isinstance(value, dt.date):
        return f"date {value.isoformat()}"
    if hasattr(value, "asDict"):
        value = value.asDict()
    if isinstance(value, dict):
        return {str(k): canonical(value[k]) for k in sorted(value)}
    if isinstance(value, (list, tuple)):
        if value and all(isinstance(x, tuple) and len(x) == 2 and not hasattr(x, "asDict") for x in value):
            return canonical(dict(value))  # a map of Arrow
        return [canonical(x) for x in value]
    if hasattr(value, "toJson"):  # a variant of Spark
        return f"variant {json.dumps(json.loads(value.toJson()), sort_keys=True)}"
    raise TypeError(f"{type(value)} {value!r}")


def as_texts(rows):
    """Rows (dictionaries of canonical values) as sorted texts."""
    return sorted(json.dumps(row, sort_keys=True, ensure_ascii=False) for row in rows)


def difference(found, wanted):
    """None, or what of two lists of canonical rows differs, in a few lines."""
    found, wanted = as_texts(found), as_texts(wanted)
    if found == wanted:
        return None
    extra, missing = list(found), []
    for text in wanted:
        if text in extra:
            extra.remove(text)
        else:
            missing.append(text)
    lines = [f"{len(found)} rows, wanted {len(wanted)}"]
    lines += [f"  missing {t}" for t in missing[:3]] + [f"  extra   {t}" for t in extra[:3]]
    return "\n".join(lines)
