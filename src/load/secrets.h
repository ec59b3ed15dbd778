/* Secrets of a pipeline file, to be kept out of whatever is written for people. */
#ifndef SILT_LOAD_SECRETS_H
#define SILT_LOAD_SECRETS_H

#include "load/config.h"

#define SILT_SECRET_MASK "***"

/* `text` without secrets, into `out`: values of storage_options and data_options whose names speak
 * of one (secret, password, token, key …), passwords and signatures in URLs, passwords in
 * connection strings. `config` may be NULL. */
void silt_secrets_mask(const silt_config *config, silt_bytes text, silt_buf *out);

/* Whether an option of this name holds a secret. */
bool silt_secret_name(const char *name);

#endif
