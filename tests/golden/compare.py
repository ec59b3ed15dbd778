"""Whether two Parquet files hold the same rows, by the types and values of a Delta table."""
import math

import pyarrow as pa
import pyarrow.parquet as pq


def value(v, kind):
    """Something that can be sorted and compared: NaN equals NaN, an instant is its µs, 1.0 is no 1."""
    if v is None:
        return ("null",)
    if pa.types.is_floating(kind):
        return ("nan",) if math.isnan(v) else ("float", float(v))
    if pa.types.is_struct(kind):
        return tuple((kind.field(i).name, value(v[kind.field(i).name], kind.field(i).type))
                     for i in range(kind.num_fields))
    if pa.types.is_list(kind) or pa.types.is_large_list(kind):
        return tuple(value(x, kind.value_type) for x in v)
    if pa.types.is_map(kind):
        pairs = v.items() if isinstance(v, dict) else v
        return tuple(sorted((repr(value(k, kind.key_type)), value(x, kind.item_type)) for k, x in pairs))
    return (str(kind), str(v))


def whole(kind):
    """Timestamps as whole µs, so that years beyond Python's are compared too."""
    if pa.types.is_timestamp(kind):
        return pa.int64()
    if pa.types.is_struct(kind):
        return pa.struct([kind.field(i).with_type(whole(kind.field(i).type)) for i in range(kind.num_fields)])
    if pa.types.is_list(kind):
        return pa.list_(kind.value_field.with_type(whole(kind.value_type)))
    if pa.types.is_map(kind):
        return pa.map_(whole(kind.key_type), whole(kind.item_type))
    return kind


def micros(column):
    if pa.types.is_timestamp(column.type):
        return column.cast(pa.timestamp("us", column.type.tz)).cast(pa.int64())
    wanted = whole(column.type)
    return column if wanted == column.type else column.cast(wanted)


def rows(table):
    columns = []
    for column in table.columns:
        column = micros(column.combine_chunks())
        columns.append([value(v, column.type) for v in column.to_pylist()])
    return sorted(zip(*columns), key=repr) if columns else []


def kinds(table):
    """Names and types; what an engine calls its list's elements is its own affair."""
    def plain(kind):
        if pa.types.is_struct(kind):
            return {kind.field(i).name: plain(kind.field(i).type) for i in range(kind.num_fields)}
        if pa.types.is_list(kind):
            return [plain(kind.value_type)]
        if pa.types.is_map(kind):
            return "map", plain(kind.key_type), plain(kind.item_type)
        if pa.types.is_timestamp(kind):
            return "timestamp", bool(kind.tz)
        return str(kind)
    return [(f.name, plain(f.type)) for f in table.schema]


def load(path):
    return pq.ParquetFile(path).read()


def assert_same(found, expected, what):
    assert kinds(found) == kinds(expected), what
    assert rows(found) == rows(expected), what
