/*
 * What is said to a target: the body of a request, or the text of a mail, in the target's form.
 */
#ifndef WEBHOST_DOMAIN_NOTIFY_MESSAGE_H
#define WEBHOST_DOMAIN_NOTIFY_MESSAGE_H

#include "domain/notify/notify.h"
#include "infra/secrets/secret.h"

/* One notice, or several in a digest. */
struct message {
    const char *id; /* the same whenever it is sent again */
    int64_t at;
    const struct notice_record *notices; /* at least one */
    size_t count;
};

/* "Acme waits for approval", or "5 notices, the first: ..."; one line. */
const char *message_summary(const struct message *m, struct arena *arena);

/* For mail: "[webhost] warning: deployment.failed"; ASCII. */
const char *message_subject(const struct message *m, struct arena *arena);
const char *message_plain(const struct message *m, struct arena *arena);

/* The JSON of a request. `key` is PagerDuty's routing key; it stays out of everything else. */
const char *message_json(enum target_kind kind, const struct message *m, const char *receiver,
                         const struct secret *key, struct arena *arena);

#endif
