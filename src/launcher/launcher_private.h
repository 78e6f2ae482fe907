/* The launcher's insides, shared by its parts on one thread. */
#ifndef IDEVS_LAUNCHER_LAUNCHER_PRIVATE_H
#define IDEVS_LAUNCHER_LAUNCHER_PRIVATE_H

#include "launcher/launcher.h"
#include "launcher/relay.h"
#include "launcher/state.h"
#include "launcher/warden.h"

struct run;
struct building;
struct waiter;
struct server;
struct ssl_ctx_st;

struct pending_line {
    struct line line;
    uint8_t *data; /* what line.data points to */
};

struct launcher {
    struct event_base *base;
    const struct launcher_config *config;
    struct state state;
    struct record *record;
    struct client *client;
    struct warden *warden;
    struct ssl_ctx_st *tls;
    struct server *server;
    struct budget budget;
    struct run *runs; /* those that have not ended */
    struct building *building;
    struct waiter *waiters;
    struct pending_line *lines; /* not on disk yet */
    size_t n_lines;
    size_t lines_bytes;
    struct event *flush_lines;
    struct event *flush_runs;
    bool stopping;
    bool drained; /* no request is open any more */
    void (*stopped)(void *);
    void *stopped_context;
    struct event *stop_deadline;
};

/* Ends the stopping when nothing is left to wait for. */
void launcher_check_stopped(struct launcher *l);

#endif
