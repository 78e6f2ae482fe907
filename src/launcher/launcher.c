#include "launcher/launcher.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "crypto/tls.h"
#include "launcher/api.h"
#include "launcher/builds.h"
#include "launcher/launcher_private.h"
#include "launcher/lines.h"
#include "launcher/record.h"
#include "launcher/runs.h"
#include "launcher/waiters.h"
#include "net/client.h"
#include "net/server.h"

#include <event2/event.h>
#include <stdlib.h>

/* ---- the warden ---- */

static void on_up(void *context)
{
    struct launcher *l = context;

    builds_warden_up(l);
    runs_warden_up(l);
}

static void on_down(void *context)
{
    runs_warden_down(context);
}

static void on_ended(const struct warden_answer *ended, void *context)
{
    runs_ended(context, ended);
}

/* ---- timers ---- */

static void on_flush_lines(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    lines_flush(context);
}

static void on_flush_runs(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    runs_flush(context);
}

/* ---- start ---- */

static bool load_tls(struct launcher *l, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer chain = buffer_up_to(LIMIT_PEM_CHAIN);
    _cleanup_buffer_ struct buffer key = buffer_up_to(LIMIT_PEM_KEY);

    if (!file_read(l->config->certificate, &chain, ret_err) ||
        !file_read(l->config->key, &key, ret_err))
        return false;
    l->tls = tls_server_context(buffer_bytes(&chain), buffer_bytes(&key), true, ret_err);
    return l->tls != NULL;
}

static bool open_all(struct launcher *l, struct idevs_error *ret_err)
{
    static const struct warden_events events = {on_up, on_down, on_ended};
    static const struct timeval every = {.tv_sec = LIMIT_FLUSH_EVERY};
    const struct launcher_config *config = l->config;
    struct client_options options = {.ca_file = config->ca,
                                     .max_body = config->max_body + LIMIT_MESSAGE_EXTRA};

    if (!load_tls(l, ret_err) || !state_open(&l->state, config->state, ret_err))
        return false;
    if (config->record) {
        l->record = record_open(config->record, ret_err);
        if (!l->record)
            return false;
    }
    l->client = client_new(l->base, &options);
    if (!l->client)
        return refuse(ret_err, "tls.credentials", "outgoing https cannot be set up");
    l->warden = warden_new(l->base, config->warden, l->record, &events, l);
    if (!builds_resume(l, ret_err) || !runs_resume(l, ret_err))
        return false;
    l->server = server_start(l->base,
                             &(struct server_options){.listen = config->listen,
                                                      .tls = l->tls,
                                                      .max_body = LIMIT_EXECUTABLE,
                                                      .max_connections = LIMIT_LAUNCHER_CONNECTIONS,
                                                      .admit = api_admit,
                                                      .handler = api_handle,
                                                      .context = l},
                             ret_err);
    event_add(l->flush_runs, &every);
    return l->server != NULL;
}

struct launcher *launcher_start(struct event_base *base, const struct launcher_config *config,
                                struct idevs_error *ret_err)
{
    struct launcher *l = alloc_zero(1, sizeof(*l));

    l->base = base;
    l->config = config;
    l->budget = (struct budget){.max = config->budget};
    l->flush_lines = evtimer_new(base, on_flush_lines, l);
    l->flush_runs = event_new(base, -1, EV_PERSIST, on_flush_runs, l);
    if (open_all(l, ret_err))
        return l;
    launcher_free(l);
    return NULL;
}

unsigned launcher_port(const struct launcher *l)
{
    return server_port(l->server);
}

/* ---- stop ---- */

void launcher_check_stopped(struct launcher *l)
{
    if (!l->stopping || !l->drained || !l->stopped || runs_any(l))
        return;
    lines_flush(l);
    runs_flush(l);
    void (*stopped)(void *) = l->stopped;
    l->stopped = NULL;
    stopped(l->stopped_context);
}

static void on_drained(void *context)
{
    struct launcher *l = context;

    l->drained = true;
    launcher_check_stopped(l);
}

/* The programs had their time; those that stay are killed, and then nothing is waited for. */
static void on_deadline(evutil_socket_t fd, short what, void *context)
{
    struct launcher *l = context;
    (void)fd;
    (void)what;

    log_warning("programs that did not stop in time are killed");
    runs_kill_all(l);
    lines_flush(l);
    runs_flush(l);
    if (l->stopped)
        l->stopped(l->stopped_context);
    l->stopped = NULL;
}

void launcher_stop(struct launcher *l, void (*done)(void *), void *context)
{
    static const struct timeval grace = {.tv_sec = LIMIT_STOP_TIME};

    if (l->stopping)
        return;
    l->stopping = true;
    l->stopped = done;
    l->stopped_context = context;
    l->stop_deadline = evtimer_new(l->base, on_deadline, l);
    event_add(l->stop_deadline, &grace);
    waiters_wake_all(l);
    runs_drain(l);
    server_drain(l->server, LIMIT_LAUNCHER_DRAIN_TIME, on_drained, l);
}

void launcher_free(struct launcher *l)
{
    if (!l)
        return;
    waiters_free(l);
    runs_free(l);
    builds_free(l);
    warden_free(l->warden);
    if (l->server)
        server_free(l->server);
    if (l->client)
        client_free(l->client);
    if (l->tls)
        tls_context_free(l->tls);
    lines_free(l);
    record_close(l->record);
    state_close(&l->state);
    event_free(l->flush_lines);
    event_free(l->flush_runs);
    if (l->stop_deadline)
        event_free(l->stop_deadline);
    free(l);
}
