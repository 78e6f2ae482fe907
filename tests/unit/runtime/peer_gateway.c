/* The gateways of the peer's services. */
#include "peer_private.h"

#include "base/alloc.h"
#include "base/fd.h"
#include "exchange/keys.h"
#include "exchange/request.h"
#include "wire/bhttp.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define STATE_PATH "/.well-known/idevs/state/"

/* A frame that declares more than any reply may have, and brings it. */
static void reply_oversize(struct peer *p, uint32_t id)
{
    size_t len = LIMIT_CHANNEL_BODY + 1000;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);
    uint8_t *zeros = alloc_zero(len, 1);

    peer_must(frame_encode(
        &(struct frame){.id = id, .kind = FRAME_REPLY, .status = 200, .body = bytes_of(zeros, len)},
        &b));
    (void)!fd_write_all(p->launcher, b.data, b.len);
    free(zeros);
}

void peer_answer_keys(struct peer *p, uint32_t id, const struct peer_service *s)
{
    struct signed_keys keys = {0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    const struct peer_service *signer = s;
    struct chain chain _cleanup_chain_ = {.n = 1};

    p->n_key_fetches++;
    if (p->fault == PEER_SWAPPED_KEYS && strcmp(s->name, "store") == 0)
        signer = s + 1;
    chain.at[0] = p->fault == PEER_WRONG_HOST
                      ? peer_issue(&(struct peer_issue){.subject = "other",
                                                        .key = s->key,
                                                        .issuer = p->services_ca,
                                                        .issuer_key = p->services_key,
                                                        .host = "other.example"})
                      : peer_copy(signer->chain.at[0]);
    peer_must(
        signed_keys_make(&signer->config, &chain, signer->key, clock_unix(), p->keys_life, &keys));
    peer_must(bhttp_encode_response(&keys.message, &b));
    peer_reply(p->launcher, id, 200, "message/bhttp", buffer_bytes(&b));
    signed_keys_free(&keys);
}

static void copy_bytes(struct bytes in, char *ret, size_t size)
{
    snprintf(ret, size, "%.*s", (int)in.len, (const char *)in.data);
}

static void note(struct peer *p, const struct exchange *x, const struct http_message *m)
{
    struct peer_seen *seen = &p->seen[p->n_exchanges % PEER_SEEN];
    struct bytes key;

    *seen = (struct peer_seen){0};
    copy_bytes(m->method, seen->method, sizeof(seen->method));
    copy_bytes(m->path, seen->path, sizeof(seen->path));
    copy_bytes(m->content, seen->body, sizeof(seen->body));
    if (http_get(m, "idempotency-key", &key))
        copy_bytes(key, seen->key, sizeof(seen->key));
    memcpy(seen->enc, x->enc, HPKE_ENC_LEN);
    certificate_sha256(p->program_chain.at[0], seen->keyid);
}

/* The gateway's own state: one value under any name. */
static void answer_state(struct peer *p, const struct http_message *m, struct http_message *ret,
                         char *etag, size_t size)
{
    bool put = bytes_equal_text(m->method, "PUT");
    char path[256];

    copy_bytes(m->path, path, sizeof(path));
    if (put) {
        const char *version = strstr(path, "?version=");
        peer_must(version != NULL);
        uint64_t over = strtoull(version + 9, NULL, 10);
        bool again =
            over + 1 == p->state_version && bytes_equal(buffer_bytes(&p->state), m->content);
        if (again)
            p->state_version--;
        if (over != p->state_version) {
            ret->status = 412;
            peer_must(http_add(ret, "idevs-error", bytes_of_text("state.conflict")));
            return;
        }
        buffer_clear(&p->state);
        peer_must(buffer_append_bytes(&p->state, m->content));
        p->state_version++;
    }
    ret->status = put ? 204 : (p->state_version ? 200 : 404);
    ret->content = put ? bytes_of(NULL, 0) : buffer_bytes(&p->state);
    snprintf(etag, size, "\"%llu\"", (unsigned long long)p->state_version);
    if (p->state_version)
        peer_must(http_add(ret, "etag", bytes_of_text(etag)));
}

static void answer_service(const struct peer *p, const struct peer_step *step,
                           const struct http_message *m, struct http_message *ret, char *body,
                           size_t size)
{
    char method[16];
    char path[256];
    char content[1024];

    copy_bytes(m->method, method, sizeof(method));
    copy_bytes(m->path, path, sizeof(path));
    copy_bytes(m->content, content, sizeof(content));
    ret->status = 200;
    if (p->answer)
        ret->status = (uint16_t)p->answer(method, path, content, body, size);
    else
        snprintf(body, size, "%s %s %s", method, path, content);
    if (step->status)
        ret->status = (uint16_t)step->status;
    ret->content = bytes_of_text(body);
    peer_must(http_add(ret, "content-type", bytes_of_text("text/plain")));
}

static void make_answer(struct peer *p, const struct peer_step *step, const struct exchange *x,
                        const struct http_message *m, const char *refusal, struct buffer *b)
{
    struct http_message answer = {0};
    char body[KIB(8)];
    char etag[32];
    char date[HTTP_DATE_LEN + 1];

    http_date_format(clock_unix() + p->clock, date);
    peer_must(http_add(&answer, "date", bytes_of_text(date)));
    if (refusal) {
        answer.status = step->status ? (uint16_t)step->status : 403;
        peer_must(http_add(&answer, "idevs-error", bytes_of_text(refusal)));
        answer.content = bytes_of_text(step->problem ? step->problem : "");
        if (step->not_processed)
            peer_must(http_add(&answer, "idevs-processed", bytes_of_text("no")));
    } else if (m->path.len > sizeof(STATE_PATH) &&
               memcmp(m->path.data, STATE_PATH, sizeof(STATE_PATH) - 1) == 0) {
        answer_state(p, m, &answer, etag, sizeof(etag));
    } else {
        answer_service(p, step, m, &answer, body, sizeof(body));
    }
    peer_must(exchange_seal_response(x, &answer, b));
}

/* What the gateway makes of a request: NULL, or the code under which it refuses. */
static const char *verify(struct peer *p, const struct peer_service *s, const struct exchange *x,
                          const struct http_message *m, struct idevs_error *err)
{
    static char code[48];

    if (exchange_verify_request(x, m, s->authority, p->program_chain.at[0], clock_unix() + p->clock,
                                err))
        return NULL;
    snprintf(code, sizeof(code), "%s", err->code);
    return code;
}

static void reply_garbage(struct peer *p, uint32_t id)
{
    uint8_t junk[300];

    random_bytes(junk, sizeof(junk));
    peer_reply(p->launcher, id, 200, OHTTP_RESPONSE_TYPE, bytes_of(junk, sizeof(junk)));
}

static void deliver(struct peer *p, uint32_t id, const struct peer_step *step,
                    const struct buffer *answer, const struct buffer *before)
{
    const struct buffer *shown = step->action == PEER_OLD_ANSWER ? before : answer;

    switch (step->action) {
    case PEER_STOP_AND_PLAIN:
        peer_stop_program(p);
        __attribute__((fallthrough));
    case PEER_PLAIN:
    case PEER_PLAIN_AFTER:
        peer_reply_problem(p->launcher, id, 400, step->code);
        break;
    case PEER_ANSWER:
    case PEER_REFUSE:
    case PEER_OLD_ANSWER:
        peer_reply(p->launcher, id, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(shown));
        break;
    case PEER_GARBAGE:
        reply_garbage(p, id);
        break;
    case PEER_OVERSIZE:
        reply_oversize(p, id);
        break;
    case PEER_CLOSE:
        shutdown(p->launcher, SHUT_RDWR);
        break;
    case PEER_SILENT:
        break;
    }
}

void peer_answer_exchange(struct peer *p, const struct frame *frame, struct peer_service *s)
{
    struct exchange x = {0};
    _cleanup_buffer_ struct buffer plain = buffer_up_to(MIB(16));
    _cleanup_buffer_ struct buffer answer = buffer_up_to(MIB(1));
    const struct peer_step step =
        p->n_exchanges < PEER_STEPS ? p->steps[p->n_exchanges] : (struct peer_step){0};
    struct http_message m;
    struct idevs_error err;

    if (!exchange_open_request(&s->config, s->gateway, frame->body, &x, &plain, &m, &err)) {
        peer_reply_problem(p->launcher, frame->id, 400, err.code);
        return;
    }
    note(p, &x, &m);
    bool turned_away = step.action == PEER_PLAIN || step.action == PEER_STOP_AND_PLAIN ||
                       step.action == PEER_SILENT;
    const char *refusal = step.action == PEER_REFUSE ? step.code : NULL;
    struct peer_step how = step;
    if (!refusal && (refusal = verify(p, s, &x, &m, &err)) != NULL)
        how.not_processed = true;
    p->seen[p->n_exchanges % PEER_SEEN].carried_out = !refusal && !turned_away;
    p->n_exchanges++;
    if (!turned_away)
        make_answer(p, &how, &x, &m, refusal, &answer);
    deliver(p, frame->id, &step, &answer, &p->last_answer);
    buffer_clear(&p->last_answer);
    peer_must(buffer_append_bytes(&p->last_answer, buffer_bytes(&answer)));
    exchange_wipe(&x);
}
