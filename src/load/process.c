/* Processes by /proc. */
#include "load/process.h"

#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

static void read_line(const char *path, char *out, size_t size)
{
    out[0] = '\0';
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) return;
    ssize_t n = read(fd, out, size - 1);
    close(fd);
    out[n > 0 ? n : 0] = '\0';
    out[strcspn(out, "\n")] = '\0';
}

/* 0: no such process. */
static int64_t process_start(int64_t pid)
{
    char path[64], text[1024];
    snprintf(path, sizeof(path), "/proc/%" PRId64 "/stat", pid);
    read_line(path, text, sizeof(text));
    const char *p = strrchr(text, ')'); /* the name before may hold anything */
    if (!p) return 0;
    for (int field = 2; p && field < 22; field++)
        p = strchr(p + 1, ' ');
    return p ? strtoll(p, NULL, 10) : 0;
}

void silt_process_self(silt_process *out)
{
    char boot[64], ns[64];
    read_line("/proc/sys/kernel/random/boot_id", boot, sizeof(boot));
    ssize_t n = readlink("/proc/self/ns/pid", ns, sizeof(ns) - 1);
    ns[n > 0 ? n : 0] = '\0';
    snprintf(out->world, sizeof(out->world), "%s %s", boot, ns);
    if (gethostname(out->host, sizeof(out->host) - 1) != 0) out->host[0] = '\0';
    out->host[sizeof(out->host) - 1] = '\0';
    out->pid = getpid();
    out->start = process_start(out->pid);
}

silt_process_life silt_process_look(const silt_process *process)
{
    enum { BOOT_ID = 36 };
    silt_process self;
    silt_process_self(&self);
    if (strcmp(process->host, self.host) != 0) return SILT_PROCESS_ELSEWHERE;
    if (strcmp(process->world, self.world) == 0)
        return process_start(process->pid) == process->start ? SILT_PROCESS_ALIVE
                                                             : SILT_PROCESS_DEAD;
    bool booted_since = strncmp(process->world, self.world, BOOT_ID) != 0;
    return booted_since ? SILT_PROCESS_DEAD : SILT_PROCESS_ELSEWHERE;
}
