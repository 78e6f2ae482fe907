/* A start of a run: executable and manifest to the warden, and the relay at the channel that it
 * gives. */
#include "base/alloc.h"
#include "base/fault.h"
#include "base/fd.h"
#include "base/log.h"
#include "document/json.h"
#include "launcher/lines.h"
#include "launcher/run_private.h"
#include "store/store.h"
#include "wire/manifest.h"

#include <malloc.h>
#include <stdio.h>

bool run_load_manifest(struct run *run, struct idevs_error *ret_err)
{
    run->manifest_bytes = buffer_up_to(LIMIT_MANIFEST);
    return blob_get(run->launcher->state.blobs, run->row.manifest, &run->manifest_bytes, ret_err) &&
           manifest_decode(buffer_bytes(&run->manifest_bytes), &run->manifest, ret_err);
}

/* ---- spans ---- */

void run_span(struct run *run, const char *name, uint64_t us)
{
    size_t i = 0;

    while (i < run->n_spans && strcmp(run->spans[i].name, name) != 0)
        i++;
    if (i == LIMIT_SPANS)
        return;
    if (i == run->n_spans)
        run->n_spans++;
    snprintf(run->spans[i].name, sizeof(run->spans[i].name), "%s", name);
    run->spans[i].us = us;
    run->dirty = true;
}

static void write_spans(struct run *run)
{
    _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_SPANS_TEXT - 1);
    _cleanup_json_ json_t *object = json_object();

    for (size_t i = 0; i < run->n_spans; i++)
        json_object_set_new(object, run->spans[i].name,
                            json_integer((json_int_t)(run->spans[i].us & INT64_MAX)));
    if (run->n_spans > 0 && json_write(object, &text))
        snprintf(run->row.spans, sizeof(run->row.spans), "%s", (const char *)text.data);
}

void run_save(struct run *run)
{
    struct idevs_error err;

    write_spans(run);
    run->dirty = !state_save_run(&run->launcher->state, &run->row, &err);
    if (run->dirty) /* tried again at the next flush */
        log_refusal(IDEVS_ERROR, run->row.id, &err);
}

/* ---- what the relay tells ---- */

static void on_log(enum relay_log kind, struct bytes line, void *context)
{
    struct run *run = context;

    lines_add(run->launcher, &run->row, kind == RELAY_LOG_OWNER ? LINE_OWNER : LINE_OPEN, line);
}

static void on_span(const char *name, uint64_t us, void *context)
{
    run_span(context, name, us);
}

static void on_certificate(struct bytes pem, void *context)
{
    struct run *run = context;
    struct idevs_error err;

    run->refusal = (struct idevs_error){0};
    if (!state_save_certificate(&run->launcher->state, run->row.number, pem, &err))
        log_refusal(IDEVS_ERROR, run->row.id, &err);
}

static void on_refused(const struct idevs_error *err, void *context)
{
    struct run *run = context;

    run->refusal = *err;
    lines_note(run->launcher, &run->row, "the authority: %s: %s", err->code, err->found);
}

static void on_exchanged(void *context)
{
    struct run *run = context;

    if (run->asked_ns)
        run_span(run, "run", (clock_monotonic_ns() - run->asked_ns) / 1000);
    run->asked_ns = 0;
    run->row.exchanges++;
    run->dirty = true;
}

static void on_closed(const struct idevs_error *err, void *context)
{
    run_happens(context,
                &(struct run_event){.kind = err ? RUN_VIOLATED : RUN_CLOSED, .error = err});
}

/* ---- start ---- */

static bool set_url(const char *name, const char *url, void *context)
{
    struct run *run = context;

    relay_set_url(run->relay, name, url);
    return true;
}

/* The manifest's authority, unless the operator, unless the owner said another place. */
void run_set_urls(struct run *run)
{
    const struct launcher_config *config = run->launcher->config;
    struct idevs_error err;

    for (size_t i = 0; i < run->manifest.n_services; i++)
        relay_set_url(run->relay, run->manifest.services[i].name, NULL);
    for (size_t i = 0; i < config->n_services; i++)
        relay_set_url(run->relay, config->services[i].name, config->services[i].url);
    if (!state_each_service(&run->launcher->state, &run->row.owner, set_url, run, &err))
        log_refusal(IDEVS_ERROR, "services", &err);
}

void run_attach(struct run *run, const struct warden_answer *started, int *channel)
{
    static const struct relay_events events = {on_log,     on_span,      on_certificate,
                                               on_refused, on_exchanged, on_closed};
    struct launcher *l = run->launcher;

    for (size_t i = 0; i < started->n_spans; i++)
        run_span(run, started->spans[i].name, started->spans[i].ns / 1000);
    run->number = started->run;
    run->refusal = (struct idevs_error){0};
    run->since_ns = clock_monotonic_ns();
    run->relay = relay_new(&(struct relay_options){
        .base = l->base,
        .client = l->client,
        .record = l->record,
        .budget = &l->budget,
        .max_body = l->config->max_body + LIMIT_MESSAGE_EXTRA,
        .run_budget = LIMIT_RUN_BODIES * (l->config->max_body + LIMIT_RUN_BODY_EXTRA),
        .manifest = &run->manifest,
        .name = run->row.id,
        .fd = *channel,
        .events = &events,
        .context = run});
    *channel = -1;
    run_set_urls(run);
    fault_point("launcher.run.started");
}

void run_detach(struct run *run)
{
    relay_free(run->relay);
    run->relay = NULL;
    run->number = 0;
    malloc_trim(0); /* what the run needed lies scattered: its pages go back to the system */
}

static void on_run_answer(const struct warden_answer *answer, int *fd, void *context)
{
    struct run_event event = {.kind = RUN_LOST};

    if (answer)
        event = (struct run_event){.kind = answer->refused ? RUN_REFUSED : RUN_STARTED,
                                   .error = &answer->error,
                                   .started = answer,
                                   .channel = fd};
    run_happens(context, &event);
}

/* The manifest's; else the first that the warden offers, which it prefers. Whether it may, is the
 * warden's to say. */
static const char *choose_back_end(const struct run *run, const struct warden_answer *status)
{
    if (*run->manifest.back_end)
        return run->manifest.back_end;
    return status->n_back_ends ? status->back_ends[0] : "process";
}

bool run_ask_start(struct run *run, struct idevs_error *ret_err)
{
    struct launcher *l = run->launcher;
    const struct warden_answer *status = warden_status(l->warden);
    uint64_t at = clock_monotonic_ns();

    if (!status)
        return refuse(ret_err, "warden.unreachable", "no connection to %s", l->config->warden);
    /* Not read here: the warden measures its own copy, and what nobody approved gets no
     * certificate. */
    int executable = state_open_blob(&l->state, run->row.executable, ret_err);
    if (executable < 0)
        return false;
    int manifest = memfd_sealed("manifest", buffer_bytes(&run->manifest_bytes));
    if (manifest < 0) {
        fd_close(&executable);
        return refuse_errno(ret_err, "internal", "manifest");
    }
    run->asked_ns = at;
    run_span(run, "retrieveProgram", (clock_monotonic_ns() - at) / 1000);
    return warden_run(l->warden, choose_back_end(run, status), run->row.executable, executable,
                      manifest, on_run_answer, run) ||
           refuse(ret_err, "warden.unreachable", "it takes no more requests");
}
