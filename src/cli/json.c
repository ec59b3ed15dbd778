/* JSON for programs that read our output. Small on purpose: the library's own stays inside the
 * library. */
#include "cli/json.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "cli/terminal.h"
#include "cli/words.h"

cli_json cli_json_start(FILE *out, bool pretty)
{
    return (cli_json){.out = out, .pretty = pretty, .empty = true};
}

/* How many bytes at the start stand for themselves. */
static size_t plain_size(const char *text)
{
    size_t n = 0;
    while (text[n] >= 0x20 && text[n] < 0x7f && text[n] != '"' && text[n] != '\\')
        n++;
    return n;
}

static void put_string(FILE *out, const char *text)
{
    size_t size = strlen(text);
    fputc('"', out);
    while (size) {
        int32_t code;
        size_t plain = plain_size(text);
        if (plain) {
            fwrite(text, 1, plain, out);
            text += plain;
            size -= plain;
            continue;
        }
        size_t n = cli_next_char(text, size, &code);
        if (code < 0)
            fputs("\xef\xbf\xbd", out); /* a name that isn't UTF-8 can't be said in JSON */
        else if (code == '"' || code == '\\')
            fprintf(out, "\\%c", (char)code);
        else if (code == '\n')
            fputs("\\n", out);
        else if (code < 0x20 || code == 0x7f)
            fprintf(out, "\\u%04x", (unsigned)code);
        else
            fwrite(text, 1, n, out);
        text += n;
        size -= n;
    }
    fputc('"', out);
}

static void new_line(const cli_json *j)
{
    if (!j->pretty) return;
    fputc('\n', j->out);
    for (int i = 0; i < j->depth; i++)
        fputs("  ", j->out);
}

/* All that comes before a value. */
static void lead(cli_json *j, const char *key)
{
    if (j->depth) {
        if (!j->empty) fputs(j->pretty ? "," : ", ", j->out);
        new_line(j);
    }
    j->empty = false;
    if (!key) return;
    put_string(j->out, key);
    fputs(": ", j->out);
}

static void open_nest(cli_json *j, const char *key, bool array)
{
    lead(j, key);
    fputc(array ? '[' : '{', j->out);
    j->depth++;
    uint64_t bit = UINT64_C(1) << (j->depth & 63);
    j->is_array = array ? j->is_array | bit : j->is_array & ~bit;
    j->empty = true;
}

void cli_json_object(cli_json *j, const char *key)
{
    open_nest(j, key, false);
}

void cli_json_array(cli_json *j, const char *key)
{
    open_nest(j, key, true);
}

void cli_json_end(cli_json *j)
{
    bool array = j->is_array & (UINT64_C(1) << (j->depth & 63));
    j->depth--;
    if (!j->empty) new_line(j);
    fputc(array ? ']' : '}', j->out);
    j->empty = false;
    if (j->depth == 0) fputc('\n', j->out);
}

void cli_json_string(cli_json *j, const char *key, const char *text)
{
    lead(j, key);
    if (text)
        put_string(j->out, text);
    else
        fputs("null", j->out);
}

void cli_json_problem(cli_json *j, silt_status status, const char *message, const char *hint)
{
    if (status == SILT_OK) {
        cli_json_string(j, "problem", NULL);
        return;
    }
    cli_json_object(j, "problem");
    cli_json_string(j, "status", silt_status_name(status));
    cli_json_string(j, "message", message);
    cli_json_string(j, "hint", hint);
    cli_json_end(j);
}

void cli_json_integer(cli_json *j, const char *key, int64_t number)
{
    lead(j, key);
    fprintf(j->out, "%" PRId64, number);
}

void cli_json_count(cli_json *j, const char *key, int64_t number)
{
    if (number >= 0)
        cli_json_integer(j, key, number);
    else
        cli_json_string(j, key, NULL);
}

void cli_json_boolean(cli_json *j, const char *key, bool value)
{
    cli_json_raw(j, key, value ? "true" : "false");
}

void cli_json_raw(cli_json *j, const char *key, const char *json)
{
    lead(j, key);
    fputs(json, j->out);
}

void cli_json_time(cli_json *j, const char *key, int64_t us_since_1970)
{
    char text[CLI_TIME_SIZE];
    if (us_since_1970 < 0) {
        cli_json_string(j, key, NULL);
        return;
    }
    cli_format_time(us_since_1970, true, text);
    cli_json_string(j, key, text);
}

/* ---- reading ---- */

/* Past the string that starts at `s`, its text into `out`. NULL: it has no end. */
static const char *read_string(const char *s, char *out, size_t size)
{
    size_t used = 0;
    for (s++; *s && *s != '"'; s++) {
        char c = *s;
        unsigned code = 0;
        if (c == '\\') {
            const char *at = *++s ? strchr("n\nt\tr\rb\bf\f", *s) : NULL;
            if (!*s) return NULL;
            c = at ? at[1] : *s;
            if (*s == 'u' && sscanf(s + 1, "%4x", &code) == 1 && strlen(s) > 4) {
                s += 4;
                c = code < 0x80 ? (char)code
                                : '?'; /* the library writes other characters as they are */
            }
        }
        if (used + 1 < size) out[used++] = c;
    }
    if (size) out[used] = 0;
    return *s ? s + 1 : NULL;
}

/* The value of a member of the outermost object. */
static const char *find(const char *json, const char *key)
{
    int depth = 0;
    for (const char *s = json; *s;) {
        if (*s == '"') {
            char name[64];
            const char *after = read_string(s, name, sizeof(name));
            if (!after) return NULL;
            s = after + strspn(after, " \t\n");
            if (*s != ':' || depth != 1 || strcmp(name, key) != 0) continue;
            s++;
            return s + strspn(s, " \t\n");
        }
        depth += *s == '{' || *s == '[' ? 1 : *s == '}' || *s == ']' ? -1 : 0;
        s++;
    }
    return NULL;
}

bool cli_json_find(const char *json, const char *key, char *out, size_t size)
{
    const char *value = find(json, key);
    return value && *value == '"' && read_string(value, out, size);
}

bool cli_json_find_integer(const char *json, const char *key, int64_t *out)
{
    const char *value = find(json, key);
    if (!value || (*value != '-' && (*value < '0' || *value > '9'))) return false;
    *out = strtoll(value, NULL, 10);
    return true;
}
