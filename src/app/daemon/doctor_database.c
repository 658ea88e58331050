/* The database: whether it answers, is what this program expects, and is set up to keep its word.
 */
#include "app/daemon/config.h"
#include "app/daemon/doctor.h"
#include "doctor.sql.h"
#include "domain/core/env.h"

#include <errno.h>
#include <linux/magic.h>
#include <pthread.h>
#include <sys/statfs.h>

#define BUSY_US         (5 * USEC_PER_SEC)
#define CONNECTIONS_OUR 20 /* what a node takes at most */
#define HEAR_S          3
#define DOCTOR_CHANNEL  "webhost_doctor"
#define MAGIC_CIFS      0xff534d42
#define MAGIC_SMB2      0xfe534d42
#define MAGIC_FUSE      0x65735546

struct database_facts {
    const char *version;
    int64_t now;
    const char *journal, *damage, *commits;
    int64_t connections_max, connections;
};

static const struct field database_facts_fields[] = {
    {"version", FIELD_TEXT, offsetof(struct database_facts, version)},
    {"now", FIELD_INT, offsetof(struct database_facts, now)},
    {"journal", FIELD_TEXT, offsetof(struct database_facts, journal)},
    {"damage", FIELD_TEXT, offsetof(struct database_facts, damage)},
    {"commits", FIELD_TEXT, offsetof(struct database_facts, commits)},
    {"connections_max", FIELD_INT, offsetof(struct database_facts, connections_max)},
    {"connections", FIELD_INT, offsetof(struct database_facts, connections)},
    FIELD_END,
};

struct reading {
    struct arena *arena;
    struct database_facts facts;
    const char *schema;
};

static enum err facts_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct reading *r = arg;
    return db_get(tx, &doctor_facts, DB_NO_ARGS, database_facts_fields, r->arena, &r->facts, e);
}

static enum err schema_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct reading *r = arg;
    return db_get_text(tx, &doctor_schema, DB_NO_ARGS, r->arena, &r->schema, e);
}

static void judge_schema(struct db *db, struct reading *r, struct doctor_report *report)
{
    struct error e;
    const char *ours = core_migrations[core_migration_count - 1].name;
    if (db_read(db, schema_work, r, &e) != OK || !r->schema)
        doctor_add(report, "database schema", FINDING_WARN, "the first start of serve makes it",
                   "there is none yet");
    else if (strcmp(r->schema, ours) > 0)
        doctor_add(report, "database schema", FINDING_FAIL, "start the newer program that made it",
                   "%s; this program knows up to %s", r->schema, ours);
    else
        doctor_add(report, "database schema", FINDING_OK,
                   text_eq(r->schema, ours) ? NULL : "the next start of serve brings it up to date",
                   "%s", r->schema);
}

/* -- SQLite ------------------------------------------------------------------------------------ */

static bool is_remote(const char *path)
{
    struct statfs fs;
    if (statfs(path, &fs) != 0)
        return false;
    unsigned long type = (unsigned long)fs.f_type & 0xffffffffUL;
    return type == NFS_SUPER_MAGIC || type == MAGIC_CIFS || type == MAGIC_SMB2 ||
           type == MAGIC_FUSE || type == V9FS_MAGIC || type == CEPH_SUPER_MAGIC;
}

static void judge_sqlite(const struct database_facts *f, const char *path,
                         struct doctor_report *report)
{
    bool sound = text_eq(f->damage, "ok"), wal = text_eq(f->journal, "wal");
    doctor_add(report, "database integrity", sound ? FINDING_OK : FINDING_FAIL,
               sound ? NULL : "stop serve and restore a backup", "%s",
               f->damage ? f->damage : "not told");
    doctor_add(report, "database journal", wal ? FINDING_OK : FINDING_WARN,
               wal ? NULL : "serve sets WAL when it starts", "%s", f->journal ? f->journal : "?");
    bool remote = is_remote(path);
    doctor_add(report, "database filesystem", remote ? FINDING_FAIL : FINDING_OK,
               remote ? "SQLite's locks need a local disk; or use PostgreSQL" : NULL,
               remote ? "%s is on a network filesystem" : "%s is on a local disk", path);
}

/* -- PostgreSQL -------------------------------------------------------------------------------- */

struct ear {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    int heard;
};

static void on_heard(void *arg)
{
    struct ear *ear = arg;
    (void)pthread_mutex_lock(&ear->lock);
    ear->heard++;
    (void)pthread_cond_signal(&ear->changed);
    (void)pthread_mutex_unlock(&ear->lock);
}

static bool hears(struct ear *ear, int times)
{
    struct timespec until;
    BUG_ON(clock_gettime(CLOCK_REALTIME, &until) != 0);
    until.tv_sec += HEAR_S;
    (void)pthread_mutex_lock(&ear->lock);
    int waited = 0;
    while (ear->heard < times && waited == 0)
        waited = pthread_cond_timedwait(&ear->changed, &ear->lock, &until);
    bool enough = ear->heard >= times;
    (void)pthread_mutex_unlock(&ear->lock);
    return enough;
}

static enum err notify_work(struct db_tx *tx, void *arg, struct error *e)
{
    (void)arg;
    (void)e;
    db_notify(tx, DOCTOR_CHANNEL);
    return OK;
}

/* A pooler in transaction mode takes LISTEN and delivers nothing. */
static void judge_listening(struct db *db, struct doctor_report *report)
{
    struct ear ear = {PTHREAD_MUTEX_INITIALIZER, PTHREAD_COND_INITIALIZER, 0};
    struct error e;
    struct db_listener *listener = db_listen(db, DOCTOR_CHANNEL, on_heard, &ear);
    bool works = hears(&ear, 1) && db_write(db, notify_work, NULL, &e) == OK && hears(&ear, 2);
    db_listener_stop(listener);
    doctor_add(report, "database pooler", works ? FINDING_OK : FINDING_FAIL,
               works ? NULL : "connect directly: not through PgBouncer in transaction mode",
               works ? "none in the way: LISTEN and NOTIFY work"
                     : "one in transaction mode is in the way: what was notified was not heard");
}

static void judge_postgres(struct db *db, const struct database_facts *f,
                           struct doctor_report *report)
{
    bool durable = !text_eq(f->commits, "off");
    doctor_add(report, "database commits", durable ? FINDING_OK : FINDING_WARN,
               durable ? NULL : "set it to on: with off a crash loses what was confirmed",
               "synchronous_commit is %s; writes are SERIALIZABLE", f->commits ? f->commits : "?");
    int64_t left = f->connections_max - f->connections;
    bool few = left < CONNECTIONS_OUR;
    doctor_add(report, "database connections", few ? FINDING_WARN : FINDING_OK,
               few ? "raise max_connections, or find who holds them" : NULL,
               "%lld of %lld are in use", (long long)f->connections, (long long)f->connections_max);
    judge_listening(db, report);
}

/* -- both -------------------------------------------------------------------------------------- */

static void examine(struct db *db, const char *path, const struct clock *clock,
                    struct doctor_report *report)
{
    struct reading r = {.arena = report->arena};
    struct error e;
    if (db_read(db, facts_work, &r, &e) != OK) {
        doctor_add(report, "database", FINDING_FAIL, "look at its log", "%s", e.text);
        return;
    }
    int64_t ours = clock_now(clock);
    bool is_sqlite = db_engine_of(db) == DB_SQLITE;
    doctor_add(report, "database", FINDING_OK, NULL, "%s, %s %s", db_url_redacted(db),
               is_sqlite ? "SQLite" : "PostgreSQL", r.facts.version);
    judge_schema(db, &r, report);
    if (is_sqlite) {
        judge_sqlite(&r.facts, path, report);
    } else {
        doctor_compare_clock(report, "database clock", r.facts.now, ours);
        judge_postgres(db, &r.facts, report);
    }
}

void doctor_database(const struct config *config, const struct clock *clock,
                     struct doctor_report *report)
{
    struct str url = str_from(config->database);
    const char *path = NULL;
    if (str_starts_with(url, STR("sqlite:"))) {
        path = config->database + strlen("sqlite:");
        if (access(path, F_OK) != 0) { /* opening would make it */
            doctor_add(report, "database", errno == ENOENT ? FINDING_WARN : FINDING_FAIL,
                       "the first start of serve makes it", "%s: %s", path, strerror(errno));
            return;
        }
    }
    struct db_options options = {
        .url = config->database,
        .readers = 1,
        .busy_timeout_us = BUSY_US,
        .leave_schema = true,
    };
    struct db *db;
    struct error e;
    if (db_open(&options, &db, &e) != OK) {
        doctor_add(report, "database", FINDING_FAIL, "is the server there, and the URL right?",
                   "%s", e.text);
        return;
    }
    examine(db, path, clock, report);
    db_close(db);
}
