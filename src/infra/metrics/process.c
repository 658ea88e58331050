#include "infra/metrics/exposition.h"

#include "base/clock.h"
#include "base/err.h"

#include <dirent.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#define STAT_FIELD_STARTED  22 /* proc(5): starttime, in ticks since the boot */
#define STAT_FIELD_VIRTUAL  23 /* bytes */
#define STAT_FIELD_RESIDENT 24 /* pages */

struct process_stat {
    int64_t started_ticks, virtual_bytes, resident_pages;
};

/* The fields of /proc/self/stat are counted behind the name, which may hold spaces. */
static bool read_stat(struct process_stat *ret)
{
    char text[1024];
    FILE *file = fopen("/proc/self/stat", "re");
    if (!file)
        return false;
    size_t len = fread(text, 1, sizeof(text) - 1, file);
    (void)fclose(file);
    text[len] = '\0';
    const char *at = strrchr(text, ')');
    long long values[STAT_FIELD_RESIDENT + 1] = {0};
    for (int field = 3; at && field <= STAT_FIELD_RESIDENT; field++) {
        at = strchr(at + 1, ' ');
        if (at && field > 3) /* the third is a letter */
            (void)sscanf(at, "%lld", &values[field]);
    }
    *ret = (struct process_stat){values[STAT_FIELD_STARTED], values[STAT_FIELD_VIRTUAL],
                                 values[STAT_FIELD_RESIDENT]};
    return at != NULL;
}

/* When the machine was started, in seconds since 1970; 0: unknown. */
static int64_t booted_at(void)
{
    char line[256];
    long long at = 0;
    FILE *file = fopen("/proc/stat", "re");
    if (!file)
        return 0;
    while (at == 0 && fgets(line, sizeof(line), file))
        (void)sscanf(line, "btime %lld", &at);
    (void)fclose(file);
    return at;
}

static int64_t open_files(void)
{
    DIR *dir = opendir("/proc/self/fd");
    if (!dir)
        return 0;
    int64_t count = -3; /* ".", ".." and this directory itself */
    while (readdir(dir))
        count++;
    (void)closedir(dir);
    return count;
}

static int64_t cpu_us(void)
{
    struct rusage usage;
    BUG_ON(getrusage(RUSAGE_SELF, &usage) != 0);
    return (usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) * USEC_PER_SEC + usage.ru_utime.tv_usec +
           usage.ru_stime.tv_usec;
}

void metric_process(struct buf *out)
{
    static const struct metric cpu = {"process_cpu_seconds_total", "counter",
                                      "Processor time of this process."};
    static const struct metric files = {"process_open_fds", "gauge", "Open files."};
    static const struct metric files_max = {"process_max_fds", "gauge", "Files it may open."};
    static const struct metric resident = {"process_resident_memory_bytes", "gauge",
                                           "Memory in use."};
    static const struct metric virtual = {"process_virtual_memory_bytes", "gauge",
                                          "Address space."};
    static const struct metric started = {"process_start_time_seconds", "gauge",
                                          "When it was started, since 1970."};
    struct process_stat stat;
    struct rlimit limit;
    metric_one_seconds(out, &cpu, cpu_us());
    metric_one(out, &files, open_files());
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0)
        metric_one(out, &files_max, (int64_t)limit.rlim_cur);
    if (!read_stat(&stat))
        return;
    metric_one(out, &resident, stat.resident_pages * sysconf(_SC_PAGESIZE));
    metric_one(out, &virtual, stat.virtual_bytes);
    int64_t since_boot_us = stat.started_ticks * USEC_PER_SEC / sysconf(_SC_CLK_TCK);
    metric_one_seconds(out, &started, booted_at() * USEC_PER_SEC + since_boot_us);
}
