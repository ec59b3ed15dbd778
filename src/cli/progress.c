/* The progress line. One terminal, so one line: its state is static, under a mutex, since the
 * engine reports from a thread of its own while messages come from the main one. */
#include "cli/progress.h"

#include <pthread.h>
#include <string.h>
#include <time.h>

#include "cli/words.h"

enum { BAR = 24, MIN_COLUMNS = 40 };
static const double quiet_seconds = 1.0; /* work that is done by then shows nothing */

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    bool on, drawn;
    int hidden;
    cli_style style;
    char label[112];
    int64_t bytes;
    double started, part_started, fraction;
} line;

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void erase(void)
{
    if (line.drawn) fputs("\r\033[K", stderr);
    line.drawn = false;
}

static void append(char *text, size_t size, const char *more)
{
    size_t used = strlen(text);
    snprintf(text + used, size - used, "%s", more);
}

static void append_bar(char *text, size_t size)
{
    const char *full = line.style.utf8 ? "\xe2\x96\x88" : "#",
               *rest = line.style.utf8 ? "\xe2\x96\x91" : ".";
    int done = (int)(line.fraction * BAR + 0.5);
    append(text, size, " ");
    for (int i = 0; i < BAR; i++)
        append(text, size, i < done ? full : rest);
    size_t used = strlen(text);
    snprintf(text + used, size - used, " %3d%%", (int)(line.fraction * 100));
}

/* Rate and remaining time, once there is enough to judge by. */
static void append_rate(char *text, size_t size, double elapsed)
{
    char word[CLI_NUMBER_SIZE];
    if (elapsed < 0.5 || line.fraction < 0.01) return;
    double rate = line.fraction / elapsed;
    if (line.bytes > 0)
        cli_format_size((int64_t)(rate * (double)line.bytes), word);
    else
        snprintf(word, sizeof(word), "%.1f%%", rate * 100);
    append(text, size, "  ");
    append(text, size, word);
    append(text, size, "/s");
    if (line.fraction >= 1) return;
    cli_format_duration((1 - line.fraction) / rate, word);
    append(text, size, "  ");
    append(text, size, word);
    append(text, size, " left");
}

static void draw(void)
{
    double t = now();
    if (!line.on || line.hidden || t - line.started < quiet_seconds) return;
    int columns = cli_terminal_columns(stderr);
    char text[512] = "";
    append(text, sizeof(text), line.label);
    if (line.fraction >= 0 && columns >= MIN_COLUMNS) {
        append_bar(text, sizeof(text));
        append_rate(text, sizeof(text), t - line.part_started);
    } else {
        char word[CLI_NUMBER_SIZE];
        cli_format_duration(t - line.part_started, word);
        append(text, sizeof(text), "  ");
        append(text, sizeof(text), word);
    }
    fputs("\r", stderr);
    cli_put_cut(stderr, &line.style, text, strlen(text), (size_t)columns - 1);
    fputs("\033[K", stderr);
    fflush(stderr);
    line.drawn = true;
}

static void begin_part(const char *label, int64_t bytes)
{
    snprintf(line.label, sizeof(line.label), "%s", label);
    line.bytes = bytes;
    line.part_started = now();
    line.fraction = -1;
}

void cli_progress_start(const cli_style *style, const char *label)
{
    if (!style->terminal) return;
    pthread_mutex_lock(&mutex);
    line.on = true;
    line.style = *style;
    line.started = now();
    begin_part(label, 0);
    pthread_mutex_unlock(&mutex);
}

void cli_progress_part(const char *label, int64_t bytes)
{
    pthread_mutex_lock(&mutex);
    begin_part(label, bytes);
    pthread_mutex_unlock(&mutex);
}

void cli_progress_at(void *unused, double fraction)
{
    (void)unused;
    pthread_mutex_lock(&mutex);
    if (fraction < line.fraction - 0.05) line.part_started = now(); /* another query began */
    line.fraction = fraction > 1 ? 1 : fraction;
    draw();
    pthread_mutex_unlock(&mutex);
}

void cli_progress_hide(void)
{
    pthread_mutex_lock(&mutex);
    if (line.hidden++ == 0) erase();
    pthread_mutex_unlock(&mutex);
}

void cli_progress_show(void)
{
    pthread_mutex_lock(&mutex);
    if (--line.hidden == 0) draw();
    pthread_mutex_unlock(&mutex);
}

void cli_progress_stop(void)
{
    pthread_mutex_lock(&mutex);
    erase();
    line.on = false;
    fflush(stderr);
    pthread_mutex_unlock(&mutex);
}
