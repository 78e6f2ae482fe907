/* Runs in progress: a state machine as a table whose default refuses; what should run is on disk
 * before anybody hears of it, so that it is started again after any crash of program, warden,
 * launcher or host. */
#ifndef IDEVS_LAUNCHER_RUNS_H
#define IDEVS_LAUNCHER_RUNS_H

#include "base/clock.h"
#include "base/limits.h"
#include "launcher/launcher_private.h"

struct run_span {
    char name[LIMIT_SPAN_NAME];
    uint64_t us;
};

struct run {
    struct run *next;
    struct launcher *launcher;
    struct run_row row;
    struct buffer manifest_bytes;
    struct manifest manifest;   /* points into manifest_bytes */
    struct relay *relay;        /* while the program runs */
    uint32_t number;            /* the warden's; 0: nothing runs there */
    struct event *timer;        /* the pause before a start, or the grace before a kill */
    unsigned n_pauses;          /* in a row */
    uint64_t since_ns;          /* of the last start */
    uint64_t asked_ns;          /* for a start whose first exchange is still to come; else 0 */
    bool lost;                  /* waits for the warden rather than for its pause */
    bool dirty;                 /* counters newer than on disk */
    struct idevs_error failure; /* what we ended it for */
    struct idevs_error refusal; /* the authority's last word, unless it was a certificate */
    struct run_span spans[LIMIT_SPANS];
    size_t n_spans;
};

/* Persists and starts a run. Refuses `program.running`, `program.not-built`, `warden.unreachable`,
 * `disk.full`. */
struct run *runs_add(struct launcher *l, const struct program *program,
                     struct idevs_error *ret_err);
/* Persists that it should not run, and stops it. A run that has ended already is `run.stopped`. */
bool runs_stop(struct launcher *l, const struct owner *owner, const char *id,
               struct idevs_error *ret_err) _must_check_;
/* The run in progress, or NULL. */
struct run *runs_find(struct launcher *l, const struct owner *owner, const char *id);
struct run *runs_of_program(struct launcher *l, const struct owner *owner, const char *program);

/* At the start of the launcher: takes up what should run. */
bool runs_resume(struct launcher *l, struct idevs_error *ret_err) _must_check_;
void runs_warden_up(struct launcher *l);
void runs_warden_down(struct launcher *l);
void runs_ended(struct launcher *l, const struct warden_answer *ended);
/* Asks all to stop; they stay wanted. */
void runs_drain(struct launcher *l);
void runs_kill_all(struct launcher *l);
bool runs_any(const struct launcher *l) _must_check_; /* runs at the warden */
void runs_flush(struct launcher *l);                  /* counters to disk */
void runs_services_changed(struct launcher *l, const struct owner *owner);
void runs_free(struct launcher *l);

#endif
