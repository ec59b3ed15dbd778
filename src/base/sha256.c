/* OpenSSL's plain functions, not its EVP interface: the first digest of a process by that takes a
 * millisecond, in which a whole commit has its place. */
#define OPENSSL_SUPPRESS_DEPRECATED
#include "base/sha256.h"

#include <openssl/sha.h>

void silt_sha256_hex(silt_bytes content, char out[SILT_SHA256_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char digest[SHA256_DIGEST_LENGTH];
    SHA256_CTX ctx;
    (void)SHA256_Init(&ctx); /* of these three none can fail */
    (void)SHA256_Update(&ctx, content.data, content.size);
    (void)SHA256_Final(digest, &ctx);
    for (size_t i = 0; i < sizeof(digest); i++) {
        out[2 * i] = digits[digest[i] >> 4];
        out[2 * i + 1] = digits[digest[i] & 15];
    }
    out[2 * sizeof(digest)] = '\0';
}
