#include "launcher/runs.h"
#include "base/alloc.h"
#include "base/fault.h"
#include "base/log.h"
#include "crypto/digest.h"
#include "launcher/lines.h"
#include "launcher/run_private.h"
#include "launcher/waiters.h"

#include <event2/event.h>
#include <stdlib.h>

static void run_free(struct run *run)
{
    struct run **at = &run->launcher->runs;

    while (*at && *at != run)
        at = &(*at)->next;
    if (*at)
        *at = run->next;
    if (run->launcher->warden)
        warden_forget(run->launcher->warden, run);
    run_detach(run);
    event_free(run->timer);
    buffer_free(&run->manifest_bytes);
    free(run);
}

/* ---- what the transitions do; each returns the next state ---- */

static void set_timer(struct run *run, unsigned milliseconds)
{
    struct timeval tv = {.tv_sec = milliseconds / 1000,
                         .tv_usec = (long)(milliseconds % 1000) * 1000};

    event_add(run->timer, &tv);
}

static enum run_state end(struct run *run, const struct idevs_error *err)
{
    run_detach(run);
    event_del(run->timer);
    run->row.wanted = false;
    run->row.ended = clock_unix();
    run->row.error = err ? *err : (struct idevs_error){0};
    return RUN_ENDED;
}

/* Doubles from 1 s to the configured longest, give or take a quarter, so that not all come back at
 * once. */
static unsigned next_pause(struct run *run)
{
    uint16_t jitter;
    unsigned longest = run->launcher->config->longest_pause;
    unsigned seconds = run->n_pauses < 12 ? 1u << run->n_pauses : longest;

    if (seconds > longest)
        seconds = longest;
    random_bytes(&jitter, sizeof(jitter));
    run->n_pauses++;
    return seconds * 750 + seconds * 500 * jitter / 65536;
}

static enum run_state pause_for(struct run *run, const struct idevs_error *err)
{
    if (run->since_ns && clock_monotonic_ns() - run->since_ns > LIMIT_RUN_STEADY * NS_PER_SECOND)
        run->n_pauses = 0;
    run->since_ns = 0;
    run_detach(run);
    event_del(run->timer);
    run->row.error = *err;
    if (run->launcher->stopping)
        return RUN_WAITING;
    unsigned pause = next_pause(run);
    set_timer(run, pause);
    lines_note(run->launcher, &run->row, "%s: %s; starting again in %u ms", err->code, err->found,
               pause);
    return RUN_WAITING;
}

static enum run_state on_started(struct run *run, const struct run_event *event)
{
    event_del(run->timer);
    run_attach(run, event->started, event->channel);
    run->row.error = (struct idevs_error){0};
    run->lost = false;
    if (run->launcher->stopping)
        relay_stop(run->relay);
    return RUN_RUNNING;
}

static enum run_state on_failed(struct run *run, const struct run_event *event)
{
    bool kept = run->manifest.every > 0 || run->launcher->stopping;

    run->lost = false;
    return kept ? pause_for(run, event->error) : end(run, event->error);
}

/* A program that leaves by itself has done its work, unless we asked it to leave for a while. */
static enum run_state on_left(struct run *run, const struct run_event *event)
{
    struct idevs_error err;
    (void)event;

    if (!run->launcher->stopping || run->manifest.every == 0)
        return end(run, NULL);
    refuse(&err, "run.stopped", "the launcher was stopped");
    return pause_for(run, &err);
}

static enum run_state on_lost(struct run *run, const struct run_event *event)
{
    struct idevs_error err;
    (void)event;

    refuse(&err, "warden.unreachable", "the connection was lost, and the program with it");
    return pause_for(run, &err);
}

static enum run_state kill_it(struct run *run, const struct run_event *event)
{
    (void)event;
    warden_kill(run->launcher->warden, run->number);
    return run->row.state;
}

static enum run_state on_violated(struct run *run, const struct run_event *event)
{
    run->failure = *event->error;
    run->row.wanted = false;
    log_refusal(IDEVS_WARNING, run->row.id, event->error);
    warden_kill(run->launcher->warden, run->number);
    return RUN_STOPPING;
}

/* Its `ended` should follow; a program that only closed its channel is useless. */
static enum run_state on_closed(struct run *run, const struct run_event *event)
{
    (void)event;
    set_timer(run, LIMIT_STOP_TIME * 1000);
    return run->row.state;
}

static enum run_state start_again(struct run *run, const struct run_event *event)
{
    struct idevs_error err;
    (void)event;

    event_del(run->timer);
    if (run->launcher->stopping)
        return RUN_WAITING;
    if (run_ask_start(run, &err)) {
        run->row.restarts++;
        return RUN_STARTING;
    }
    if (!error_is(&err, "warden.unreachable"))
        return on_failed(run, &(struct run_event){.kind = RUN_REFUSED, .error = &err});
    run->lost = true; /* its pause is over: when the warden is back it starts at once */
    set_timer(run, LIMIT_WARDEN_ASK_AGAIN_MS);
    return RUN_WAITING;
}

static enum run_state start_lost(struct run *run, const struct run_event *event)
{
    return run->lost ? start_again(run, event) : RUN_WAITING;
}

static enum run_state stop_starting(struct run *run, const struct run_event *event)
{
    (void)run;
    (void)event;
    return RUN_STOPPING; /* the warden's answer comes first */
}

static enum run_state stop_running(struct run *run, const struct run_event *event)
{
    (void)event;
    relay_stop(run->relay);
    set_timer(run, LIMIT_STOP_TIME * 1000);
    return RUN_STOPPING;
}

static enum run_state stop_waiting(struct run *run, const struct run_event *event)
{
    (void)event;
    return end(run, NULL);
}

static enum run_state started_too_late(struct run *run, const struct run_event *event)
{
    run_attach(run, event->started, event->channel);
    warden_kill(run->launcher->warden, run->number);
    return RUN_STOPPING;
}

static enum run_state ended_stopping(struct run *run, const struct run_event *event)
{
    if (run->failure.code[0])
        return end(run, &run->failure);
    return end(run, event->kind == RUN_FAILED ? event->error : NULL);
}

static enum run_state stay(struct run *run, const struct run_event *event)
{
    (void)event;
    return run->row.state;
}

/* What stands not here cannot happen: it is logged and changes nothing. */
static enum run_state (*const RULES[][RUN_EVENTS])(struct run *, const struct run_event *) = {
    [RUN_STARTING] = {[RUN_STARTED] = on_started,
                      [RUN_REFUSED] = on_failed,
                      [RUN_LOST] = on_lost,
                      [RUN_STOP] = stop_starting},
    [RUN_RUNNING] = {[RUN_LEFT] = on_left,
                     [RUN_FAILED] = on_failed,
                     [RUN_LOST] = on_lost,
                     [RUN_VIOLATED] = on_violated,
                     [RUN_CLOSED] = on_closed,
                     [RUN_TIMER] = kill_it,
                     [RUN_STOP] = stop_running},
    [RUN_WAITING] = {[RUN_TIMER] = start_again,
                     [RUN_UP] = start_lost,
                     [RUN_LOST] = stay,
                     [RUN_STOP] = stop_waiting},
    [RUN_STOPPING] = {[RUN_STARTED] = started_too_late,
                      [RUN_REFUSED] = ended_stopping,
                      [RUN_LEFT] = ended_stopping,
                      [RUN_FAILED] = ended_stopping,
                      [RUN_LOST] = ended_stopping,
                      [RUN_VIOLATED] = kill_it,
                      [RUN_CLOSED] = stay,
                      [RUN_TIMER] = kill_it,
                      [RUN_STOP] = stay},
};

static void changed(struct run *run, enum run_state next)
{
    struct launcher *l = run->launcher;

    if (next == RUN_ENDED) /* what the program said last is there when its end is */
        lines_flush(l);
    run->row.state = next;
    run_save(run);
    waiters_wake(l, WAITS_FOR_RUN, run->row.id);
    if (next == RUN_ENDED) {
        waiters_wake_lines(l, run->row.number);
        run_free(run);
    }
}

void run_happens(struct run *run, const struct run_event *event)
{
    struct launcher *l = run->launcher;
    enum run_state (*rule)(struct run *, const struct run_event *) =
        RULES[run->row.state][event->kind];

    if (!rule) {
        log_error("%s: event %d cannot happen while %s", run->row.id, event->kind,
                  RUN_STATES[run->row.state]);
        return;
    }
    enum run_state next = rule(run, event);
    if (next != run->row.state)
        changed(run, next);
    launcher_check_stopped(l);
}

static void on_timer(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    run_happens(context, &(struct run_event){.kind = RUN_TIMER});
}

/* ---- what others ask ---- */

static struct run *run_new(struct launcher *l, const struct run_row *row)
{
    struct run *run = alloc_zero(1, sizeof(*run));

    run->launcher = l;
    run->row = *row;
    run->timer = evtimer_new(l->base, on_timer, run);
    return run;
}

static void insert(struct run *run)
{
    run->next = run->launcher->runs;
    run->launcher->runs = run;
}

struct run *runs_add(struct launcher *l, const struct program *program, struct idevs_error *ret_err)
{
    struct run_row row = {.wanted = true,
                          .state = RUN_STARTING,
                          .started = clock_unix(),
                          .owner = program->owner,
                          .spans = "{}"};

    memcpy(row.program, program->name, sizeof(row.program));
    memcpy(row.manifest, program->manifest, sizeof(row.manifest));
    memcpy(row.executable, program->executable.sha256, sizeof(row.executable));
    if (program->state != PROGRAM_BUILT || !program->executable.set) {
        refuse(ret_err, "program.not-built", "%s", program->name);
        return NULL;
    }
    if (l->stopping || !warden_status(l->warden)) {
        refuse(ret_err, "warden.unreachable", "no connection to %s", l->config->warden);
        return NULL;
    }
    struct run *run = run_new(l, &row);
    if (!run_load_manifest(run, ret_err) || !state_add_run(&l->state, &run->row, ret_err)) {
        run_free(run);
        return NULL;
    }
    fault_point("launcher.run.persisted");
    insert(run);
    if (!run_ask_start(run, &run->failure)) {
        /* It is on disk, so it is acknowledged; what kept it is its error. */
        changed(run, pause_for(run, &run->failure));
        run->failure = (struct idevs_error){0};
    }
    return run;
}

struct run *runs_find(struct launcher *l, const struct owner *owner, const char *id)
{
    for (struct run *run = l->runs; run; run = run->next)
        if (strcmp(run->row.id, id) == 0 && memcmp(&run->row.owner, owner, sizeof(*owner)) == 0)
            return run;
    return NULL;
}

struct run *runs_of_program(struct launcher *l, const struct owner *owner, const char *program)
{
    for (struct run *run = l->runs; run; run = run->next)
        if (strcmp(run->row.program, program) == 0 &&
            memcmp(&run->row.owner, owner, sizeof(*owner)) == 0)
            return run;
    return NULL;
}

bool runs_stop(struct launcher *l, const struct owner *owner, const char *id,
               struct idevs_error *ret_err)
{
    struct run *run = runs_find(l, owner, id);
    struct run_row row;

    if (!run)
        return state_get_run(&l->state, owner, id, &row, ret_err) &&
               refuse(ret_err, "run.stopped", "it ended at %lld", (long long)row.ended);
    if (run->row.wanted) {
        run->row.wanted = false;
        if (!state_save_run(&l->state, &run->row, ret_err)) {
            run->row.wanted = true;
            return false;
        }
    }
    run_happens(run, &(struct run_event){.kind = RUN_STOP});
    return true;
}

/* ---- all of them ---- */

/* A run may be freed by what happens to it, but no other run is. */
static void each_run(struct launcher *l, void (*each)(struct run *run))
{
    for (struct run *run = l->runs, *next; run; run = next) {
        next = run->next;
        each(run);
    }
}

static bool resume(const struct run_row *row, void *context)
{
    struct launcher *l = context;
    struct run *run = run_new(l, row);
    struct idevs_error err;

    insert(run);
    run->lost = true;
    if (run->row.wanted && run_load_manifest(run, &err)) {
        run->row.state = RUN_WAITING;
        return true;
    }
    if (run->row.wanted)
        log_refusal(IDEVS_ERROR, row->id, &err);
    run->row.state = end(run, run->row.wanted ? &err : NULL);
    return true;
}

/* Ended while nobody looked. */
static void finish_resumed(struct run *run)
{
    if (run->row.state == RUN_ENDED)
        changed(run, RUN_ENDED);
}

bool runs_resume(struct launcher *l, struct idevs_error *ret_err)
{
    if (!state_each_unended_run(&l->state, resume, l, ret_err))
        return false;
    each_run(l, finish_resumed);
    return true;
}

static void is_up(struct run *run)
{
    if (run->row.state == RUN_WAITING)
        run_happens(run, &(struct run_event){.kind = RUN_UP});
}

void runs_warden_up(struct launcher *l)
{
    each_run(l, is_up);
}

static void is_down(struct run *run)
{
    run_happens(run, &(struct run_event){.kind = RUN_LOST});
}

void runs_warden_down(struct launcher *l)
{
    each_run(l, is_down);
}

/* A program that got no certificate can only give up: the reason is the authority's. A limit that
 * it passed, or a call that it may not make, is a reason of its own. */
static const struct idevs_error *why_it_ended(const struct run *run,
                                              const struct warden_answer *ended)
{
    bool gave_up = error_is(&ended->error, "compartment.crashed") && run->refusal.code[0];

    return gave_up ? &run->refusal : &ended->error;
}

void runs_ended(struct launcher *l, const struct warden_answer *ended)
{
    bool failed = ended->error.code[0] != 0;

    for (struct run *run = l->runs; run; run = run->next) {
        if (run->number && run->number == ended->run) {
            run_happens(run, &(struct run_event){.kind = failed ? RUN_FAILED : RUN_LEFT,
                                                 .error = why_it_ended(run, ended)});
            return;
        }
    }
}

static void ask_to_stop(struct run *run)
{
    event_del(run->timer);
    if (run->relay)
        relay_stop(run->relay);
}

void runs_drain(struct launcher *l)
{
    each_run(l, ask_to_stop);
}

static void kill_one(struct run *run)
{
    if (run->number)
        warden_kill(run->launcher->warden, run->number);
}

void runs_kill_all(struct launcher *l)
{
    each_run(l, kill_one);
}

bool runs_any(const struct launcher *l)
{
    for (const struct run *run = l->runs; run; run = run->next)
        if (run->number || run->row.state == RUN_STARTING)
            return true;
    return false;
}

static void flush_one(struct run *run)
{
    if (run->dirty)
        run_save(run);
}

void runs_flush(struct launcher *l)
{
    each_run(l, flush_one);
}

void runs_services_changed(struct launcher *l, const struct owner *owner)
{
    for (struct run *run = l->runs; run; run = run->next)
        if (run->relay && memcmp(&run->row.owner, owner, sizeof(*owner)) == 0)
            run_set_urls(run);
}

void runs_free(struct launcher *l)
{
    each_run(l, run_free);
}
