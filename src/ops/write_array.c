/* Files that hold one JSON array: its items, one a line, in a file of their own, compressed where
 * the options say that all files are. In one pass, byte by byte: what an item is is for the reader
 * of lines to judge. */
#include "engine/text_file.h"
#include "ops/write.h"

#define HEAD_BYTES  4096
#define PIECE_BYTES 16384 /* that are written at a time */

typedef struct splitting {
    silt_text_output *out;
    silt_status status; /* of writing */
    silt_error *err;
    size_t size;   /* of what waits to be written */
    int64_t depth; /* of brackets; 1: between the items */
    bool in_string, escaped;
    bool begun, more; /* behind the array there is something else */
    char text[PIECE_BYTES];
} splitting;

static void flush(splitting *s)
{
    if (s->status == SILT_OK)
        s->status = silt_text_output_put(s->out, (silt_bytes){s->text, s->size}, s->err);
    s->size = 0;
}

static void put(splitting *s, char c)
{
    if (s->size == sizeof(s->text)) flush(s);
    s->text[s->size++] = c;
}

static void in_string(splitting *s, char c)
{
    put(s, c);
    if (s->escaped)
        s->escaped = false;
    else if (c == '\\')
        s->escaped = true;
    else if (c == '"')
        s->in_string = false;
}

static void outside(splitting *s, char c)
{
    bool blank = c == ' ' || c == '\t' || c == '\n' || c == '\r';
    bool opens = c == '[' || c == '{', closes = c == ']' || c == '}';
    if (blank) {
        if (s->depth > 1) put(s, ' ');
        return;
    }
    s->more |= s->begun && s->depth == 0;
    s->begun = true;
    s->in_string = c == '"';
    if (closes && --s->depth == 0) c = '\n';
    if (opens && s->depth++ == 0) return;
    put(s, c == ',' && s->depth == 1 ? '\n' : c);
}

static void piece(void *ctx, silt_bytes bytes)
{
    splitting *s = ctx;
    for (size_t i = 0; i < bytes.size; i++) {
        if (s->in_string)
            in_string(s, bytes.data[i]);
        else
            outside(s, bytes.data[i]);
    }
}

silt_status silt_json_array_split(const silt_source_options *options, silt_source_file *file,
                                  const char *path, silt_error *err)
{
    SILT_AUTO(silt_text_output) out = NULL;
    SILT_TRY(silt_text_output_open(options, path, &out, err));
    splitting s = {.out = out, .err = err};
    silt_status st = silt_text_scan(options, file->local_path, piece, &s, err);
    if (st != SILT_OK) return silt_wrap(err, st, "%s", file->name);
    flush(&s);
    if (s.status == SILT_OK) s.status = silt_text_output_end(out, err);
    if (s.status != SILT_OK) return silt_wrap(err, s.status, "%s", path);
    if (s.depth || s.in_string || s.more)
        return silt_fail(err, SILT_BAD_DATA, "%s: its JSON array %s", file->name,
                         s.more ? "isn't all there is in it" : "has no end");
    file->local_path = path;
    return SILT_OK;
}

/* Trouble with the file itself is found by whoever reads it. */
bool silt_json_array_is(const silt_source_options *options, const char *path)
{
    SILT_CLEAN(silt_buf) head = {0};
    bool whole;
    if (silt_text_head(options, path, HEAD_BYTES, &head, &whole, NULL) != SILT_OK) return false;
    size_t at = 0;
    while (at < head.size && strchr(" \t\r\n", head.data[at]))
        at++;
    return at < head.size && head.data[at] == '[';
}

silt_status silt_write_split_arrays(silt_writing *wr, silt_source_file *files, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (!silt_json_array_is(&wr->sources.options, files[i].local_path)) continue;
        const char *name = silt_arena_printf(wr->arena, "%s-items", wr->id);
        if (!name) return silt_fail_nomem(wr->err);
        if (!wr->items)
            SILT_TRY(silt_scratch_make(wr->store, name, wr->arena, &wr->items, wr->err));
        const char *path = silt_arena_printf(wr->arena, "%s/%zu.ndjson", wr->items, i);
        if (!path) return silt_fail_nomem(wr->err);
        SILT_TRY(silt_json_array_split(&wr->sources.options, &files[i], path, wr->err));
    }
    return SILT_OK;
}
