/* SHA-256: what names content for people and other programs. The only place that knows OpenSSL's
 * digests. */
#ifndef SILT_BASE_SHA256_H
#define SILT_BASE_SHA256_H

#include "base/base.h"

#define SILT_SHA256_SIZE 65 /* 64 hexadecimal digits and NUL */

void silt_sha256_hex(silt_bytes content, char out[SILT_SHA256_SIZE]);

#endif
