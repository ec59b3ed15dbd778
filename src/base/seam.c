/* The system's clock and randomness behind their seams, and UUIDs. */
#include "base/seam.h"

#include <errno.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/hash.h"

static int64_t system_now_us(void *ctx)
{
    (void)ctx;
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (int64_t)now.tv_sec * 1000000 + now.tv_nsec / 1000;
}

/* A signal ends the sleep, so that a request to stop is seen at once. */
static void system_sleep_ms(void *ctx, int64_t ms)
{
    (void)ctx;
    if (ms <= 0) return;
    struct timespec wait = {.tv_sec = (time_t)(ms / 1000), .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&wait, NULL);
}

/* Where a sandbox forbids getrandom(). Good for names that must not meet, which is all it is for.
 */
static void fill_by_time(char *bytes, size_t size)
{
    static _Atomic uint64_t calls;
    struct {
        struct timespec now;
        uint64_t pid, call;
        const void *where;
    } seed = {.pid = (uint64_t)getpid(), .where = &seed};
    for (size_t done = 0; done < size;) {
        clock_gettime(CLOCK_MONOTONIC, &seed.now);
        seed.call = ++calls ^ (uint64_t)system_now_us(NULL) << 16;
        uint64_t piece = silt_hash64(&seed, sizeof(seed));
        size_t part = size - done < sizeof(piece) ? size - done : sizeof(piece);
        memcpy(bytes + done, &piece, part);
        done += part;
    }
}

static void system_fill(void *ctx, void *bytes, size_t size)
{
    (void)ctx;
    char *at = bytes;
    while (size) {
        ssize_t got = getrandom(at, size, 0);
        if (got < 0 && errno == EINTR) continue;
        if (got <= 0) {
            fill_by_time(at, size);
            return;
        }
        at += got;
        size -= (size_t)got;
    }
}

const silt_clock silt_clock_system = {system_now_us, system_sleep_ms, NULL};
const silt_random silt_random_system = {system_fill, NULL};

int64_t silt_now_us(const silt_clock *clock)
{
    if (!clock) clock = &silt_clock_system;
    return clock->now_us(clock->ctx);
}

void silt_sleep_ms(const silt_clock *clock, int64_t ms)
{
    if (!clock) clock = &silt_clock_system;
    clock->sleep_ms(clock->ctx, ms);
}

void silt_random_fill(const silt_random *random, void *bytes, size_t size)
{
    if (!random) random = &silt_random_system;
    random->fill(random->ctx, bytes, size);
}

void silt_uuid(const silt_random *random, char out[SILT_UUID_SIZE])
{
    static const char digits[] = "0123456789abcdef";
    unsigned char bytes[16];
    silt_random_fill(random, bytes, sizeof(bytes));
    bytes[6] = (unsigned char)((bytes[6] & 0x0F) | 0x40); /* version 4 */
    bytes[8] = (unsigned char)((bytes[8] & 0x3F) | 0x80); /* the variant of RFC 9562 */
    char *at = out;
    for (size_t i = 0; i < sizeof(bytes); i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10) *at++ = '-';
        *at++ = digits[bytes[i] >> 4];
        *at++ = digits[bytes[i] & 15];
    }
    *at = '\0';
}
