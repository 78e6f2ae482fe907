#include "launcher/relay.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/codes.h"
#include "base/fault.h"
#include "base/log.h"
#include "base/text.h"
#include "exchange/keys.h"
#include "launcher/record.h"
#include "net/client.h"
#include "net/server.h"
#include "wire/bhttp.h"
#include "wire/cbor.h"

#include <stdlib.h>

#define GATEWAY_PATH "/.well-known/ohttp-gateway"
#define PROBLEM_TYPE "application/problem+json"

enum call_kind {
    CALL_EXCHANGE, /* the answer's status, type and body */
    CALL_KEYS,     /* the whole answer as Binary HTTP */
    CALL_AUTHORITY,
    CALL_CERTIFICATE, /* as authority, and its chain is noted */
};

/* A request on its way to authority or gateway. */
struct call {
    struct call *next;
    struct relay *relay;
    struct client_call *handle;
    enum call_kind kind;
    uint32_t id;
    size_t charged;
    char peer[LIMIT_FRAME_TARGET + 1]; /* for record and log */
};

struct relay {
    struct relay_options options;
    struct channel *channel;
    struct budget budget;
    uint64_t since_ns; /* of the channel; 0 once the program has spoken */
    struct call *calls;
    size_t n_exchanges; /* in flight */
    size_t n_control;
    char *urls[LIMIT_SERVICES]; /* beside manifest->services */
    bool has_chain;
    int64_t chain_ends;
    struct buffer client_cert; /* RFC 9440 field values of the chain */
    struct buffer client_cert_chain;
};

static void reply_empty(struct relay *r, uint32_t id, int status)
{
    channel_reply(r->channel, id, status, bytes_of(NULL, 0), bytes_of(NULL, 0));
}

static void reply_error(struct relay *r, uint32_t id, const struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PROBLEM);
    const struct code *code = code_find(err->code);
    bool fits = problem_json(err, &b);

    channel_reply(r->channel, id, code ? code->http_status : 500, bytes_of_text(PROBLEM_TYPE),
                  fits ? buffer_bytes(&b) : bytes_of(NULL, 0));
}

/* ---- calls ---- */

static void call_end(struct call *call)
{
    struct relay *r = call->relay;

    for (struct call **at = &r->calls; *at; at = &(*at)->next) {
        if (*at == call) {
            *at = call->next;
            break;
        }
    }
    if (call->kind == CALL_EXCHANGE)
        r->n_exchanges--;
    else
        r->n_control--;
    budget_give(&r->budget, call->charged);
    free(call);
}

/* The chain of the certificate that the authority just issued goes along with every exchange. */
static void note_chain(struct relay *r, const struct http_message *m)
{
    struct chain chain _cleanup_chain_ = {0};
    struct idevs_error err;

    if (m->status != 200)
        return;
    if (!chain_from_pem(m->content, &chain, &err)) {
        log_refusal(IDEVS_WARNING, r->options.name, &err);
        return;
    }
    buffer_clear(&r->client_cert);
    buffer_clear(&r->client_cert_chain);
    r->has_chain = client_cert_encode(&chain, &r->client_cert, &r->client_cert_chain);
    r->chain_ends = INT64_MAX;
    for (size_t i = 0; i < chain.n; i++)
        if (certificate_not_after(chain.at[i]) < r->chain_ends)
            r->chain_ends = certificate_not_after(chain.at[i]);
    if (r->has_chain)
        r->options.events->certificate(m->content, r->options.context);
}

/* The owner learns why there is no certificate: the program, which has none, can tell nobody. */
static void note_refusal(struct relay *r, const struct http_message *m)
{
    struct idevs_error err;

    if (m->status >= 400 && problem_read(m->content, &err))
        r->options.events->refused(&err, r->options.context);
}

static void reply_keys(struct relay *r, uint32_t id, const struct http_message *m)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_MESSAGE);
    struct idevs_error err;

    if (bhttp_encode_response(m, &b)) {
        channel_reply(r->channel, id, 200, bytes_of_text("message/bhttp"), buffer_bytes(&b));
        return;
    }
    refuse(&err, "service.status", "key configurations that are no strict HTTP message");
    reply_error(r, id, &err);
}

static void reply_answer(struct relay *r, uint32_t id, const struct http_message *m)
{
    struct bytes type = {0};

    if (!http_get(m, "content-type", &type) || type.len >= LIMIT_FRAME_TYPE)
        type = bytes_of(NULL, 0);
    channel_reply(r->channel, id, m->status, type, m->content);
}

static void on_answer(const struct client_response *response, void *context)
{
    struct call *call = context;
    struct relay *r = call->relay;
    const struct http_message *m = &response->message;

    call->handle = NULL;
    fault_point("launcher.relay.after-forward");
    if (response->error.code[0]) {
        struct idevs_error err = response->error;
        if (call->kind == CALL_AUTHORITY || call->kind == CALL_CERTIFICATE)
            refuse(&err, "authority.unreachable", "%s", response->error.found);
        reply_error(r, call->id, &err);
    } else {
        record_http(r->options.record, call->peer, "from", m);
        if (call->kind == CALL_CERTIFICATE)
            note_chain(r, m);
        if (call->kind == CALL_CERTIFICATE || call->kind == CALL_AUTHORITY)
            note_refusal(r, m);
        if (call->kind == CALL_EXCHANGE)
            r->options.events->exchanged(r->options.context);
        if (call->kind == CALL_KEYS)
            reply_keys(r, call->id, m);
        else
            reply_answer(r, call->id, m);
    }
    call_end(call);
}

static void call_start(struct relay *r, enum call_kind kind, const struct frame *frame,
                       const char *url, const struct http_message *m)
{
    struct call *call = alloc_zero(1, sizeof(*call));

    call->relay = r;
    call->kind = kind;
    call->id = frame->id;
    memcpy(call->peer, frame->target.data, frame->target.len); /* at most LIMIT_FRAME_TARGET */
    call->charged = frame->body.len;
    budget_force(&r->budget, call->charged);
    call->next = r->calls;
    r->calls = call;
    if (kind == CALL_EXCHANGE)
        r->n_exchanges++;
    else
        r->n_control++;
    record_http(r->options.record, call->peer, "to", m);
    fault_point("launcher.relay.before-forward");
    call->handle = client_send(r->options.client, url, m, on_answer, call);
}

/* ---- what the program may ask ---- */

static bool refuse_busy(const struct relay *r, bool exchange, struct idevs_error *ret_err)
{
    if (exchange && r->n_exchanges > 0)
        return refuse_expecting(ret_err, "launcher.busy", "one exchange at a time",
                                "another exchange is in flight");
    if (!exchange && r->n_control >= LIMIT_CONTROL_CALLS)
        return refuse_expecting(ret_err, "launcher.busy", "fewer requests at a time",
                                "%zu requests are in flight", r->n_control);
    return true;
}

static bool refuse_expired(const struct relay *r, struct idevs_error *ret_err)
{
    if (!r->has_chain)
        return refuse(ret_err, "certificate.expired", "no certificate was issued to this run yet");
    if (clock_unix() >= r->chain_ends)
        return refuse(ret_err, "certificate.expired", "the chain expired %lld s ago",
                      (long long)(clock_unix() - r->chain_ends));
    return true;
}

static void ask_authority(struct relay *r, const struct frame *frame, const char *name)
{
    bool certificate = strcmp(name, "certificate") == 0;
    struct idevs_error err;
    struct http_message m = {.method = bytes_of_text("POST"),
                             .path =
                                 bytes_of_text(certificate ? "/v1/certificates" : "/v1/challenges"),
                             .content = frame->body};

    if (!certificate && strcmp(name, "challenge") != 0)
        refuse(&err, "api.not-found", "authority:%s", name);
    else if (refuse_busy(r, false, &err) &&
             (frame->type.len == 0 || http_add(&m, "content-type", frame->type))) {
        call_start(r, certificate ? CALL_CERTIFICATE : CALL_AUTHORITY, frame,
                   r->options.manifest->authority_url, &m);
        return;
    }
    reply_error(r, frame->id, &err);
}

/* The name's place in the manifest: a program reaches nothing else. */
static bool find_service(const struct relay *r, const char *name, size_t *ret,
                         struct idevs_error *ret_err)
{
    const struct manifest *m = r->options.manifest;

    for (size_t i = 0; i < m->n_services; i++) {
        if (strcmp(m->services[i].name, name) == 0) {
            *ret = i;
            return true;
        }
    }
    return refuse(ret_err, "service.unknown", "%s is not in the manifest", name);
}

static void ask_keys(struct relay *r, const struct frame *frame, const char *name)
{
    struct http_message m = {.method = bytes_of_text("GET"), .path = bytes_of_text(GATEWAY_PATH)};
    struct idevs_error err;
    size_t i;

    if (find_service(r, name, &i, &err) && refuse_busy(r, false, &err))
        call_start(r, CALL_KEYS, frame, r->urls[i], &m);
    else
        reply_error(r, frame->id, &err);
}

static bool exchange_message(const struct relay *r, const struct frame *frame,
                             struct http_message *ret, struct idevs_error *ret_err)
{
    *ret = (struct http_message){.method = bytes_of_text("POST"),
                                 .path = bytes_of_text(GATEWAY_PATH),
                                 .content = frame->body};
    if (!bytes_equal_text(frame->type, OHTTP_REQUEST_TYPE))
        return refuse(ret_err, "exchange.media-type", "%.*s", (int)frame->type.len,
                      (const char *)frame->type.data);
    return http_add(ret, "content-type", frame->type) &&
           http_add(ret, "client-cert", buffer_bytes(&r->client_cert)) &&
           (r->client_cert_chain.len == 0 ||
            http_add(ret, "client-cert-chain", buffer_bytes(&r->client_cert_chain)));
}

static void ask_service(struct relay *r, const struct frame *frame, const char *name)
{
    struct http_message m;
    struct idevs_error err;
    size_t i;

    if (find_service(r, name, &i, &err) && refuse_busy(r, true, &err) && refuse_expired(r, &err) &&
        exchange_message(r, frame, &m, &err))
        call_start(r, CALL_EXCHANGE, frame, r->urls[i], &m);
    else
        reply_error(r, frame->id, &err);
}

static void take_log(struct relay *r, const struct frame *frame, const char *name)
{
    bool owner = strcmp(name, "owner") == 0;
    struct idevs_error err;

    if (!owner && strcmp(name, "open") != 0)
        refuse(&err, "api.not-found", "log:%s", name);
    else if (frame->body.len > (owner ? LIMIT_LOG_SEALED : LIMIT_LOG_LINE))
        refuse(&err, "limit.log", "a line of %zu bytes", frame->body.len);
    else {
        r->options.events->log(owner ? RELAY_LOG_OWNER : RELAY_LOG_OPEN, frame->body,
                               r->options.context);
        reply_empty(r, frame->id, 204);
        return;
    }
    reply_error(r, frame->id, &err);
}

static bool span_name(struct bytes in, char ret[LIMIT_SPAN_NAME])
{
    if (in.len == 0 || in.len >= LIMIT_SPAN_NAME)
        return false;
    memcpy(ret, in.data, in.len);
    ret[in.len] = 0;
    return strlen(ret) == in.len && token_is_valid(ret, LIMIT_SPAN_NAME);
}

static bool take_each_span(struct relay *r, struct bytes body)
{
    struct reader in = reader_of(body);
    size_t n;

    if (!cbor_is_valid(body) || !cbor_get_map(&in, &n) || n > LIMIT_SPANS)
        return false;
    while (n-- > 0) {
        struct bytes text;
        char name[LIMIT_SPAN_NAME];
        uint64_t ns;
        if (!cbor_get_text(&in, &text) || !cbor_get_uint(&in, &ns) || !span_name(text, name))
            return false;
        r->options.events->span(name, ns / 1000, r->options.context);
    }
    return true;
}

static void take_report(struct relay *r, const struct frame *frame, const char *name)
{
    struct idevs_error err;

    if (strcmp(name, "spans") != 0)
        refuse(&err, "api.not-found", "report:%s", name);
    else if (!take_each_span(r, frame->body))
        refuse(&err, "api.field", "spans that are no map of step name to nanoseconds");
    else {
        reply_empty(r, frame->id, 204);
        return;
    }
    reply_error(r, frame->id, &err);
}

static const struct {
    const char *prefix;
    void (*ask)(struct relay *r, const struct frame *frame, const char *name);
} TARGETS[] = {
    {"service:", ask_service}, {"service-keys:", ask_keys}, {"authority:", ask_authority},
    {"log:", take_log},        {"report:", take_report},
};

/* What lies before it is not the program's: exec, or the boot of a guest, and the run-time's own
 * beginning. Seen from here, because clocks of guests are not ours. */
static void note_first_word(struct relay *r)
{
    if (r->since_ns)
        r->options.events->span("start", (clock_monotonic_ns() - r->since_ns) / 1000,
                                r->options.context);
    r->since_ns = 0;
}

static void on_request(const struct frame *frame, void *context)
{
    struct relay *r = context;
    char target[LIMIT_FRAME_TARGET + 1];
    struct idevs_error err;

    note_first_word(r);
    if (frame->target.len > LIMIT_FRAME_TARGET)
        return;
    memcpy(target, frame->target.data, frame->target.len);
    target[frame->target.len] = 0;
    for (size_t i = 0; i < ARRAY_LEN(TARGETS); i++) {
        size_t n = strlen(TARGETS[i].prefix);
        if (strncmp(target, TARGETS[i].prefix, n) == 0) {
            TARGETS[i].ask(r, frame, target + n);
            return;
        }
    }
    refuse(&err, "api.not-found", "%s", target);
    reply_error(r, frame->id, &err);
}

static void on_dropped(uint32_t id, size_t len, void *context)
{
    struct relay *r = context;
    struct idevs_error err;

    refuse(&err, "launcher.busy", "no room for %zu bytes", len);
    reply_error(r, id, &err);
}

static void on_closed(const struct idevs_error *err, void *context)
{
    struct relay *r = context;

    r->options.events->closed(err, r->options.context);
}

struct relay *relay_new(const struct relay_options *options)
{
    static const struct channel_events events = {on_request, on_dropped, on_closed};
    struct relay *r = alloc_zero(1, sizeof(*r));

    r->options = *options;
    r->since_ns = clock_monotonic_ns();
    r->budget = (struct budget){.max = options->run_budget, .parent = options->budget};
    r->client_cert = buffer_up_to(LIMIT_CLIENT_CERT);
    r->client_cert_chain = buffer_up_to(LIMIT_CLIENT_CERT);
    for (size_t i = 0; i < options->manifest->n_services; i++)
        relay_set_url(r, options->manifest->services[i].name, NULL);
    r->channel = channel_new(&(struct channel_options){.base = options->base,
                                                       .fd = options->fd,
                                                       .max_body = options->max_body,
                                                       .budget = &r->budget,
                                                       .record = options->record,
                                                       .name = options->name,
                                                       .events = &events,
                                                       .context = r});
    return r;
}

void relay_free(struct relay *r)
{
    if (!r)
        return;
    for (struct call *call = r->calls, *next; call; call = next) {
        next = call->next;
        if (call->handle)
            client_cancel(call->handle);
        call_end(call);
    }
    channel_free(r->channel);
    for (size_t i = 0; i < LIMIT_SERVICES; i++)
        free(r->urls[i]);
    buffer_free(&r->client_cert);
    buffer_free(&r->client_cert_chain);
    free(r);
}

void relay_set_url(struct relay *r, const char *name, const char *url)
{
    size_t i = 0;

    if (!find_service(r, name, &i, NULL))
        return;
    free(r->urls[i]);
    r->urls[i] = url ? alloc_text(url)
                     : alloc_format("https://%s", r->options.manifest->services[i].authority);
}

void relay_stop(struct relay *r)
{
    channel_stop(r->channel);
}
