/* The command line, taken apart. No state outside of the line; says what is wrong, prints nothing.
 */
#include "cli/option.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "silt/snapshot.h"

/* A walk over the words. */
typedef struct walk {
    char **next;
    const cli_option *own, *global;
    cli_line *line;
    cli_parse_error *err;
} walk;

static const cli_option *by_name(const cli_option *table, const char *name, size_t size)
{
    for (; table && table->name; table++)
        if (strlen(table->name) == size && memcmp(table->name, name, size) == 0) return table;
    return NULL;
}

static const cli_option *by_letter(const cli_option *table, char letter)
{
    for (; table && table->name; table++)
        if (table->letter == letter) return table;
    return NULL;
}

bool cli_parse_count(const char *text, int64_t *out)
{
    int64_t n = 0;
    if (!*text) return false;
    for (; *text; text++) {
        if (*text < '0' || *text > '9') return false;
        if (__builtin_mul_overflow(n, 10, &n) || __builtin_add_overflow(n, *text - '0', &n))
            return false;
    }
    *out = n;
    return true;
}

bool cli_parse_timestamp(const char *text, int64_t *out_ms, cli_parse_error *err)
{
    if (silt_time_parse_ms(text, out_ms)) return true;
    snprintf(err->message, sizeof(err->message),
             "found \"%.80s\"; a date or a date and time is wanted, such as 2024-01-15, "
             "2024-01-15T10:00:00 (UTC) or 2024-01-15T10:00:00.123+02:00",
             text);
    return false;
}

/* The arrays have room for every word of the command line, so that adding can't fail; see
 * reserve(). */
static cli_parse_status add(walk *w, const cli_option *option, const char *value)
{
    int64_t unused;
    if (option->kind == CLI_COUNT && !cli_parse_count(value, &unused)) {
        snprintf(w->err->message, sizeof(w->err->message),
                 "found \"%.80s\"; a whole number, 0 or more, is allowed", value);
        return CLI_PARSE_BAD;
    }
    if (option->kind == CLI_TIMESTAMP && !cli_parse_timestamp(value, &unused, w->err))
        return CLI_PARSE_BAD;
    w->line->given[w->line->given_count++] = (cli_given){option, value};
    return CLI_PARSED;
}

/* An option has been named; `value` stands in the same word, or is NULL. */
static cli_parse_status take(walk *w, const cli_option *option, const char *value)
{
    if (!option) return CLI_PARSE_UNKNOWN;
    if (option->kind == CLI_LATER) return CLI_PARSE_LATER;
    if (option->kind == CLI_FLAG) {
        if (!value) return add(w, option, "");
        snprintf(w->err->message, sizeof(w->err->message), "takes no value, but has \"%.80s\"",
                 value);
        return CLI_PARSE_BAD;
    }
    if (!value)
        value = *w->next;
    else
        return add(w, option, value);
    if (!value) {
        snprintf(w->err->message, sizeof(w->err->message), "needs a value: %s", option->value);
        return CLI_PARSE_BAD;
    }
    w->next++;
    return add(w, option, value);
}

static cli_parse_status take_long(walk *w, const char *word)
{
    const char *name = word + 2, *equals = strchr(name, '=');
    size_t size = equals ? (size_t)(equals - name) : strlen(name);
    snprintf(w->err->word, sizeof(w->err->word), "--%.*s", (int)(size > 100 ? 100 : size), name);
    const cli_option *option = by_name(w->own, name, size);
    if (!option) option = by_name(w->global, name, size);
    return take(w, option, equals ? equals + 1 : NULL);
}

/* "-qv" is two flags, "-oFILE" an option with its value. */
static cli_parse_status take_short(walk *w, const char *word)
{
    for (const char *c = word + 1; *c; c++) {
        snprintf(w->err->word, sizeof(w->err->word), "-%c", *c);
        const cli_option *option = by_letter(w->own, *c);
        if (!option) option = by_letter(w->global, *c);
        bool whole = option && option->kind != CLI_FLAG;
        cli_parse_status st = take(w, option, whole && c[1] ? c + 1 : NULL);
        if (st != CLI_PARSED || whole) return st;
    }
    return CLI_PARSED;
}

static bool reserve(cli_line *line, char **words)
{
    size_t count = 0;
    for (char **word = words; *word; word++)
        count += strlen(*word); /* a word of flags may be several options */
    cli_given *given = realloc(line->given, (line->given_count + count + 1) * sizeof(*line->given));
    if (given) line->given = given;
    const char **arguments =
        realloc(line->arguments, (line->argument_count + count + 1) * sizeof(*line->arguments));
    if (arguments) line->arguments = arguments;
    return given && arguments;
}

static bool is_option(const char *word)
{
    return word[0] == '-' && word[1];
}

static cli_parse_status take_option(walk *w)
{
    const char *word = *w->next++;
    return word[1] == '-' ? take_long(w, word) : take_short(w, word);
}

cli_parse_status cli_parse(char **words, const cli_option *own, const cli_option *global,
                           cli_line *line, cli_parse_error *err)
{
    walk w = {words, own, global, line, err};
    if (!reserve(line, words)) return CLI_PARSE_NOMEM;
    for (bool options = true; *w.next;) {
        if (options && strcmp(*w.next, "--") == 0) {
            options = false;
            w.next++;
        } else if (options && is_option(*w.next)) {
            cli_parse_status st = take_option(&w);
            if (st != CLI_PARSED) return st;
        } else {
            line->arguments[line->argument_count++] = *w.next++;
        }
    }
    return CLI_PARSED;
}

cli_parse_status cli_parse_front(char **words, const cli_option *own, const cli_option *global,
                                 cli_line *line, size_t *used, cli_parse_error *err)
{
    walk w = {words, own, global, line, err};
    if (!reserve(line, words)) return CLI_PARSE_NOMEM;
    cli_parse_status st = CLI_PARSED;
    while (st == CLI_PARSED && *w.next && is_option(*w.next)) {
        if (strcmp(*w.next, "--") == 0) {
            w.next++;
            break;
        }
        st = take_option(&w);
    }
    *used = (size_t)(w.next - words);
    return st;
}

void cli_line_release(cli_line *line)
{
    free(line->given);
    free(line->arguments);
    *line = (cli_line){0};
}

const char *cli_line_value(const cli_line *line, const char *name)
{
    for (size_t i = line->given_count; i-- > 0;)
        if (strcmp(line->given[i].option->name, name) == 0) return line->given[i].value;
    return NULL;
}
