#include "app/daemon/doctor.h"

#include "app/daemon/config.h"
#include "infra/http/client.h"
#include "infra/http/listen.h"
#include "infra/http/server.h"

#include <errno.h>
#include <fcntl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <time.h>

#define FREE_BYTES_MIN   (UINT64_C(256) << 20)
#define FREE_PERCENT_MIN 10
#define FILES_MIN        4096
#define SYNC_WRITES      8
#define SYNC_SLOW_US     (50 * USEC_PER_MS)
#define CLOCK_OFF_US     (5 * USEC_PER_SEC)
#define READY_US         (5 * USEC_PER_SEC)

const char *const finding_status_names[] = {"ok", "warn", "fail", NULL};

const struct field finding_fields[] = {
    {"check", FIELD_TEXT, offsetof(struct finding, check)},
    {"status", FIELD_ENUM, offsetof(struct finding, status), .names = finding_status_names},
    {"seen", FIELD_TEXT, offsetof(struct finding, seen)},
    {"advice", FIELD_TEXT, offsetof(struct finding, advice)},
    FIELD_END,
};

void doctor_add(struct doctor_report *report, const char *check, enum finding_status status,
                const char *advice, const char *seen, ...)
{
    va_list ap;
    BUG_ON(report->count == FINDINGS_MAX);
    va_start(ap, seen);
    report->findings[report->count++] =
        (struct finding){check, (int)status, arena_vprintf(report->arena, seen, ap), advice};
    va_end(ap);
    if ((int)status > report->worst)
        report->worst = (int)status;
}

void doctor_compare_clock(struct doctor_report *report, const char *check, int64_t other_us,
                          int64_t ours_us)
{
    int64_t off = other_us - ours_us;
    bool far = off > CLOCK_OFF_US || off < -CLOCK_OFF_US;
    doctor_add(report, check, far ? FINDING_WARN : FINDING_OK,
               far ? "run a time service such as systemd-timesyncd on both" : NULL,
               "%lld s off ours", (long long)(off / USEC_PER_SEC));
}

/* -- the data directory ------------------------------------------------------------------------ */

static void check_private(struct doctor_report *report, const char *check, const char *path)
{
    struct stat st;
    if (stat(path, &st) != 0)
        doctor_add(report, check, FINDING_FAIL, "make it readable for the user that runs serve",
                   "%s: %s", path, strerror(errno));
    else if (st.st_mode & S_IRWXO)
        doctor_add(report, check, FINDING_WARN, "run chmod o-rwx on it",
                   "%s is open to every user (mode %04o)", path, (unsigned)st.st_mode & 07777u);
    else
        doctor_add(report, check, FINDING_OK, NULL, "%s has mode %04o", path,
                   (unsigned)st.st_mode & 07777u);
}

static void check_space(struct doctor_report *report, const char *path)
{
    struct statvfs fs;
    if (statvfs(path, &fs) != 0) {
        doctor_add(report, "disk", FINDING_FAIL, NULL, "%s: %s", path, strerror(errno));
        return;
    }
    uint64_t free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize;
    uint64_t percent = fs.f_blocks ? (uint64_t)fs.f_bavail * 100 / fs.f_blocks : 100;
    uint64_t inodes = fs.f_files ? (uint64_t)fs.f_favail * 100 / fs.f_files : 100;
    enum finding_status status = free_bytes < FREE_BYTES_MIN ? FINDING_FAIL
                                 : percent < FREE_PERCENT_MIN || inodes < FREE_PERCENT_MIN
                                     ? FINDING_WARN
                                     : FINDING_OK;
    doctor_add(report, "disk", status,
               status == FINDING_OK ? NULL : "make room, or move the data directory",
               "%llu MiB (%llu %%) and %llu %% of the inodes are free",
               (unsigned long long)(free_bytes >> 20), (unsigned long long)percent,
               (unsigned long long)inodes);
}

/* The slowest of some writes that wait for the disk, as every commit does. */
static void check_sync(struct doctor_report *report, const char *data)
{
    static const char page[4096];
    char *path = arena_printf(report->arena, "%s/.doctor-XXXXXX", data);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0) {
        doctor_add(report, "disk writes", FINDING_FAIL, "let the user that runs serve write there",
                   "%s: %s", data, strerror(errno));
        return;
    }
    (void)unlink(path);
    int64_t slowest = 0;
    bool written = true;
    for (int i = 0; written && i < SYNC_WRITES; i++) {
        int64_t begin = monotonic_us();
        written = write(fd, page, sizeof(page)) == (ssize_t)sizeof(page) && fdatasync(fd) == 0;
        int64_t took = monotonic_us() - begin;
        slowest = took > slowest ? took : slowest;
    }
    const char *why = strerror(errno);
    (void)close(fd);
    if (!written)
        doctor_add(report, "disk writes", FINDING_FAIL, "look at the disk", "%s: %s", data, why);
    else
        doctor_add(report, "disk writes", slowest > SYNC_SLOW_US ? FINDING_WARN : FINDING_OK,
                   slowest > SYNC_SLOW_US ? "every commit waits so long: use a faster disk" : NULL,
                   "the slowest of %d took %lld us", SYNC_WRITES, (long long)slowest);
}

static void check_data(const struct config *config, struct doctor_report *report)
{
    if (access(config->data, F_OK) != 0) {
        doctor_add(report, "data directory", FINDING_WARN,
                   "webhost serve makes it when the directory above is there",
                   "%s does not exist yet", config->data);
        return;
    }
    check_private(report, "data directory", config->data);
    check_space(report, config->data);
    check_sync(report, config->data);
    if (access(config->offboarding.exports, F_OK) == 0)
        check_private(report, "exports", config->offboarding.exports);
}

/* -- the rest ---------------------------------------------------------------------------------- */

static void check_files(const struct config *config, struct doctor_report *report)
{
    struct error e;
    struct policy *policy = NULL;
    struct prices *prices = NULL;
    bool valid = config_policy(config, report->arena, &policy, &e) == OK;
    doctor_add(report, "policy", valid ? FINDING_OK : FINDING_FAIL,
               valid ? NULL : "webhost policy check FILE shows every mistake", "%s",
               valid ? config->policy : e.text);
    valid = config_prices(config, report->arena, &prices, &e) == OK;
    doctor_add(report, "prices", valid ? FINDING_OK : FINDING_FAIL,
               valid ? NULL : "correct the file, or leave `prices` out for the built-in table",
               "%s", valid ? (config->prices ? config->prices : "built in") : e.text);
    policy_free(policy);
    prices_free(prices);
}

static void check_limits(struct doctor_report *report)
{
    struct rlimit limit;
    BUG_ON(getrlimit(RLIMIT_NOFILE, &limit) != 0);
    bool few = limit.rlim_cur < FILES_MIN;
    doctor_add(report, "open files", few ? FINDING_WARN : FINDING_OK,
               few ? "raise it: LimitNOFILE=65536 in the unit, or ulimit -n" : NULL,
               "at most %llu at a time", (unsigned long long)limit.rlim_cur);
}

/* Who has the port: /readyz answers on ours only. */
static void ask_ready(struct doctor_report *report, const char *listen, const char *busy)
{
    struct http_client *http = http_client_new();
    struct http_call call = {.method = HTTP_GET,
                             .url = arena_printf(report->arena, "http://%s/readyz", listen),
                             .timeout_us = READY_US};
    struct http_reply reply = {0};
    struct error e;
    _cleanup_json_ json_t *body = NULL;
    bool answers = http_client_call(http, &call, report->arena, &reply, NULL, &e) == OK &&
                   json_parse(reply.body, &body, &e) == OK;
    http_client_free(http);
    if (answers && text_eq(json_get_text(body, "status"), "ready"))
        doctor_add(report, "listen", FINDING_OK, NULL, "webhost serves on %s and is ready", listen);
    else if (answers && reply.status == 503)
        doctor_add(report, "listen", FINDING_FAIL, "look at its log",
                   "webhost serves on %s and is not ready", listen);
    else
        doctor_add(report, "listen", FINDING_FAIL, "stop the other program or choose another port",
                   "%s", busy);
}

static void check_listen(const struct config *config, struct doctor_report *report)
{
    struct error e;
    const char *address;
    uint16_t port, got;
    int fd;
    if (http_listen_parse(config->listen, report->arena, &address, &port, &e) != OK) {
        doctor_add(report, "listen", FINDING_FAIL, "write ADDRESS:PORT", "%s", e.text);
        return;
    }
    if (http_listen_open(address, port, &fd, &got, &e) == OK) {
        (void)close(fd);
        doctor_add(report, "listen", FINDING_OK, NULL, "%s is free", config->listen);
        return;
    }
    const char *format = strchr(address, ':') ? "[%s]:%u" : "%s:%u";
    ask_ready(report,
              format[0] == '[' ? arena_printf(report->arena, "[%s]:%u", address, port)
                               : arena_printf(report->arena, "%s:%u", address, port),
              e.text);
}

void doctor_run(const struct serve_options *options, const struct clock *clock,
                struct doctor_report *report)
{
    struct config config;
    struct error e;
    if (config_load(options, report->arena, &config, &e) != OK) {
        doctor_add(report, "configuration", FINDING_FAIL, "correct it; nothing else was looked at",
                   "%s", e.text);
        return;
    }
    doctor_add(report, "configuration", FINDING_OK, NULL, "%s",
               options->config ? options->config : "no file: defaults");
    check_data(&config, report);
    doctor_database(&config, clock, report);
    doctor_clouds(&config, clock, report);
    doctor_routing(&config, report);
    check_files(&config, report);
    check_limits(report);
    check_listen(&config, report);
}
