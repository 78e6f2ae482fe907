#include "runtime/call.h"
#include "exchange/request.h"
#include "runtime/credentials.h"
#include "runtime/problem.h"
#include "runtime/service.h"

#include <stdio.h>

/* Overhead of sealing, Binary HTTP and signature fields over the content. */

/* What one sending came to. */
enum outcome {
    OUTCOME_UNKNOWN = 0, /* nothing that can be believed */
    OUTCOME_ANSWERED,
    OUTCOME_NOT_DONE, /* certainly not carried out: any call may be sent again */
    OUTCOME_REFUSED,  /* by ourselves: repeating mends nothing */
};

void call_answer_free(struct call_answer *a)
{
    buffer_free(&a->plain);
    *a = (struct call_answer){0};
}

/* ---- one sending ---- */

struct sending {
    struct exchange exchange;
    int64_t created;  /* of the signature, on the gateway's clock as we know it */
    uint64_t sent_ns; /* progress */
};

static void sending_wipe(struct sending *s)
{
    exchange_wipe(&s->exchange);
}

static bool fill_message(const struct call *call, struct http_message *ret)
{
    *ret = (struct http_message){
        .method = bytes_of_text(call->method),
        .scheme = bytes_of_text("https"),
        .authority = bytes_of_text(call->service->as->authority),
        .path = bytes_of_text(call->path),
        .content = call->content,
    };
    if (call->content_type && !http_add(ret, "content-type", bytes_of_text(call->content_type)))
        return false;
    return !call->idempotency_key ||
           http_add(ret, "idempotency-key", bytes_of_text(call->idempotency_key));
}

static bool seal(struct idevs *ip, const struct call *call, struct sending *s, struct buffer *b,
                 struct idevs_error *ret_err)
{
    struct http_message message;
    struct exchange_signer signer = {.key = ip->credentials.key};
    struct spans spans = {0};

    memcpy(signer.keyid, ip->credentials.keyid, SHA256_LEN);
    s->created = timekeeper_now(&ip->time) + call->service->offset;
    if (!fill_message(call, &message) ||
        !exchange_seal_request(&call->service->keys, &signer, &message, s->created, &spans,
                               &s->exchange, b))
        return refuse(ret_err, "http.body-too-large", "a request with %zu bytes of body",
                      call->content.len);
    runtime_note_spans(ip, &spans);
    return true;
}

/* The gateway's clock, and with it whether our signature can ever have been in its window. */
static bool learn_clock(struct idevs *ip, const struct call *call, const struct sending *s,
                        const struct http_message *answer)
{
    uint64_t elapsed = timekeeper_progress_ns(&ip->time) - s->sent_ns;
    struct time_exchange x = {.received = timekeeper_now(&ip->time)};
    char date[HTTP_DATE_LEN + 1] = "";
    struct bytes value;

    if (!http_get(answer, "date", &value) || value.len != HTTP_DATE_LEN)
        return false;
    memcpy(date, value.data, HTTP_DATE_LEN);
    if (!http_date_parse(date, &x.date))
        return false;
    x.sent = x.received - (int64_t)((elapsed + NS_PER_SECOND - 1) / NS_PER_SECOND);
    call->service->offset = time_offset(call->service->offset, &x);
    return time_was_over(s->created + LIMIT_SIGNATURE_LIFE, &x);
}

/* Refusals that may pass; all others are answers. */
static const struct passing {
    const char *code;
    bool claimed; /* said after the request was claimed: of a claimed request there is one answer */
    bool doubt;   /* another certificate than ours came beside the request */
} PASSING[] = {
    {"certificate.expired", false, true}, {"certificate.key", false, true},
    {"disk.full", false, false},          {"exchange.claimed", false, false},
    {"exchange.full", false, false},      {"idempotency.in-progress", true, false},
    {"internal", false, false},           {"request.date", false, false},
    {"service.unreachable", true, false},
};

static bool is_write(const struct call *call)
{
    return call->idempotency_key || !call->repeatable;
}

/* A gateway that lost a service's answer says that nobody knows. Asked again under the same key it
 * forwards again if the service honours the key, and otherwise says the same: so not for ever. Nor
 * does a refusal prove anything that a second delivery, with another certificate beside it, gets
 * after the first was carried out: asked again, the key brings the stored answer. */

static bool may_ask_again(struct call *call)
{
    return call->idempotency_key && call->n_unknown++ < LIMIT_UNKNOWN_REPEATS;
}

static const struct passing *find_passing(struct bytes code)
{
    for (size_t i = 0; i < ARRAY_LEN(PASSING); i++)
        if (bytes_equal_text(code, PASSING[i].code))
            return &PASSING[i];
    return NULL;
}

/* What a sealed refusal of the gateway lets us do. */
static enum outcome judge_refusal(struct idevs *ip, struct call *call, const struct call_answer *a,
                                  bool was_over)
{
    const struct passing *passing = find_passing(a->refusal);

    if (bytes_equal_text(a->refusal, "request.signature") || (passing && passing->doubt))
        credentials_doubt(ip);
    if (!passing)
        return !is_write(call) || a->not_processed || !may_ask_again(call) ? OUTCOME_ANSWERED
                                                                           : OUTCOME_UNKNOWN;
    if (!a->not_processed)
        return OUTCOME_UNKNOWN;
    return passing->claimed || was_over ? OUTCOME_NOT_DONE : OUTCOME_UNKNOWN;
}

/* A reply without a seal: only a hint what to fetch before the next try. */
static enum outcome judge_unsealed(struct call *call, const struct frame *reply,
                                   struct idevs_error *why)
{
    const char *code = problem_code(reply);

    if (code && (strcmp(code, "exchange.key") == 0 || strcmp(code, "exchange.decrypt") == 0))
        call->service->suspect = true;
    refuse(why, "service.unreachable", "%s: status %u without a seal%s%s", call->service->as->name,
           reply->status, code ? ": " : "", code ? code : "");
    return OUTCOME_UNKNOWN;
}

/* No reply that could be taken. One that was too large would be as large again, so there is no use
 * in repeating; but whoever sent it has only said so, and a write may have been carried out. */
static enum outcome judge_missing(struct call *call, const struct idevs_error *why)
{
    if (!call->repeatable || !error_is(why, "http.body-too-large"))
        return OUTCOME_UNKNOWN;
    call->maybe_done = true;
    return OUTCOME_REFUSED;
}

static void read_refusal(struct call_answer *a)
{
    struct bytes processed;

    if (http_count(&a->message, "idevs-error") == 0)
        return;
    if (!http_get(&a->message, "idevs-error", &a->refusal) || a->refusal.len == 0)
        a->refusal = bytes_of_text("exchange.response"); /* several, or an empty one */
    a->not_processed =
        http_get(&a->message, "idevs-processed", &processed) && bytes_equal_text(processed, "no");
}

static enum outcome open_answer(struct idevs *ip, struct call *call, const struct sending *s,
                                const struct frame *reply, struct call_answer *ret,
                                struct idevs_error *why)
{
    uint64_t since = clock_monotonic_ns();

    if (reply->status != 200 || !bytes_equal_text(reply->type, OHTTP_RESPONSE_TYPE))
        return judge_unsealed(call, reply, why);
    ret->plain = buffer_up_to(LIMIT_CHANNEL_BODY);
    if (!exchange_open_response(&s->exchange, reply->body, &ret->plain, &ret->message, why))
        return OUTCOME_UNKNOWN;
    runtime_span(ip, "decrypt", since);
    bool was_over = learn_clock(ip, call, s, &ret->message);
    read_refusal(ret);
    if (call_accept(call, ret, why))
        return OUTCOME_ANSWERED;
    return judge_refusal(ip, call, ret, was_over);
}

static enum outcome send_once(struct idevs *ip, struct call *call, struct call_answer *ret,
                              struct idevs_error *why)
{
    _cleanup_(sending_wipe) struct sending s = {0};
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_CHANNEL_BODY);
    char target[LIMIT_FRAME_TARGET];
    struct frame reply;

    if (!seal(ip, call, &s, &sealed, why))
        return OUTCOME_REFUSED;
    snprintf(target, sizeof(target), "service:%s", call->service->as->name);
    const struct channel_request request = {
        .target = target,
        .type = OHTTP_REQUEST_TYPE,
        .body = buffer_bytes(&sealed),
    };
    uint64_t since = clock_monotonic_ns();
    s.sent_ns = timekeeper_progress_ns(&ip->time);
    if (!call->maybe_done)
        call->first_sent_ns = s.sent_ns;
    if (!channel_call(&ip->launcher, &request, runtime_attempt_deadline(ip), &reply, why))
        return judge_missing(call, why);
    runtime_span(ip, strcmp(call->method, "GET") == 0 ? "request" : "post", since);
    return open_answer(ip, call, &s, &reply, ret, why);
}

/* ---- until it is answered ---- */

/* Keys and certificate. What fails here was not sent, so it may be repeated for every call. */
static bool prepare(struct idevs *ip, struct call *call, struct backoff *backoff,
                    struct idevs_error *ret_err)
{
    struct idevs_error why;

    for (;;) {
        if (!runtime_may_send(ip, ret_err) || !credentials_ready(ip, ret_err))
            return false;
        if (service_ready(ip, call->service, &why))
            return true;
        if (!runtime_pause(ip, backoff, &why, ret_err))
            return false;
    }
}

/* A key is forgotten some time after the gateway first saw it: a request that is sent again after
 * that would be carried out again. */
static bool key_may_be_forgotten(const struct idevs *ip, const struct call *call)
{
    uint64_t age = timekeeper_progress_ns(&ip->time) - call->first_sent_ns;

    return call->idempotency_key && call->maybe_done && age >= LIMIT_REPEAT_LIFE * NS_PER_SECOND;
}

static bool give_up(const struct call *call, const struct idevs_error *why,
                    struct idevs_error *ret_err)
{
    if (is_write(call) && call->maybe_done)
        return refuse(ret_err, "outcome.unknown", "%s: %s", why->code, why->found);
    *ret_err = *why;
    return false;
}

bool call_carry_out(struct idevs *ip, struct call *call, struct call_answer *ret,
                    struct idevs_error *ret_err)
{
    struct backoff backoff =
        backoff_between(ip->options.backoff_first_ms, ip->options.backoff_max_ms);
    struct idevs_error why = {0};

    for (;;) {
        if (!prepare(ip, call, &backoff, ret_err))
            return false;
        if (key_may_be_forgotten(ip, call))
            return give_up(call, &why, ret_err);
        enum outcome outcome = send_once(ip, call, ret, &why);
        if (outcome == OUTCOME_ANSWERED)
            return true;
        call_answer_free(ret);
        if (outcome == OUTCOME_REFUSED)
            return give_up(call, &why, ret_err);
        call->maybe_done = call->maybe_done || outcome == OUTCOME_UNKNOWN;
        if (call->maybe_done && !call->repeatable)
            return give_up(call, &why, ret_err);
        if (!runtime_pause(ip, &backoff, &why, ret_err))
            return false;
    }
}

bool call_accept(const struct call *call, const struct call_answer *answer,
                 struct idevs_error *ret_err)
{
    char code[sizeof(ret_err->code)] = "exchange.response";
    char found[sizeof(ret_err->found)];
    const char *service = call->service->as->name;
    unsigned status = answer->message.status;

    if (answer->refusal.len == 0)
        return true;
    if (answer->refusal.len < sizeof(code))
        snprintf(code, sizeof(code), "%.*s", (int)answer->refusal.len,
                 (const char *)answer->refusal.data);
    problem_text(answer->message.content, "\"found\"", found, sizeof(found));
    const char *colon = found[0] ? ": " : "";
    /* "Not processed" speaks of this sending, not of those before it. */
    if (is_write(call) && (call->maybe_done || !answer->not_processed))
        return refuse(ret_err, "outcome.unknown",
                      "%s: the gateway of %s refused with status %u%s%s", code, service, status,
                      colon, found);
    return refuse(ret_err, code, "the gateway of %s refused with status %u%s%s", service, status,
                  colon, found);
}
