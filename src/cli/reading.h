/* What is read, and how, as events: for --diagnostics. */
#ifndef SILT_CLI_READING_H
#define SILT_CLI_READING_H

#include "cli/cli.h"

/* The sink for the library's options; NULL where nobody asked. */
const silt_diagnostics *cli_diagnostics(cli *c);

#endif
