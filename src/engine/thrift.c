/* @see Thrift, "Compact protocol" */
#include "engine/thrift.h"

uint8_t silt_thrift_byte(silt_thrift_reader *r)
{
    if (r->at < r->end) return *r->at++;
    r->failed = true;
    return 0;
}

static uint64_t read_varint(silt_thrift_reader *r)
{
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        uint8_t byte = silt_thrift_byte(r);
        value |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80)) return value;
    }
    r->failed = true;
    return 0;
}

int64_t silt_thrift_int(silt_thrift_reader *r)
{
    uint64_t value = read_varint(r);
    return (int64_t)(value >> 1) ^ -(int64_t)(value & 1);
}

int32_t silt_thrift_int32(silt_thrift_reader *r)
{
    int64_t value = silt_thrift_int(r);
    if (value < INT32_MIN || value > INT32_MAX) r->failed = true;
    return r->failed ? 0 : (int32_t)value;
}

silt_bytes silt_thrift_text(silt_thrift_reader *r)
{
    uint64_t size = read_varint(r);
    if (r->failed || size > (uint64_t)(r->end - r->at)) {
        r->failed = true;
        return (silt_bytes){0};
    }
    silt_bytes text = {(const char *)r->at, (size_t)size};
    r->at += size;
    return text;
}

/* False at the struct's end, or where reading failed. */
bool silt_thrift_next(silt_thrift_reader *r, silt_thrift_field *field)
{
    uint8_t head = silt_thrift_byte(r);
    field->type = head & 0xf;
    if (r->failed || field->type == SILT_THRIFT_STOP) return false;
    field->id = head >> 4 ? field->id + (head >> 4) : silt_thrift_int32(r);
    return !r->failed;
}

uint64_t silt_thrift_list(silt_thrift_reader *r, uint8_t *type)
{
    uint8_t head = silt_thrift_byte(r);
    *type = head & 0xf;
    return head >> 4 == 15 ? read_varint(r) : head >> 4;
}

static void skip_struct(silt_thrift_reader *r, int depth)
{
    silt_thrift_field field = {0};
    while (silt_thrift_next(r, &field))
        silt_thrift_skip(r, field.type, depth);
}

static void skip_items(silt_thrift_reader *r, int depth)
{
    uint8_t type;
    uint64_t count = silt_thrift_list(r, &type);
    for (uint64_t i = 0; i < count && !r->failed; i++) {
        if (type == SILT_THRIFT_TRUE || type == SILT_THRIFT_FALSE)
            (void)silt_thrift_byte(r);
        else
            silt_thrift_skip(r, type, depth);
    }
}

void silt_thrift_skip(silt_thrift_reader *r, uint8_t type, int depth)
{
    if (depth > 16) r->failed = true;
    if (r->failed) return;
    switch (type) {
    case SILT_THRIFT_TRUE:
    case SILT_THRIFT_FALSE:
        return;
    case SILT_THRIFT_BYTE:
        (void)silt_thrift_byte(r);
        return;
    case SILT_THRIFT_I16:
    case SILT_THRIFT_I32:
    case SILT_THRIFT_I64:
        (void)read_varint(r);
        return;
    case SILT_THRIFT_DOUBLE:
        for (int i = 0; i < 8; i++)
            (void)silt_thrift_byte(r);
        return;
    case SILT_THRIFT_BINARY:
        (void)silt_thrift_text(r);
        return;
    case SILT_THRIFT_LIST:
    case SILT_THRIFT_SET:
        skip_items(r, depth + 1);
        return;
    case SILT_THRIFT_STRUCT:
        skip_struct(r, depth + 1);
        return;
    default: /* maps aren't in what comes before and in a schema */
        r->failed = true;
        return;
    }
}
