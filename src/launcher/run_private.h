/* Between the state machine (runs.c) and what it does (run_start.c). */
#ifndef IDEVS_LAUNCHER_RUN_PRIVATE_H
#define IDEVS_LAUNCHER_RUN_PRIVATE_H

#include "launcher/runs.h"

enum run_event_kind {
    RUN_STARTED,  /* the warden started it */
    RUN_REFUSED,  /* the warden did not */
    RUN_LEFT,     /* it ended by itself with status 0 */
    RUN_FAILED,   /* it ended otherwise */
    RUN_LOST,     /* the warden is gone, and it with it */
    RUN_VIOLATED, /* it broke the protocol of the channel */
    RUN_CLOSED,   /* it closed the channel */
    RUN_TIMER,    /* pause or grace is over */
    RUN_UP,       /* the warden is back */
    RUN_STOP,     /* its owner does not want it any more */
    RUN_EVENTS,
};

struct run_event {
    enum run_event_kind kind;
    const struct idevs_error *error; /* of refused, failed, violated */
    const struct warden_answer *started;
    int *channel;
};

/* May free the run. */
void run_happens(struct run *run, const struct run_event *event);

/* Asks the warden to start it. True: its answer will be an event. */
bool run_ask_start(struct run *run, struct idevs_error *ret_err) _must_check_;
/* Reads the manifest that the row names. */
bool run_load_manifest(struct run *run, struct idevs_error *ret_err) _must_check_;
void run_attach(struct run *run, const struct warden_answer *started, int *channel);
void run_detach(struct run *run); /* the relay and the warden's number */
void run_set_urls(struct run *run);
void run_span(struct run *run, const char *name, uint64_t us);
void run_save(struct run *run);

#endif
