#include "peer.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "exchange/attestation.h"
#include "exchange/keys.h"
#include "exchange/request.h"
#include "wire/bhttp.h"
#include "wire/certificate_request.h"
#include "wire/cmw.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#define STATE_PATH "/.well-known/idevs/state/"

int64_t peer_wall_shift;
uint64_t peer_progress_shift_ns;

static int64_t shifted_wall(void)
{
    return clock_unix() + peer_wall_shift;
}

static uint64_t shifted_progress(void)
{
    return TIME_OF_HOST.progress_ns() + peer_progress_shift_ns;
}

static const struct time_source SHIFTED = {shifted_wall, shifted_progress};

struct runtime_options peer_options(const struct peer *p)
{
    return (struct runtime_options){
        .launcher_fd = p->program[0],
        .attester_fd = p->program[1],
        .time = &SHIFTED,
        .attempt_ms = 300,
        .backoff_first_ms = 1,
        .backoff_max_ms = 8,
        .refetch_ms = 0,
    };
}

/* What cannot fail in a test, or the test is worth nothing. */
static void must(bool done)
{
    if (!done)
        abort();
}

/* ---- credentials ---- */

struct issue {
    const char *subject;
    const struct key *key;
    const struct certificate *issuer;
    const struct key *issuer_key;
    int64_t from;
    int64_t to;
    bool is_ca;
    const char *host;
    const char *uri;
};

static struct certificate *issue_for(const struct issue *i, const uint8_t spki[SPKI_LEN])
{
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);
    _cleanup_buffer_ struct buffer cmw = buffer_up_to(64);
    int64_t now = clock_unix();
    struct certificate_fields fields = {
        .subject = i->subject,
        .spki = spki,
        .not_before = i->from ? i->from : now - 60,
        .not_after = i->to ? i->to : now + 3600,
        .is_ca = i->is_ca,
        .path_length = i->issuer ? 0 : 1,
        .client_auth = i->uri != NULL,
        .server_auth = i->host != NULL,
        .host = i->host,
        .uri = i->uri,
    };

    if (i->uri) {
        must(cmw_encode(CMW_EAT_UCS, bytes_of("\xa0", 1), &cmw));
        fields.cmw = buffer_bytes(&cmw);
    }
    must(certificate_make(&fields, i->issuer, i->issuer_key, &der));
    struct certificate *made = certificate_parse(buffer_bytes(&der), NULL);
    must(made != NULL);
    return made;
}

static struct certificate *issue(const struct issue *i)
{
    uint8_t spki[SPKI_LEN];

    key_spki(i->key, spki);
    return issue_for(i, spki);
}

static struct certificate *make_root(const char *subject, struct key **ret_key)
{
    *ret_key = key_generate();
    return issue(&(struct issue){
        .subject = subject, .key = *ret_key, .issuer_key = *ret_key, .is_ca = true});
}

static struct certificate *copy(const struct certificate *c)
{
    return certificate_parse(certificate_der(c), NULL);
}

static void make_service(struct peer *p, struct peer_service *s, const char *name)
{
    char host[64];

    s->name = name;
    snprintf(host, sizeof(host), "%s.example", name);
    snprintf(s->authority, sizeof(s->authority), "%s:8443", host);
    s->key = key_generate();
    s->chain.at[0] = issue(&(struct issue){.subject = name,
                                           .key = s->key,
                                           .issuer = p->services_ca,
                                           .issuer_key = p->services_key,
                                           .host = host});
    s->chain.n = 1;
    s->gateway = x25519_generate();
    s->config.key_id = 1;
    x25519_public(s->gateway, s->config.public_key);
}

static void make_manifest(struct peer *p)
{
    struct manifest *m = &p->manifest;

    *m = (struct manifest){
        .program = "free-ride",
        .every = 1,
        .memory = MIB(64),
        .processes = 1,
        .run_seconds = 5,
        .logs = MANIFEST_LOGS_OWNER,
        .authority_url = "https://authority.example:8440",
        .authority_anchors = {certificate_der(p->root), certificate_der(p->next)},
        .n_authority_anchors = 2,
        .n_services = PEER_SERVICES,
    };
    key_spki(p->root_key, m->owner_spki);
    x25519_public(p->owner, m->owner_seal_key);
    for (size_t i = 0; i < PEER_SERVICES; i++) {
        struct manifest_service *s = &m->services[i];
        snprintf(s->name, sizeof(s->name), "%s", p->services[i].name);
        snprintf(s->authority, sizeof(s->authority), "%s", p->services[i].authority);
        s->anchors[0] = certificate_der(p->services_ca);
        s->n_anchors = 1;
        s->reads = strcmp(s->name, "store") == 0;
        s->writes = !s->reads;
    }
}

void peer_init(struct peer *p)
{
    static const char *const NAMES[] = {"messaging", "store", "transport"};
    int launcher[2];
    int attester[2];

    signal(SIGPIPE, SIG_IGN); /* the program may be gone */
    *p = (struct peer){.life = 3600, .keys_life = LIMIT_KEYS_LIFE};
    peer_wall_shift = 0;
    peer_progress_shift_ns = 0;
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, launcher) == 0);
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester) == 0);
    p->launcher = launcher[0];
    p->attester = attester[0];
    p->program[0] = launcher[1];
    p->program[1] = attester[1];
    pthread_mutex_init(&p->lock, NULL);
    p->root = make_root("root", &p->root_key);
    p->next = make_root("next", &p->next_key);
    p->tier_key = key_generate();
    p->tier = issue(&(struct issue){.subject = "isolated",
                                    .key = p->tier_key,
                                    .issuer = p->root,
                                    .issuer_key = p->root_key,
                                    .is_ca = true});
    p->services_ca = make_root("services", &p->services_key);
    p->owner = x25519_generate();
    for (size_t i = 0; i < PEER_SERVICES; i++)
        make_service(p, &p->services[i], NAMES[i]);
    make_manifest(p);
    p->manifest_cbor = buffer_up_to(LIMIT_MANIFEST);
    p->last_answer = buffer_up_to(MIB(1));
    p->log = buffer_up_to(MIB(1));
    p->spans = buffer_up_to(KIB(8));
    p->state = buffer_up_to(LIMIT_STATE_VALUE);
}

/* ---- frames ---- */

static void send_frame(int fd, const struct frame *frame)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);

    must(frame_encode(frame, &b));
    (void)!write(fd, b.data, b.len);
}

static void reply(int fd, uint32_t id, uint16_t status, const char *type, struct bytes body)
{
    send_frame(fd, &(struct frame){.id = id,
                                   .kind = FRAME_REPLY,
                                   .status = status,
                                   .type = bytes_of_text(type),
                                   .body = body});
}

static void reply_problem(int fd, uint32_t id, uint16_t status, const char *code)
{
    char text[128];

    snprintf(text, sizeof(text), "{\"type\": \"about:blank\", \"code\": \"%s\"}", code);
    reply(fd, id, status, "application/problem+json", bytes_of_text(text));
}

void peer_stop_program(struct peer *p)
{
    send_frame(p->launcher, &(struct frame){.kind = FRAME_EVENT, .target = bytes_of_text("stop")});
}

/* A frame that declares more than any reply may have, and brings it. */
static void reply_oversize(struct peer *p, uint32_t id)
{
    size_t len = LIMIT_CHANNEL_BODY + 1000;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);
    uint8_t *zeros = alloc_zero(len, 1);

    must(frame_encode(
        &(struct frame){.id = id, .kind = FRAME_REPLY, .status = 200, .body = bytes_of(zeros, len)},
        &b));
    (void)!fd_write_all(p->launcher, b.data, b.len);
    free(zeros);
}

/* ---- warden ---- */

static void answer_attester(struct peer *p, const struct frame *frame)
{
    if (bytes_equal_text(frame->target, "manifest")) {
        reply(p->attester, frame->id, 200, MANIFEST_TYPE, buffer_bytes(&p->manifest_cbor));
        return;
    }
    must(frame->body.len == REPORT_DATA_LEN);
    memcpy(p->report_data, frame->body.data, REPORT_DATA_LEN);
    reply(p->attester, frame->id, 200, "application/cmw+cbor", bytes_of_text("evidence"));
}

/* ---- authority ---- */

static bool is_bound_to(const struct peer *p, const uint8_t spki[SPKI_LEN],
                        const struct certificate *anchor)
{
    uint8_t expected[REPORT_DATA_LEN];

    attestation_report_data(spki, p->challenge, certificate_der(anchor), expected);
    return memcmp(expected, p->report_data, sizeof(expected)) == 0;
}

static void certify(struct peer *p, uint32_t id, const uint8_t spki[SPKI_LEN])
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    _cleanup_key_ struct key *other = key_generate();
    int64_t now = clock_unix();
    bool wrong = p->fault == PEER_WRONG_CHAIN;
    bool stale = p->fault == PEER_STALE;
    uint8_t foreign[SPKI_LEN];

    key_spki(other, foreign);
    chain_free(&p->program_chain);
    p->program_chain.at[0] =
        issue_for(&(struct issue){.subject = "free-ride",
                                  .issuer = wrong ? p->services_ca : p->tier,
                                  .issuer_key = wrong ? p->services_key : p->tier_key,
                                  .from = stale ? now - 50 : now,
                                  .to = stale ? now - 1 : now + p->life,
                                  .uri = "spiffe://test.example/program/free-ride"},
                  p->fault == PEER_FOREIGN_KEY ? foreign : spki);
    p->program_chain.at[1] = copy(wrong ? p->services_ca : p->tier);
    p->program_chain.n = 2;
    p->n_certificates++;
    must(chain_to_pem(&p->program_chain, &pem));
    reply(p->launcher, id, 200, "application/pem-certificate-chain", buffer_bytes(&pem));
}

static void answer_certificate(struct peer *p, const struct frame *frame)
{
    struct certificate_request request;
    struct csr csr;
    const struct certificate *anchor = p->fault == PEER_SECOND_ANCHOR ? p->next : p->root;

    must(certificate_request_decode(frame->body, &request));
    must(csr_parse(request.csr, &csr, NULL));
    must(bytes_equal_text(csr.evidence_cmw, "evidence"));
    must(bytes_equal(request.challenge, bytes_of(p->challenge, CHALLENGE_LEN)));
    must(bytes_equal(request.manifest, buffer_bytes(&p->manifest_cbor)));
    if (p->silent_authority > 0) {
        p->silent_authority--;
        reply_problem(p->launcher, frame->id, 503, "authority.unreachable");
    } else if (p->fault == PEER_REFUSES) {
        reply_problem(p->launcher, frame->id, 403, "approval.missing");
    } else if (!is_bound_to(p, csr.spki, anchor)) {
        reply_problem(p->launcher, frame->id, 403, "evidence.freshness");
    } else {
        certify(p, frame->id, csr.spki);
    }
}

/* ---- gateways ---- */

static void answer_keys(struct peer *p, uint32_t id, const struct peer_service *s)
{
    struct signed_keys keys = {0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    const struct peer_service *signer = s;
    struct chain chain _cleanup_chain_ = {.n = 1};

    p->n_key_fetches++;
    if (p->fault == PEER_SWAPPED_KEYS && strcmp(s->name, "store") == 0)
        signer = s + 1;
    chain.at[0] = p->fault == PEER_WRONG_HOST ? issue(&(struct issue){.subject = "other",
                                                                      .key = s->key,
                                                                      .issuer = p->services_ca,
                                                                      .issuer_key = p->services_key,
                                                                      .host = "other.example"})
                                              : copy(signer->chain.at[0]);
    must(signed_keys_make(&signer->config, &chain, signer->key, clock_unix(), p->keys_life, &keys));
    must(bhttp_encode_response(&keys.message, &b));
    reply(p->launcher, id, 200, "message/bhttp", buffer_bytes(&b));
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
        must(version != NULL);
        uint64_t over = strtoull(version + 9, NULL, 10);
        bool again =
            over + 1 == p->state_version && bytes_equal(buffer_bytes(&p->state), m->content);
        if (again)
            p->state_version--;
        if (over != p->state_version) {
            ret->status = 412;
            must(http_add(ret, "idevs-error", bytes_of_text("state.conflict")));
            return;
        }
        buffer_clear(&p->state);
        must(buffer_append_bytes(&p->state, m->content));
        p->state_version++;
    }
    ret->status = put ? 204 : (p->state_version ? 200 : 404);
    ret->content = put ? bytes_of(NULL, 0) : buffer_bytes(&p->state);
    snprintf(etag, size, "\"%llu\"", (unsigned long long)p->state_version);
    if (p->state_version)
        must(http_add(ret, "etag", bytes_of_text(etag)));
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
    must(http_add(ret, "content-type", bytes_of_text("text/plain")));
}

static void make_answer(struct peer *p, const struct peer_step *step, const struct exchange *x,
                        const struct http_message *m, const char *refusal, struct buffer *b)
{
    struct http_message answer = {0};
    char body[KIB(8)];
    char etag[32];
    char date[HTTP_DATE_LEN + 1];

    http_date_format(clock_unix() + p->clock, date);
    must(http_add(&answer, "date", bytes_of_text(date)));
    if (refusal) {
        answer.status = step->status ? (uint16_t)step->status : 403;
        must(http_add(&answer, "idevs-error", bytes_of_text(refusal)));
        answer.content = bytes_of_text(step->problem ? step->problem : "");
        if (step->not_processed)
            must(http_add(&answer, "idevs-processed", bytes_of_text("no")));
    } else if (m->path.len > sizeof(STATE_PATH) &&
               memcmp(m->path.data, STATE_PATH, sizeof(STATE_PATH) - 1) == 0) {
        answer_state(p, m, &answer, etag, sizeof(etag));
    } else {
        answer_service(p, step, m, &answer, body, sizeof(body));
    }
    must(exchange_seal_response(x, &answer, b));
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
    reply(p->launcher, id, 200, OHTTP_RESPONSE_TYPE, bytes_of(junk, sizeof(junk)));
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
        reply_problem(p->launcher, id, 400, step->code);
        break;
    case PEER_ANSWER:
    case PEER_REFUSE:
    case PEER_OLD_ANSWER:
        reply(p->launcher, id, 200, OHTTP_RESPONSE_TYPE, buffer_bytes(shown));
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

static void answer_exchange(struct peer *p, const struct frame *frame, struct peer_service *s)
{
    struct exchange x = {0};
    _cleanup_buffer_ struct buffer plain = buffer_up_to(MIB(16));
    _cleanup_buffer_ struct buffer answer = buffer_up_to(MIB(1));
    const struct peer_step step =
        p->n_exchanges < PEER_STEPS ? p->steps[p->n_exchanges] : (struct peer_step){0};
    struct http_message m;
    struct idevs_error err;

    if (!exchange_open_request(&s->config, s->gateway, frame->body, &x, &plain, &m, &err)) {
        reply_problem(p->launcher, frame->id, 400, err.code);
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
    must(buffer_append_bytes(&p->last_answer, buffer_bytes(&answer)));
    exchange_wipe(&x);
}

/* ---- launcher ---- */

static struct peer_service *named(struct peer *p, struct bytes target, const char *prefix)
{
    size_t n = strlen(prefix);

    if (target.len <= n || memcmp(target.data, prefix, n) != 0)
        return NULL;
    for (size_t i = 0; i < PEER_SERVICES; i++)
        if (bytes_equal_text(bytes_of(target.data + n, target.len - n), p->services[i].name))
            return &p->services[i];
    return NULL;
}

static void answer_log(struct peer *p, const struct frame *frame)
{
    if (bytes_equal_text(frame->target, "log:owner"))
        must(log_open_line(p->owner, p->manifest.program, frame->body, &p->log));
    else
        must(buffer_append_bytes(&p->log, frame->body));
    must(buffer_append_text(&p->log, "\n"));
    p->n_logs++;
    reply(p->launcher, frame->id, 204, "", bytes_of(NULL, 0));
}

static void answer_challenge(struct peer *p, uint32_t id)
{
    random_bytes(p->challenge, sizeof(p->challenge));
    if (p->fault == PEER_MALFORMED)
        (void)!write(p->launcher, "\xff\xff\xff\xff what", 9);
    else
        reply(p->launcher, id, 200, "application/octet-stream",
              bytes_of(p->challenge, p->fault == PEER_SHORT_CHALLENGE ? 16 : CHALLENGE_LEN));
}

static void answer_launcher(struct peer *p, const struct frame *frame)
{
    struct peer_service *keys = named(p, frame->target, "service-keys:");
    struct peer_service *service = named(p, frame->target, "service:");

    if (keys) {
        answer_keys(p, frame->id, keys);
    } else if (service) {
        answer_exchange(p, frame, service);
    } else if (bytes_equal_text(frame->target, "authority:challenge")) {
        answer_challenge(p, frame->id);
    } else if (bytes_equal_text(frame->target, "authority:certificate")) {
        answer_certificate(p, frame);
    } else if (bytes_equal_text(frame->target, "report:spans")) {
        buffer_clear(&p->spans);
        must(buffer_append_bytes(&p->spans, frame->body));
        reply(p->launcher, frame->id, 204, "", bytes_of(NULL, 0));
    } else {
        answer_log(p, frame);
    }
}

/* Reads once and answers every whole frame; false at the end. */
static bool serve(struct peer *p, int fd, struct buffer *in,
                  void (*answer)(struct peer *p, const struct frame *frame))
{
    uint8_t piece[KIB(64)];
    struct frame frame;
    size_t used;
    ssize_t n = read(fd, piece, sizeof(piece));

    if (n <= 0)
        return false;
    must(buffer_append(in, piece, (size_t)n));
    while (frame_decode(buffer_bytes(in), LIMIT_MESSAGE, &frame, &used) == FRAME_DONE) {
        must(frame.kind == FRAME_REQUEST);
        pthread_mutex_lock(&p->lock);
        answer(p, &frame);
        pthread_mutex_unlock(&p->lock);
        buffer_consume(in, used);
    }
    return true;
}

static void *run(void *context)
{
    struct peer *p = context;
    _cleanup_buffer_ struct buffer launcher = buffer_up_to(LIMIT_FRAME);
    _cleanup_buffer_ struct buffer attester = buffer_up_to(LIMIT_FRAME);
    struct pollfd at[] = {{.fd = p->launcher, .events = POLLIN},
                          {.fd = p->attester, .events = POLLIN}};

    while (at[0].fd >= 0 || at[1].fd >= 0) {
        if (poll(at, ARRAY_LEN(at), -1) < 0)
            continue;
        if (at[0].revents && !serve(p, p->launcher, &launcher, answer_launcher))
            at[0].fd = -1;
        if (at[1].revents && !serve(p, p->attester, &attester, answer_attester))
            at[1].fd = -1;
    }
    return NULL;
}

void peer_start(struct peer *p)
{
    must(manifest_encode(&p->manifest, &p->manifest_cbor));
    must(pthread_create(&p->thread, NULL, run, p) == 0);
    p->runs = true;
}

void peer_join(struct peer *p)
{
    if (p->runs)
        pthread_join(p->thread, NULL);
    p->runs = false;
}

void peer_end(struct peer *p)
{
    peer_join(p);
    close(p->launcher);
    close(p->attester);
    for (size_t i = 0; i < PEER_SERVICES; i++) {
        key_free(p->services[i].key);
        chain_free(&p->services[i].chain);
        x25519_free(p->services[i].gateway);
    }
    key_free(p->root_key);
    key_free(p->next_key);
    key_free(p->tier_key);
    key_free(p->services_key);
    certificate_free(p->root);
    certificate_free(p->next);
    certificate_free(p->tier);
    certificate_free(p->services_ca);
    chain_free(&p->program_chain);
    x25519_free(p->owner);
    buffer_free(&p->manifest_cbor);
    buffer_free(&p->last_answer);
    buffer_free(&p->log);
    buffer_free(&p->spans);
    buffer_free(&p->state);
    pthread_mutex_destroy(&p->lock);
}
