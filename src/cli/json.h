/* JSON, written to a stream as it comes; and one member of an event read. */
#ifndef SILT_CLI_JSON_H
#define SILT_CLI_JSON_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include "silt/error.h"

typedef struct cli_json {
    FILE *out;
    bool pretty; /* a document over several lines; else one line */
    int depth;
    bool empty;        /* nothing in the innermost object or array yet */
    uint64_t is_array; /* by depth, a bit each: at most 64 deep */
} cli_json;

cli_json cli_json_start(FILE *out, bool pretty);

/* Members; `key` NULL in an array and at the top. Ending the outermost ends the line. */
void cli_json_object(cli_json *j, const char *key);
void cli_json_array(cli_json *j, const char *key);
void cli_json_end(cli_json *j);
void cli_json_string(cli_json *j, const char *key, const char *text); /* NULL is null */
void cli_json_integer(cli_json *j, const char *key, int64_t number);
void cli_json_count(cli_json *j, const char *key, int64_t number); /* negative is null */
/* "problem": {status, message, hint}; of OK it is null. */
void cli_json_problem(cli_json *j, silt_status status, const char *message, const char *hint);
void cli_json_boolean(cli_json *j, const char *key, bool value);
void cli_json_raw(cli_json *j, const char *key, const char *json);       /* a value as it is */
void cli_json_time(cli_json *j, const char *key, int64_t us_since_1970); /* negative is null */

/* The string that the JSON object `json` has under `key`, unescaped, into `out` of `size` bytes,
 * cut off where it is longer. False: there is none. Members of objects within it don't count. */
bool cli_json_find(const char *json, const char *key, char *out, size_t size);

/* The same for a number. */
bool cli_json_find_integer(const char *json, const char *key, int64_t *out);

#endif
