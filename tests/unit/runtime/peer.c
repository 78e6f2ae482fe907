#include "peer_private.h"

#include "exchange/attestation.h"
#include "wire/certificate_request.h"
#include "wire/cmw.h"

#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

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

void peer_must(bool done)
{
    if (!done)
        abort();
}

/* ---- credentials ---- */

static struct certificate *issue_for(const struct peer_issue *i, const uint8_t spki[SPKI_LEN])
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
        peer_must(cmw_encode(CMW_EAT_UCS, bytes_of("\xa0", 1), &cmw));
        fields.cmw = buffer_bytes(&cmw);
    }
    peer_must(certificate_make(&fields, i->issuer, i->issuer_key, &der));
    struct certificate *made = certificate_parse(buffer_bytes(&der), NULL);
    peer_must(made != NULL);
    return made;
}

struct certificate *peer_issue(const struct peer_issue *i)
{
    uint8_t spki[SPKI_LEN];

    key_spki(i->key, spki);
    return issue_for(i, spki);
}

static struct certificate *make_root(const char *subject, struct key **ret_key)
{
    *ret_key = key_generate();
    return peer_issue(&(struct peer_issue){
        .subject = subject, .key = *ret_key, .issuer_key = *ret_key, .is_ca = true});
}

struct certificate *peer_copy(const struct certificate *c)
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
    s->chain.at[0] = peer_issue(&(struct peer_issue){.subject = name,
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
    peer_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, launcher) == 0);
    peer_must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester) == 0);
    p->launcher = launcher[0];
    p->attester = attester[0];
    p->program[0] = launcher[1];
    p->program[1] = attester[1];
    pthread_mutex_init(&p->lock, NULL);
    p->root = make_root("root", &p->root_key);
    p->next = make_root("next", &p->next_key);
    p->tier_key = key_generate();
    p->tier = peer_issue(&(struct peer_issue){.subject = "isolated",
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

    peer_must(frame_encode(frame, &b));
    (void)!write(fd, b.data, b.len);
}

void peer_reply(int fd, uint32_t id, uint16_t status, const char *type, struct bytes body)
{
    send_frame(fd, &(struct frame){.id = id,
                                   .kind = FRAME_REPLY,
                                   .status = status,
                                   .type = bytes_of_text(type),
                                   .body = body});
}

void peer_reply_problem(int fd, uint32_t id, uint16_t status, const char *code)
{
    char text[128];

    snprintf(text, sizeof(text), "{\"type\": \"about:blank\", \"code\": \"%s\"}", code);
    peer_reply(fd, id, status, "application/problem+json", bytes_of_text(text));
}

void peer_stop_program(struct peer *p)
{
    send_frame(p->launcher, &(struct frame){.kind = FRAME_EVENT, .target = bytes_of_text("stop")});
}

/* ---- warden ---- */

static void answer_attester(struct peer *p, const struct frame *frame)
{
    if (bytes_equal_text(frame->target, "manifest")) {
        peer_reply(p->attester, frame->id, 200, MANIFEST_TYPE, buffer_bytes(&p->manifest_cbor));
        return;
    }
    peer_must(frame->body.len == REPORT_DATA_LEN);
    memcpy(p->report_data, frame->body.data, REPORT_DATA_LEN);
    peer_reply(p->attester, frame->id, 200, "application/cmw+cbor", bytes_of_text("evidence"));
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
        issue_for(&(struct peer_issue){.subject = "free-ride",
                                       .issuer = wrong ? p->services_ca : p->tier,
                                       .issuer_key = wrong ? p->services_key : p->tier_key,
                                       .from = stale ? now - 50 : now,
                                       .to = stale ? now - 1 : now + p->life,
                                       .uri = "spiffe://test.example/program/free-ride"},
                  p->fault == PEER_FOREIGN_KEY ? foreign : spki);
    p->program_chain.at[1] = peer_copy(wrong ? p->services_ca : p->tier);
    p->program_chain.n = 2;
    p->n_certificates++;
    peer_must(chain_to_pem(&p->program_chain, &pem));
    peer_reply(p->launcher, id, 200, "application/pem-certificate-chain", buffer_bytes(&pem));
}

static void answer_certificate(struct peer *p, const struct frame *frame)
{
    struct certificate_request request;
    struct csr csr;
    const struct certificate *anchor = p->fault == PEER_SECOND_ANCHOR ? p->next : p->root;

    peer_must(certificate_request_decode(frame->body, &request));
    peer_must(csr_parse(request.csr, &csr, NULL));
    peer_must(bytes_equal_text(csr.evidence_cmw, "evidence"));
    peer_must(bytes_equal(request.challenge, bytes_of(p->challenge, CHALLENGE_LEN)));
    peer_must(bytes_equal(request.manifest, buffer_bytes(&p->manifest_cbor)));
    if (p->silent_authority > 0) {
        p->silent_authority--;
        peer_reply_problem(p->launcher, frame->id, 503, "authority.unreachable");
    } else if (p->fault == PEER_REFUSES) {
        peer_reply_problem(p->launcher, frame->id, 403, "approval.missing");
    } else if (!is_bound_to(p, csr.spki, anchor)) {
        peer_reply_problem(p->launcher, frame->id, 403, "evidence.freshness");
    } else {
        certify(p, frame->id, csr.spki);
    }
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
        peer_must(log_open_line(p->owner, p->manifest.program, frame->body, &p->log));
    else
        peer_must(buffer_append_bytes(&p->log, frame->body));
    peer_must(buffer_append_text(&p->log, "\n"));
    p->n_logs++;
    peer_reply(p->launcher, frame->id, 204, "", bytes_of(NULL, 0));
}

static void answer_challenge(struct peer *p, uint32_t id)
{
    random_bytes(p->challenge, sizeof(p->challenge));
    if (p->fault == PEER_MALFORMED)
        (void)!write(p->launcher, "\xff\xff\xff\xff what", 9);
    else
        peer_reply(p->launcher, id, 200, "application/octet-stream",
                   bytes_of(p->challenge, p->fault == PEER_SHORT_CHALLENGE ? 16 : CHALLENGE_LEN));
}

static void answer_launcher(struct peer *p, const struct frame *frame)
{
    struct peer_service *keys = named(p, frame->target, "service-keys:");
    struct peer_service *service = named(p, frame->target, "service:");

    if (keys) {
        peer_answer_keys(p, frame->id, keys);
    } else if (service) {
        peer_answer_exchange(p, frame, service);
    } else if (bytes_equal_text(frame->target, "authority:challenge")) {
        answer_challenge(p, frame->id);
    } else if (bytes_equal_text(frame->target, "authority:certificate")) {
        answer_certificate(p, frame);
    } else if (bytes_equal_text(frame->target, "report:spans")) {
        buffer_clear(&p->spans);
        peer_must(buffer_append_bytes(&p->spans, frame->body));
        peer_reply(p->launcher, frame->id, 204, "", bytes_of(NULL, 0));
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
    peer_must(buffer_append(in, piece, (size_t)n));
    while (frame_decode(buffer_bytes(in), LIMIT_MESSAGE, &frame, &used) == FRAME_DONE) {
        peer_must(frame.kind == FRAME_REQUEST);
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
    peer_must(manifest_encode(&p->manifest, &p->manifest_cbor));
    peer_must(pthread_create(&p->thread, NULL, run, p) == 0);
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
