/* Heads and ends of text files, and files like these. */
#include "engine/text_file.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

#define CHUNK      65536
#define SCAN_CHUNK (1 << 18) /* fits a core's cache */

silt_compression silt_text_compression(const silt_source_options *options, const char *path)
{
    const char *given = options->compression;
    if (given && strcmp(given, "auto") != 0) {
        if (strcmp(given, "gzip") == 0) return SILT_COMPRESSION_GZIP;
        if (strcmp(given, "zstd") == 0) return SILT_COMPRESSION_ZSTD;
        return SILT_COMPRESSION_NONE;
    }
    if (silt_ends_with(path, ".gz")) return SILT_COMPRESSION_GZIP;
    if (silt_ends_with(path, ".zst")) return SILT_COMPRESSION_ZSTD;
    return SILT_COMPRESSION_NONE;
}

/* ---- one source of bytes over the three kinds ------------------------------------------------ */

typedef struct input {
    silt_compression compression;
    int file;
    bool opened, ended; /* ended: all was read, and the compression says it is complete */
    gzFile gzip;
    ZSTD_DStream *zstd;
    ZSTD_inBuffer in;
    size_t zstd_due; /* 0 between frames */
    char *chunk;
} input;

static void input_release(input *in)
{
    if (in->gzip)
        gzclose(in->gzip); /* closes the file too */
    else if (in->opened)
        close(in->file);
    if (in->zstd) ZSTD_freeDStream(in->zstd);
    free(in->chunk);
}

static silt_status input_open(input *in, const silt_source_options *options, const char *path,
                              silt_error *err)
{
    in->compression = silt_text_compression(options, path);
    in->file = open(path, O_RDONLY | O_CLOEXEC);
    if (in->file < 0) return silt_fail_errno(err, errno, "can't be read");
    in->opened = true;
    if (in->compression == SILT_COMPRESSION_GZIP) {
        in->gzip = gzdopen(in->file, "rb");
        if (!in->gzip) return silt_fail_nomem(err);
        gzbuffer(in->gzip, CHUNK);
    } else if (in->compression == SILT_COMPRESSION_ZSTD) {
        in->zstd = ZSTD_createDStream();
        in->chunk = malloc(CHUNK);
        if (!in->zstd || !in->chunk) return silt_fail_nomem(err);
    }
    return SILT_OK;
}

static silt_status damaged(silt_error *err)
{
    return silt_fail(err, SILT_BAD_DATA, "the compressed file is damaged or cut off");
}

static silt_status read_gzip(input *in, char *to, size_t room, size_t *got, silt_error *err)
{
    /* gzread() would hand out a plain file as it is; DuckDB refuses that, so do we. */
    if (gzdirect(in->gzip)) {
        char byte;
        if (gzread(in->gzip, &byte, 1) > 0) return silt_fail(err, SILT_BAD_DATA, "not a gzip file");
    }
    int n = gzread(in->gzip, to, (unsigned)room);
    int code = Z_OK;
    (void)gzerror(in->gzip, &code);
    if (code == Z_ERRNO) return silt_fail_errno(err, errno, "can't be read");
    if (code == Z_MEM_ERROR) return silt_fail_nomem(err);
    if (n < 0 || code != Z_OK) return damaged(err);
    in->ended = n == 0;
    *got = (size_t)n;
    return SILT_OK;
}

static silt_status read_zstd(input *in, char *to, size_t room, size_t *got, silt_error *err)
{
    ZSTD_outBuffer out = {to, room, 0};
    while (out.pos == 0) {
        if (in->in.pos == in->in.size) {
            ssize_t n = read(in->file, in->chunk, CHUNK);
            if (n < 0) return silt_fail_errno(err, errno, "can't be read");
            if (n == 0) {
                if (in->zstd_due) return damaged(err);
                in->ended = true;
                break;
            }
            in->in = (ZSTD_inBuffer){in->chunk, (size_t)n, 0};
        }
        in->zstd_due = ZSTD_decompressStream(in->zstd, &out, &in->in);
        if (ZSTD_isError(in->zstd_due)) return damaged(err);
    }
    *got = out.pos;
    return SILT_OK;
}

/* Some bytes; none at the end. */
static silt_status input_read(input *in, char *to, size_t room, size_t *got, silt_error *err)
{
    if (in->compression == SILT_COMPRESSION_GZIP) return read_gzip(in, to, room, got, err);
    if (in->compression == SILT_COMPRESSION_ZSTD) return read_zstd(in, to, room, got, err);
    ssize_t n = read(in->file, to, room);
    if (n < 0) return silt_fail_errno(err, errno, "can't be read");
    in->ended = n == 0;
    *got = (size_t)n;
    return SILT_OK;
}

/* ---- decoding -------------------------------------------------------------------------------- */

static void put_utf8(silt_buf *out, uint32_t c)
{
    if (c < 0x80) {
        silt_buf_putc(out, (char)c);
        return;
    }
    if (c < 0x800) {
        silt_buf_putc(out, (char)(0xC0 | c >> 6));
    } else if (c < 0x10000) {
        silt_buf_putc(out, (char)(0xE0 | c >> 12));
        silt_buf_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
    } else {
        silt_buf_putc(out, (char)(0xF0 | c >> 18));
        silt_buf_putc(out, (char)(0x80 | (c >> 12 & 0x3F)));
        silt_buf_putc(out, (char)(0x80 | (c >> 6 & 0x3F)));
    }
    silt_buf_putc(out, (char)(0x80 | (c & 0x3F)));
}

static void decode_utf16(silt_bytes raw, silt_buf *out)
{
    const unsigned char *d = (const unsigned char *)raw.data;
    bool big = raw.size >= 2 && d[0] == 0xFE && d[1] == 0xFF;
    for (size_t i = 0; i + 1 < raw.size; i += 2) {
        uint32_t c = big ? (uint32_t)d[i] << 8 | d[i + 1] : (uint32_t)d[i + 1] << 8 | d[i];
        if (c >= 0xD800 && c < 0xDC00 && i + 3 < raw.size) {
            uint32_t low =
                big ? (uint32_t)d[i + 2] << 8 | d[i + 3] : (uint32_t)d[i + 3] << 8 | d[i + 2];
            c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00);
            i += 2;
        }
        put_utf8(out, c);
    }
}

static void decode(const char *encoding, silt_bytes raw, silt_buf *out)
{
    if (encoding && strcmp(encoding, "utf-16") == 0) {
        decode_utf16(raw, out);
    } else if (encoding && strcmp(encoding, "latin-1") == 0) {
        for (size_t i = 0; i < raw.size; i++)
            put_utf8(out, (unsigned char)raw.data[i]);
        return; /* no byte order mark there */
    } else {
        silt_buf_append(out, raw.data, raw.size);
    }
    if (out->size >= 3 && memcmp(out->data, "\xEF\xBB\xBF", 3) == 0) {
        memmove(out->data, out->data + 3, out->size - 3);
        out->size -= 3;
        out->data[out->size] = '\0';
    }
}

silt_status silt_text_head(const silt_source_options *options, const char *path, size_t limit,
                           silt_buf *out, bool *whole, silt_error *err)
{
    __attribute__((cleanup(input_release))) input in = {0};
    SILT_TRY(input_open(&in, options, path, err));
    SILT_FREE char *raw = malloc(limit);
    if (!raw) return silt_fail_nomem(err);
    size_t size = 0, got = 1;
    while (size < limit && got > 0) {
        SILT_TRY(input_read(&in, raw + size, limit - size, &got, err));
        size += got;
    }
    silt_buf_clear(out);
    decode(options->encoding, (silt_bytes){raw, size}, out);
    if (out->failed) return silt_fail_nomem(err);
    *whole = in.ended;
    return SILT_OK;
}

silt_status silt_text_scan(const silt_source_options *options, const char *path,
                           void (*piece)(void *ctx, silt_bytes bytes), void *ctx, silt_error *err)
{
    __attribute__((cleanup(input_release))) input in = {0};
    SILT_TRY(input_open(&in, options, path, err));
    SILT_FREE char *bytes = malloc(SCAN_CHUNK);
    if (!bytes) return silt_fail_nomem(err);
    for (size_t got = 1; got > 0;) {
        SILT_TRY(input_read(&in, bytes, SCAN_CHUNK, &got, err));
        if (piece && got > 0) piece(ctx, (silt_bytes){bytes, got});
    }
    return SILT_OK;
}

/* ---- long numbers ---------------------------------------------------------------------------- */

typedef struct digit_scan {
    size_t digits;
    size_t run;  /* of the digits that the bytes so far end in */
    char before; /* the byte before them */
    bool found;
} digit_scan;

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Not within a word, nor behind a decimal point. */
static bool may_start_after(char c)
{
    return c != '.' && !isalnum((unsigned char)c);
}

/* A run of so many digits covers each byte of which the number is a multiple of that: no others are
 * looked at. */
static void look_for_digits(void *ctx, silt_bytes bytes)
{
    digit_scan *s = ctx;
    const char *p = bytes.data;
    size_t from = 0;
    while (from < bytes.size && is_digit(p[from]))
        from++;
    if (s->run + from >= s->digits && may_start_after(s->before)) s->found = true;
    if (from == bytes.size) {
        s->run += from;
        return;
    }
    for (size_t i = from; i < bytes.size && !s->found;) {
        if (!is_digit(p[i])) {
            i += s->digits;
            continue;
        }
        size_t first = i, end = i;
        while (is_digit(p[first - 1])) /* p[from] is none */
            first--;
        while (end < bytes.size && is_digit(p[end]))
            end++;
        bool word = end < bytes.size && isalnum((unsigned char)p[end]);
        if (end - first >= s->digits && !word && may_start_after(p[first - 1])) s->found = true;
        i = end;
    }
    size_t last = bytes.size;
    while (is_digit(p[last - 1]))
        last--;
    s->run = bytes.size - last;
    s->before = p[last - 1];
}

silt_status silt_text_may_have_long_numbers(const silt_source_options *options, const char *path,
                                            size_t digits, bool *out, silt_error *err)
{
    digit_scan s = {.digits = digits, .before = '\n'};
    const char *delimiter = options->delimiter ? options->delimiter : ",";
    *out = true;
    if (options->encoding && !silt_streq(options->encoding, "utf-8")) return SILT_OK;
    for (; *delimiter; delimiter++)
        if (!may_start_after(*delimiter)) return SILT_OK;
    SILT_TRY(silt_text_scan(options, path, look_for_digits, &s, err));
    *out = s.found;
    return SILT_OK;
}

/* ---- writing --------------------------------------------------------------------------------- */

#define FAST 1 /* what is written is read once */

struct silt_text_output {
    int file;    /* -1: it isn't open, or gzip's */
    gzFile gzip; /* NULL: not compressed by it */
    ZSTD_CCtx *zstd;
    char chunk[CHUNK];
};

static silt_status output_init(silt_text_output *o, silt_compression compression, silt_error *err)
{
    if (compression == SILT_COMPRESSION_GZIP) {
        o->gzip = gzdopen(o->file, "wb1");
        if (!o->gzip) return silt_fail_nomem(err);
        o->file = -1;
    } else if (compression == SILT_COMPRESSION_ZSTD) {
        o->zstd = ZSTD_createCCtx();
        if (!o->zstd) return silt_fail_nomem(err);
        (void)ZSTD_CCtx_setParameter(o->zstd, ZSTD_c_compressionLevel, FAST);
    }
    return SILT_OK;
}

silt_status silt_text_output_open(const silt_source_options *options, const char *path,
                                  silt_text_output **out, silt_error *err)
{
    SILT_AUTO(silt_text_output) o = calloc(1, sizeof(*o));
    if (!o) return silt_fail_nomem(err);
    o->file = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
    if (o->file < 0) return silt_fail_errno(err, errno, "%s can't be written", path);
    SILT_TRY(output_init(o, silt_text_compression(options, path), err));
    *out = SILT_TAKE(o);
    return SILT_OK;
}

static silt_status write_whole(int file, const char *from, size_t size, silt_error *err)
{
    while (size) {
        ssize_t n = write(file, from, size);
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) return silt_fail_errno(err, errno, "can't be written");
        from += n;
        size -= (size_t)n;
    }
    return SILT_OK;
}

static silt_status write_zstd(silt_text_output *o, silt_bytes bytes, ZSTD_EndDirective end,
                              silt_error *err)
{
    ZSTD_inBuffer in = {bytes.data, bytes.size, 0};
    for (size_t due = 1; due || in.pos < in.size;) {
        ZSTD_outBuffer to = {o->chunk, sizeof(o->chunk), 0};
        due = ZSTD_compressStream2(o->zstd, &to, &in, end);
        if (ZSTD_isError(due)) return silt_fail_nomem(err);
        SILT_TRY(write_whole(o->file, o->chunk, to.pos, err));
        if (end == ZSTD_e_continue) due = 0;
    }
    return SILT_OK;
}

static silt_status fail_gzip(int code, silt_error *err)
{
    if (code == Z_MEM_ERROR) return silt_fail_nomem(err);
    return silt_fail_errno(err, errno ? errno : EIO, "can't be written");
}

silt_status silt_text_output_put(silt_text_output *o, silt_bytes bytes, silt_error *err)
{
    int code = Z_OK;
    if (o->zstd) return write_zstd(o, bytes, ZSTD_e_continue, err);
    if (!o->gzip) return write_whole(o->file, bytes.data, bytes.size, err);
    if (!bytes.size || gzwrite(o->gzip, bytes.data, (unsigned)bytes.size) > 0) return SILT_OK;
    (void)gzerror(o->gzip, &code);
    return fail_gzip(code, err);
}

silt_status silt_text_output_end(silt_text_output *o, silt_error *err)
{
    if (o->zstd) SILT_TRY(write_zstd(o, (silt_bytes){0}, ZSTD_e_end, err));
    int code = o->gzip ? gzclose(o->gzip) : close(o->file) == 0 ? Z_OK : Z_ERRNO;
    o->gzip = NULL;
    o->file = -1;
    return code == Z_OK ? SILT_OK : fail_gzip(code, err);
}

void silt_text_output_free(silt_text_output *o)
{
    if (!o) return;
    if (o->gzip) (void)gzclose(o->gzip);
    if (o->file >= 0) (void)close(o->file);
    if (o->zstd) (void)ZSTD_freeCCtx(o->zstd);
    free(o);
}
