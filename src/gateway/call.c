/* One exchange from the sealed request to the sealed answer: verified, then either the gateway's
 * own state, or forwarded to the service, with a durable intent and result around it for
 * write_once. Everything here runs on the event loop but the two functions that are marked. */
#include "base/alloc.h"
#include "base/codes.h"
#include "base/fault.h"
#include "base/log.h"
#include "gateway/service.h"
#include "gateway/states.h"
#include "gateway/verify.h"
#include "wire/bhttp.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct call {
    struct gateway *gateway;
    struct server_request *request;
    struct verified v;
    uint64_t since; /* when the step in progress began */
    struct call *next;
    struct call *previous;
    struct job job;   /* one at a time */
    struct turn turn; /* at the service */
    struct client_call *upstream;
    /* write_once */
    bool once;
    char key[LIMIT_IDEMPOTENCY_KEY + 1];
    uint8_t digest[SHA256_LEN];
    enum ledger_verdict ledger_verdict;
    /* state */
    struct state_request state;
    enum state_verdict state_verdict;
    int64_t state_version;
    /* why a job refused; a stored response, a saved state, or the service's answer in BHTTP */
    struct idevs_error error;
    struct buffer stored;
};

size_t sealed_size(size_t max_body)
{
    return max_body + LIMIT_MESSAGE_EXTRA;
}

/* ---- life ---- */

static struct call *call_new(struct gateway *g, struct server_request *request)
{
    struct call *c = alloc_zero(1, sizeof(*c));

    c->gateway = g;
    c->request = request;
    c->stored = buffer_up_to(sealed_size(g->config->max_body));
    c->next = g->calls;
    if (c->next)
        c->next->previous = c;
    g->calls = c;
    return c;
}

static void call_free(struct call *c)
{
    *(c->previous ? &c->previous->next : &c->gateway->calls) = c->next;
    if (c->next)
        c->next->previous = c->previous;
    verified_release(&c->v);
    buffer_free(&c->stored);
    free(c);
}

void calls_free(struct gateway *gateway)
{
    for (struct call *c = gateway->calls, *next; c; c = next) {
        next = c->next;
        call_free(c);
    }
}

/* ---- answers ---- */

/* One line a refusal: never path, query or content; what the gateway's own machinery found is said
 * in full. */
static void log_refused(const struct call *c, const struct idevs_error *err)
{
    const char *program = c->v.caller ? c->v.caller->program.id : "-";
    const struct code *code = code_find(err->code);

    if (code && code->http_status >= 500)
        log_warning("refused code=%s program=%s found=%s", err->code, program, err->found);
    else
        log_info("refused code=%s program=%s", err->code, program);
}

static void answer_plain(struct call *c, const struct idevs_error *err)
{
    log_refused(c, err);
    server_answer_error(c->request, err);
    call_free(c);
}

/* Seals `m` with our date and sends it: then the call is gone. False: it cannot be sealed. */
static bool try_answer(struct call *c, struct http_message *m)
{
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(sealed_size(c->gateway->config->max_body));
    char date[HTTP_DATE_LEN + 1];
    uint64_t since = clock_monotonic_ns();

    http_date_format(clock_unix(), date);
    if (!http_add(m, "date", bytes_of_text(date)) ||
        !exchange_seal_response(&c->v.exchange, m, &sealed))
        return false;
    steps_add(&c->gateway->steps, TIMED_ENCRYPT, since);
    server_answer_bytes(c->request, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(&sealed));
    call_free(c);
    return true;
}

static void answer_sealed(struct call *c, struct http_message *m)
{
    struct idevs_error err;

    if (try_answer(c, m))
        return;
    refuse(&err, "internal", "an answer that cannot be sealed");
    answer_plain(c, &err);
}

static void answer_problem(struct call *c, const struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer body = buffer_up_to(LIMIT_PROBLEM);
    const struct code *code = code_find(err->code);
    struct http_message m = {.status = (uint16_t)(code ? code->http_status : 500)};
    char name[sizeof(err->code)];

    log_refused(c, err);
    snprintf(name, sizeof(name), "%s", err->code);
    if (problem_json(err, &body))
        m.content = buffer_bytes(&body);
    if (!http_add(&m, "content-type", bytes_of_text("application/problem+json")) ||
        !http_add(&m, "idevs-error", bytes_of_text(name)) ||
        (c->v.unprocessed && !http_add(&m, "idevs-processed", bytes_of_text("no"))))
        log_error("a problem without its fields"); /* four of sixty-four: cannot be */
    answer_sealed(c, &m);
}

static void submit(struct call *c, bool (*run)(struct job *, struct store *, struct idevs_error *),
                   void (*done)(struct job *, const struct idevs_error *))
{
    c->job = (struct job){.run = run, .done = done};
    c->since = clock_monotonic_ns();
    worker_submit(c->gateway->worker, &c->job);
}

static struct call *call_of(struct job *job)
{
    return (struct call *)((char *)job - offsetof(struct call, job));
}

static struct call *call_done(struct job *job)
{
    struct call *c = call_of(job);

    steps_add(&c->gateway->steps, TIMED_REMEMBER, c->since);
    return c;
}

/* ---- the gateway's own state ---- */

/* On the store's thread. */
static bool state_run(struct job *job, struct store *store, struct idevs_error *err)
{
    struct call *c = call_of(job);
    bool worked =
        state_request_run(&c->state, store, &c->gateway->memory.vault, c->v.caller->program.id,
                          &c->state_verdict, &c->state_version, &c->stored, err);

    if (worked && c->state_verdict == STATE_REFUSED)
        c->error = *err;
    return worked;
}

static void state_done(struct job *job, const struct idevs_error *failed)
{
    struct call *c = call_done(job);
    struct http_message m = {.status = 200};
    char etag[32];

    fault_point("gateway.state.after-commit");
    if (failed || c->state_verdict == STATE_REFUSED) {
        answer_problem(c, failed ? failed : &c->error);
        return;
    }
    snprintf(etag, sizeof(etag), "\"%" PRId64 "\"", c->state_version);
    if (c->state_verdict == STATE_ABSENT) {
        m.status = 404;
    } else if (!http_add(&m, "etag", bytes_of_text(etag))) {
        m.status = 500;
    } else if (c->state_verdict == STATE_SAVED) {
        m.status = 204;
    } else if (http_add(&m, "content-type", bytes_of_text("application/octet-stream"))) {
        m.content = buffer_bytes(&c->stored);
    }
    answer_sealed(c, &m);
}

static void state_begin(struct call *c)
{
    struct idevs_error err;

    if (state_request_parse(&c->v.message, &c->state, &err))
        submit(c, state_run, state_done);
    else
        answer_problem(c, &err);
}

/* ---- the service ---- */

/* What of the service's answer goes back to the program. */
static bool take_answer(const struct http_message *from, struct http_message *ret)
{
    static const char *const FIELDS[] = {"content-type", "etag", "location", "retry-after"};
    struct bytes value;

    *ret = (struct http_message){.status = from->status, .content = from->content};
    for (size_t i = 0; i < ARRAY_LEN(FIELDS); i++)
        if (http_get(from, FIELDS[i], &value) && !http_add(ret, FIELDS[i], value))
            return false;
    return true;
}

/* Whether an answer is what its idempotency key means from now on. 429 and 503 say by definition
 * that nothing was done and to come again. A service that honours the key carries out nothing
 * twice, so its other failures (5xx) and its own "in progress" (409) may be asked again as well; of
 * any other service a 500 may stand for something that was done. */
static bool answer_is_final(uint16_t status, bool service_honours)
{
    if (status == 429 || status == 503)
        return false;
    return !service_honours || (status < 500 && status != 409);
}

static struct ledger_key ledger_key(const struct call *c)
{
    return (struct ledger_key){c->v.caller->program.id, c->key};
}

/* On the store's thread, all four. */
static bool begin_run(struct job *job, struct store *store, struct idevs_error *err)
{
    struct call *c = call_of(job);
    struct ledger_key key = ledger_key(c);
    bool worked = ledger_begin(&c->gateway->ledger, store, &key, c->digest, clock_unix(),
                               &c->ledger_verdict, &c->stored, err);

    if (worked && c->ledger_verdict == LEDGER_REFUSED)
        c->error = *err;
    return worked;
}

static bool finish_run(struct job *job, struct store *store, struct idevs_error *err)
{
    struct call *c = call_of(job);
    struct ledger_key key = ledger_key(c);

    return ledger_finish(&c->gateway->ledger, store, &key, buffer_bytes(&c->stored), err);
}

static bool release_run(struct job *job, struct store *store, struct idevs_error *err)
{
    struct ledger_key key = ledger_key(call_of(job));

    return ledger_release(store, &key, err);
}

static bool lost_run(struct job *job, struct store *store, struct idevs_error *err)
{
    struct ledger_key key = ledger_key(call_of(job));

    return ledger_lost(store, &key, err);
}

static void answer_stored(struct call *c)
{
    struct http_message m;
    struct idevs_error err;

    if (bhttp_decode_response(buffer_bytes(&c->stored), &m)) {
        answer_sealed(c, &m);
        return;
    }
    refuse(&err, "state.unusable", "a stored response that cannot be read");
    answer_problem(c, &err);
}

/* The intent is released or given up; `error` is the answer, or the stored answer is. */
static void settled(struct job *job, const struct idevs_error *failed)
{
    struct call *c = call_done(job);

    if (failed)
        log_refusal(IDEVS_ERROR, "an intent stays as it was", failed);
    if (c->error.code[0])
        answer_problem(c, &c->error);
    else
        answer_stored(c);
}

static void finished(struct job *job, const struct idevs_error *failed)
{
    struct call *c = call_done(job);

    fault_point("gateway.after-result");
    if (!failed) {
        answer_stored(c);
        return;
    }
    /* The service did it, and the program shall hear its answer; who asks again hears that the
     * outcome is unknown. */
    log_refusal(IDEVS_ERROR, "a result cannot be stored", failed);
    submit(c, lost_run, settled);
}

/* A refusal instead of an answer; `maybe_done`: the service may have carried it out. */
static void forward_failed(struct call *c, const struct idevs_error *err, bool maybe_done)
{
    c->error = *err;
    if (c->once)
        submit(c, maybe_done ? lost_run : release_run, settled);
    else
        answer_problem(c, &c->error);
}

static void forward_answered(struct call *c, const struct http_message *message)
{
    struct http_message answer;
    struct idevs_error err;
    bool good = take_answer(message, &answer) && answer.status >= 200 && answer.status <= 599;

    if (good && !c->once && try_answer(c, &answer))
        return;
    if (!good || !c->once || !bhttp_encode_response(&answer, &c->stored)) {
        refuse(&err, "service.status", "an answer that HTTP does not allow");
        forward_failed(c, &err, true);
    } else if (answer_is_final(answer.status, c->gateway->ledger.service_honours)) {
        submit(c, finish_run, finished);
    } else {
        submit(c, release_run, settled);
    }
}

/* A read may always be asked again, so it is told what happened. A write that may have arrived is
 * told that nobody knows; never that it did not happen. */
static void forward_done(const struct client_response *response, void *context)
{
    struct call *c = context;
    struct idevs_error err = response->error;

    c->upstream = NULL;
    turn_over(&c->gateway->turns, &c->turn);
    steps_add(&c->gateway->steps, TIMED_FORWARD, c->since);
    fault_point("gateway.after-forward");
    if (!err.code[0]) {
        c->v.unprocessed = false;
        forward_answered(c, &response->message);
        return;
    }
    c->v.unprocessed = !response->sent;
    if (response->sent && error_is(&err, "service.unreachable") &&
        !method_is_read(c->v.message.method))
        refuse(&err, "outcome.unknown", "a service that took the request and did not answer");
    forward_failed(c, &err, response->sent);
}

/* The request as the service sees it: what was signed, and what the gateway itself verified. The
 * relay's own fields never get here. */
static bool forward_message(const struct call *c, struct http_message *ret)
{
    const struct http_message *from = &c->v.message;
    const struct caller *caller = c->v.caller;
    struct bytes value;

    *ret =
        (struct http_message){.method = from->method, .path = from->path, .content = from->content};
    if (http_get(from, "content-type", &value) && !http_add(ret, "content-type", value))
        return false;
    if (c->once && !http_add(ret, "idempotency-key", bytes_of_text(c->key)))
        return false;
    if (caller->cert_chain.len &&
        !http_add(ret, "client-cert-chain", buffer_bytes(&caller->cert_chain)))
        return false;
    return http_add(ret, "client-cert", buffer_bytes(&caller->cert)) &&
           http_add(ret, "idevs-program", bytes_of_text(caller->program.id));
}

static void forward_turn(struct turn *turn, bool late)
{
    struct call *c = (struct call *)((char *)turn - offsetof(struct call, turn));
    struct gateway *g = c->gateway;
    struct http_message m;
    struct idevs_error err;

    if (late) {
        refuse(&err, "service.unreachable", "no connection to it became free");
        forward_failed(c, &err, false);
    } else if (!forward_message(c, &m)) {
        turn_over(&g->turns, turn);
        refuse(&err, "internal", "a request with too many fields");
        forward_failed(c, &err, false);
    } else {
        c->upstream = client_send(g->client, g->config->upstream, &m, forward_done, c);
    }
}

static void forward(struct call *c)
{
    struct idevs_error err;

    c->turn.go = forward_turn;
    c->since = clock_monotonic_ns();
    if (!turn_ask(&c->gateway->turns, &c->turn, c->v.caller->program.id, &err))
        forward_failed(c, &err, false);
}

static void begun(struct job *job, const struct idevs_error *failed)
{
    struct call *c = call_done(job);

    fault_point("gateway.after-intent");
    if (failed) {
        answer_problem(c, failed);
        return;
    }
    switch (c->ledger_verdict) {
    case LEDGER_FORWARD:
        buffer_clear(&c->stored);
        c->error = (struct idevs_error){0}; /* of a try that was rolled back */
        forward(c);
        return;
    case LEDGER_REPLAY:
        answer_stored(c);
        return;
    default:
        /* An earlier request under this key may have been carried out. */
        c->v.unprocessed = error_is(&c->error, "idempotency.mismatch");
        answer_problem(c, &c->error);
    }
}

static void accepted(struct call *c)
{
    struct bytes key;

    if (path_is_state(c->v.message.path)) {
        state_begin(c);
    } else if (http_get(&c->v.message, "idempotency-key", &key)) {
        c->once = true;
        memcpy(c->key, key.data, key.len); /* verified: a token of at most the limit */
        ledger_digest(&c->v.message, c->digest);
        submit(c, begin_run, begun);
    } else {
        forward(c);
    }
}

void call_begin(struct gateway *g, struct server_request *request)
{
    struct call *c = call_new(g, request);
    struct idevs_error err;
    struct verifier verifier = {
        .authority = g->config->authority,
        .max_body = g->config->max_body,
        .keyring = &g->keyring,
        .policy = &g->config->policy,
        .certificates = g->certificates,
        .claims = g->claims,
        .steps = &g->steps,
    };

    switch (verify_request(&verifier, server_message(request), clock_unix(), &c->v, &err)) {
    case VERDICT_ACCEPTED:
        accepted(c);
        return;
    case VERDICT_SEALED:
        answer_problem(c, &err);
        return;
    default:
        answer_plain(c, &err);
    }
}
