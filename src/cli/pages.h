/* The text of docs/cli/, made into C by scripts/md2help when Silt is built. */
#ifndef SILT_CLI_PAGES_H
#define SILT_CLI_PAGES_H

typedef struct cli_page {
    const char *name; /* of the command; "silt" is the whole; NULL ends the table */
    const char *summary;
    const char *text; /* headings start in the first column, all else is indented */
} cli_page;

extern const cli_page cli_pages[];

#endif
