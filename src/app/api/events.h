/*
 * What changes, for those who watch: the streams of GET /api/events and of one move.
 *
 * The hub keeps one topic for each thing that somebody watches: a kind of the table in events.c, or
 * a move. Its tick, on the server's pump (infra/http/stream.h), reads all topics in one transaction
 * of our database, however many clients there are; sources then send what is newer than what they
 * sent. A topic's text is sent whole, so a client that missed some has missed nothing.
 *
 * To add a kind, add a line to the table: its name and the function that reads it.
 */
#ifndef WEBHOST_APP_API_EVENTS_H
#define WEBHOST_APP_API_EVENTS_H

#include "domain/core/env.h"
#include "infra/http/stream.h"

struct event_hub;
struct job_queue;

/* Everything is borrowed; the queues are those whose depths are told. */
struct event_hub *event_hub_new(const struct env *env, const struct job_queue *queues,
                                size_t queue_count);
void event_hub_free(struct event_hub *hub); /* no source is left; NULL is fine */

/* http_stream_options.tick; `hub` is a struct event_hub. */
void event_hub_tick(void *hub);

/* All kinds. */
struct http_source *event_hub_watch(struct event_hub *hub);

/* One move, from `version` on, which the client has; `over`: it will not change any more. */
struct http_source *event_hub_watch_move(struct event_hub *hub, const char *move_id,
                                         int64_t version, bool over);

#endif
