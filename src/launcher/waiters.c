#include "launcher/waiters.h"
#include "base/alloc.h"

#include <event2/event.h>
#include <stdlib.h>

struct waiter {
    struct waiter *next;
    struct launcher *launcher;
    struct server_request *request;
    struct wait wait;
    wait_answer answer;
    struct event *timer;
};

static void forget(struct waiter *w)
{
    struct waiter **at = &w->launcher->waiters;

    while (*at != w)
        at = &(*at)->next;
    *at = w->next;
    event_free(w->timer);
    free(w);
}

static void wake(struct waiter *w)
{
    struct launcher *l = w->launcher;
    struct server_request *request = w->request;
    struct wait wait = w->wait;
    wait_answer answer = w->answer;

    forget(w);
    answer(l, request, &wait);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    wake(context);
}

void waiters_add(struct launcher *l, struct server_request *request, const struct wait *wait,
                 unsigned seconds, wait_answer answer)
{
    struct timeval tv = {.tv_sec = (time_t)seconds};
    struct waiter *w = alloc_zero(1, sizeof(*w));

    w->launcher = l;
    w->request = request;
    w->wait = *wait;
    w->answer = answer;
    w->timer = evtimer_new(l->base, on_timer, w);
    event_add(w->timer, &tv);
    w->next = l->waiters;
    l->waiters = w;
}

/* Answering adds no waiters, so the list only shrinks; it may lose more than one. */
static void wake_where(struct launcher *l, bool (*match)(const struct wait *, const void *),
                       const void *key)
{
    for (struct waiter *w = l->waiters, *next; w; w = next) {
        next = w->next;
        if (match(&w->wait, key))
            wake(w);
    }
}

static bool is_run(const struct wait *wait, const void *id)
{
    return wait->what == WAITS_FOR_RUN && strcmp(wait->id, id) == 0;
}

static bool is_build(const struct wait *wait, const void *id)
{
    return wait->what == WAITS_FOR_BUILD && strcmp(wait->id, id) == 0;
}

static bool is_lines(const struct wait *wait, const void *run)
{
    return wait->what == WAITS_FOR_LINES && wait->run == *(const int64_t *)run;
}

static bool is_any(const struct wait *wait, const void *key)
{
    (void)wait;
    (void)key;
    return true;
}

void waiters_wake(struct launcher *l, enum waits_for what, const char *id)
{
    wake_where(l, what == WAITS_FOR_RUN ? is_run : is_build, id);
}

void waiters_wake_lines(struct launcher *l, int64_t run)
{
    wake_where(l, is_lines, &run);
}

void waiters_wake_all(struct launcher *l)
{
    wake_where(l, is_any, NULL);
}

void waiters_free(struct launcher *l)
{
    for (struct waiter *w = l->waiters, *next; w; w = next) {
        next = w->next;
        forget(w);
    }
}
