/*
 * Writes the record of the clouds' calls (calls.h) without slowing them down.
 *
 * A call puts its entry into a queue of fixed size and goes on; a thread writes what has come
 * together in one transaction of its own, away from any job's. When the database does not take it,
 * the entries wait; when the queue is full, new ones are dropped and counted. What is in the queue
 * when the process is killed is lost.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_RECORDER_H
#define WEBHOST_DOMAIN_PROVISIONING_RECORDER_H

#include "domain/provisioning/calls.h"

#define RECORDER_QUEUE_MAX 4096

struct recorder;

struct recorder *recorder_new(const struct env *env);

/* Stop it first. What was not written is lost. NULL is fine. */
void recorder_free(struct recorder *r);

/* The thread that writes. Without it, recorder_flush() does. */
void recorder_start(struct recorder *r);

/* Writes what is there and ends the thread. */
void recorder_stop(struct recorder *r);

/* Copies the call; texts that are too long are cut. Thread-safe, never waits for the database. */
void recorder_add(struct recorder *r, const struct provider_call *call);

/* Writes what is in the queue now. */
enum err recorder_flush(struct recorder *r, struct error *e);

struct recorder_counts {
    uint64_t written, dropped;
};

struct recorder_counts recorder_counts(struct recorder *r);

#endif
