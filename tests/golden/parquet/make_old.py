"""Parquet files in forms that old writers used and new ones don't write any more.

Run it with the tests' Python (pyarrow): make_old.py FOLDER. Lists of two levels are made of those
of three: the pages are the same, and the footer, which this reads and writes, is another.
"""

import datetime
import decimal
import os
import struct
import sys

import pyarrow as pa
import pyarrow.parquet as pq

# ---- Thrift's compact protocol: a struct is {field: (type, value)}, a list (type, [values])


class Reader:
    def __init__(self, data):
        self.data, self.at = data, 0

    def byte(self):
        self.at += 1
        return self.data[self.at - 1]

    def varint(self):
        value = shift = 0
        while True:
            byte = self.byte()
            value |= (byte & 0x7F) << shift
            shift += 7
            if byte < 0x80:
                return value

    def value(self, kind):
        if kind in (1, 2):
            return None
        if kind == 3:
            return self.byte()
        if kind in (4, 5, 6):
            return self.varint()
        if kind == 7:
            self.at += 8
            return self.data[self.at - 8 : self.at]
        if kind == 8:
            size = self.varint()
            self.at += size
            return self.data[self.at - size : self.at]
        if kind == 9:
            head = self.byte()
            count = head >> 4 if head >> 4 != 15 else self.varint()
            items = [self.byte() if head & 15 in (1, 2) else self.value(head & 15) for _ in range(count)]
            return (head & 15, items)
        assert kind == 12, kind
        fields, last = {}, 0
        while True:
            head = self.byte()
            if head == 0:
                return fields
            last = last + (head >> 4) if head >> 4 else (self.varint() >> 1)
            fields[last] = (head & 15, self.value(head & 15))


def varint(value):
    out = b""
    while value >= 0x80:
        out += bytes([value & 0x7F | 0x80])
        value >>= 7
    return out + bytes([value])


def written(kind, value):
    if kind in (1, 2):
        return b""
    if kind == 3:
        return bytes([value])
    if kind in (4, 5, 6):
        return varint(value)
    if kind == 7:
        return value
    if kind == 8:
        return varint(len(value)) + value
    if kind == 9:
        item, items = value
        head = bytes([len(items) << 4 | item]) if len(items) < 15 else bytes([0xF0 | item]) + varint(len(items))
        return head + b"".join(bytes([i]) if item in (1, 2) else written(item, i) for i in items)
    out, last = b"", 0
    for field, (kind, inner) in sorted(value.items()):
        out += bytes([(field - last) << 4 | kind]) + written(kind, inner)
        last = field
    return out + b"\0"


# ---- footers


def change_footer(path, change):
    data = open(path, "rb").read()
    size = struct.unpack("<I", data[-8:-4])[0]
    footer = Reader(data[-8 - size : -8]).value(12)
    footer.pop(5, None)  # key-value metadata: pyarrow's own schema
    change(footer)
    body = written(12, footer)
    with open(path, "wb") as out:
        out.write(data[: -8 - size] + body + struct.pack("<I", len(body)) + b"PAR1")


NAME, CHILDREN, REPETITION, LOGICAL = 4, 5, 3, 10
REPEATED = 2 * 2  # zigzag


def paths(footer, rename):
    for group in footer[4][1][1]:
        for chunk in group[1][1][1]:
            meta = chunk[3][1]
            meta[3] = (9, (8, rename(meta[3][1][1])))


def repeated_leaf(footer):
    """a (LIST) { repeated list { required element } } becomes a (LIST) { repeated array }"""
    elements = footer[2][1][1]
    at = next(i for i, e in enumerate(elements) if e[NAME][1] == b"list")
    elements[at + 1][NAME] = (8, b"array")
    elements[at + 1][REPETITION] = (5, REPEATED)
    del elements[at]
    paths(footer, lambda path: [path[0], b"array"] if len(path) == 3 else path)


def repeated_group(name, field):
    """… becomes a (LIST) { repeated <name> { required <field> } }: structs of one field"""

    def change(footer):
        elements = footer[2][1][1]
        at = next(i for i, e in enumerate(elements) if e[NAME][1] == b"list")
        elements[at][NAME] = (8, name)
        elements[at + 1][NAME] = (8, field)
        paths(footer, lambda path: [path[0], name, field] if len(path) == 3 else path)

    return change


def without_logical_types(footer):
    for element in footer[2][1][1]:
        element.pop(LOGICAL, None)


def main(folder):
    os.makedirs(folder, exist_ok=True)
    at = lambda name: os.path.join(folder, name)
    required = pa.list_(pa.field("element", pa.int32(), nullable=False))
    lists = pa.table({"id": pa.array([1, 2, 3, 4], pa.int32()), "a": pa.array([[1, 2], [], None, [3]], required)})
    for name, change in (
        ("list_of_two_levels.parquet", repeated_leaf),
        ("list_of_array_groups.parquet", repeated_group(b"array", b"x")),
        ("list_of_tuple_groups.parquet", repeated_group(b"a_tuple", b"x")),
        ("list_of_bags.parquet", repeated_group(b"bag", b"array_element")),
    ):
        pq.write_table(lists, at(name), store_schema=False, compression="none")
        change_footer(at(name), change)

    moments = [datetime.datetime(1, 1, 1), datetime.datetime(2024, 2, 29, 1, 2, 3, 456789), datetime.datetime(9999, 12, 31, 23, 59, 59, 999999), None]
    pq.write_table(
        pa.table({"t": pa.array(moments, pa.timestamp("us")), "s": pa.array([{"t": m} for m in moments], pa.struct([("t", pa.timestamp("us"))]))}),
        at("int96.parquet"),
        use_deprecated_int96_timestamps=True,
        store_schema=False,
    )
    numbers = [decimal.Decimal("-1.25"), decimal.Decimal("9.99"), None]
    types = {"d32": (pa.decimal128(5, 2), True), "d64": (pa.decimal128(18, 2), True), "d128": (pa.decimal128(38, 2), False)}
    for as_integer in (True, False):
        table = pa.table({n: pa.array(numbers, t) for n, (t, i) in types.items() if i or not as_integer})
        pq.write_table(table, at("decimals_%s.parquet" % ("as_integers" if as_integer else "as_bytes")), store_decimal_as_integer=as_integer, store_schema=False)
    old = pa.table(
        {
            "b": pa.array([1, -2, None], pa.int8()),
            "u": pa.array([65535, 1, None], pa.uint16()),
            "ms": pa.array([0, 1500, None], pa.timestamp("ms", "UTC")),
            "us": pa.array([0, 1500, None], pa.timestamp("us", "UTC")),
            "d": pa.array([0, -719162, None], pa.date32()),
            "n": pa.array([decimal.Decimal("1.5"), None, None], pa.decimal128(9, 1)),
            "s": pa.array(["a", "ü", None]),
        }
    )
    pq.write_table(old, at("converted_types.parquet"), store_schema=False)
    change_footer(at("converted_types.parquet"), without_logical_types)
    pq.write_table(pa.table({"n": pa.nulls(2), "s": [{"n": None}, None]}), at("nothing.parquet"), store_schema=False)


if __name__ == "__main__":
    main(sys.argv[1])
