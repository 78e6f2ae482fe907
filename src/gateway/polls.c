#include "gateway/polls.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/log.h"
#include "net/client.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>

struct poll {
    struct polls *polls;
    const struct gateway_list *list;
    struct event *timer;
    char said[64]; /* code of the last refusal, so that each is logged once; empty: it went well */
};

struct polls {
    struct client *client;
    struct revocations *revocations;
    unsigned every;
    size_t n;
    struct poll of[LIMIT_GATEWAY_LISTS];
};

static void look_again(struct poll *p, unsigned seconds)
{
    const struct timeval later = {.tv_sec = seconds};

    if (event_add(p->timer, &later) != 0)
        log_error("the lists of revoked certificates are not fetched any more");
}

/* The whole of an answer, or why it is none. */
static bool take_answer(struct poll *p, const struct client_response *response,
                        struct idevs_error *err)
{
    bool news = false;

    if (response->error.code[0]) {
        *err = response->error;
        return false;
    }
    if (response->message.status != 200)
        return refuse(err, "service.status", "status %u", response->message.status);
    if (!revocations_take(p->polls->revocations, response->message.content, clock_unix(), &news,
                          err))
        return false;
    if (news)
        log_info("new list of revoked certificates from %s%s: %zu in all lists", p->list->origin,
                 p->list->path, revocations_count(p->polls->revocations));
    return true;
}

static void on_answer(const struct client_response *response, void *context)
{
    struct poll *p = context;
    struct idevs_error err = {0};

    if (take_answer(p, response, &err)) {
        p->said[0] = 0;
        look_again(p, p->polls->every);
        return;
    }
    if (strcmp(p->said, err.code) != 0)
        log_refusal(IDEVS_WARNING, p->list->path, &err);
    snprintf(p->said, sizeof(p->said), "%s", err.code);
    look_again(p, LIMIT_LIST_RETRY);
}

static void on_time(evutil_socket_t fd, short what, void *context)
{
    struct poll *p = context;
    const struct http_message m = {.method = bytes_of_text("GET"),
                                   .path = bytes_of_text(p->list->path)};

    (void)fd;
    (void)what;
    client_send(p->polls->client, p->list->origin, &m, on_answer, p);
}

/* Whether it can be read is said at the start, not by every look. */
static bool ca_is_readable(const char *path, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_BUNDLE);

    return !path || file_read(path, &pem, ret_err);
}

struct polls *polls_new(struct event_base *base, const struct gateway_revocation *config,
                        struct revocations *revocations, struct idevs_error *ret_err)
{
    const struct client_options options = {
        .ca_file = config->ca, .max_body = LIMIT_REVOCATION_LIST, .total_ms = LIMIT_LIST_TIME_MS};

    if (!ca_is_readable(config->ca, ret_err))
        return NULL;
    struct polls *polls = alloc_zero(1, sizeof(*polls));
    polls->client = client_new(base, &options);
    polls->revocations = revocations;
    polls->every = config->every;
    polls->n = config->n_lists;
    for (size_t i = 0; i < polls->n; i++) {
        struct poll *p = &polls->of[i];
        *p = (struct poll){.polls = polls, .list = &config->lists[i]};
        p->timer = evtimer_new(base, on_time, p);
        if (!p->timer)
            abort(); /* memory */
    }
    return polls;
}

bool polls_start(struct polls *polls, struct idevs_error *ret_err)
{
    const struct timeval now = {0};

    for (size_t i = 0; i < polls->n; i++)
        if (event_add(polls->of[i].timer, &now) != 0)
            return refuse(ret_err, "internal", "no timer");
    return true;
}

void polls_free(struct polls *polls)
{
    if (!polls)
        return;
    client_free(polls->client); /* nothing calls back any more */
    for (size_t i = 0; i < polls->n; i++)
        event_free(polls->of[i].timer);
    free(polls);
}
