#include "relay.h"

#include "base/fd.h"
#include "exchange/attestation.h"
#include "net/client.h"
#include "net/server.h"
#include "wire/bhttp.h"
#include "wire/certificate_request.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

/* What cannot fail in a test, or the test is worth nothing. Assertions belong to the test's own
 * thread. */
static void must(bool done)
{
    if (!done)
        abort();
}

/* ---- for hooks ---- */

bool passing_is(const struct passing *p, const char *target)
{
    return strcmp(p->target, target) == 0;
}

void passing_reply(struct passing *p, uint16_t status, const char *type, struct bytes body)
{
    p->invented = true;
    p->status = status;
    snprintf(p->type, sizeof(p->type), "%s", type);
    buffer_clear(&p->reply);
    must(buffer_append_bytes(&p->reply, body));
}

void passing_problem(struct passing *p, uint16_t status, const char *code)
{
    char text[128];

    snprintf(text, sizeof(text), "{\"type\":\"about:blank\",\"code\":\"%s\"}", code);
    passing_reply(p, status, "application/problem+json", bytes_of_text(text));
}

void relay_frame(struct relay *r, const struct frame *frame)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);

    must(frame_encode(frame, &b));
    (void)!fd_write_all(r->channel, b.data, b.len); /* the program may be gone */
}

/* ---- warden and authority, honest ---- */

static void answer_attester(struct relay *r, struct passing *p)
{
    (void)r;
    if (passing_is(p, "manifest"))
        passing_reply(p, 200, MANIFEST_TYPE, buffer_bytes(&r->manifest_cbor));
    else
        passing_reply(p, 200, "application/cmw+cbor", bytes_of_text("evidence"));
}

static void certify(struct relay *r, struct passing *p)
{
    const struct actor_program_fields fields = {
        .also = WORLD_BESIDE, .not_before = clock_unix(), .not_after = clock_unix() + 3600};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    struct certificate_request request;
    struct csr csr;

    must(certificate_request_decode(buffer_bytes(&p->body), &request) &&
         csr_parse(request.csr, &csr, NULL));
    actor_program_free(&r->certified);
    actor_program_certify(&r->certified, csr.spki, &store.tier, &fields, clock_unix());
    r->n_certificates++;
    must(chain_to_pem(&r->certified.chain, &pem));
    passing_reply(p, 200, "application/pem-certificate-chain", buffer_bytes(&pem));
}

/* ---- the real authority ---- */

/* The chain that passes by is attached to what the program sends, as a launcher does. */
static void keep_certificate(struct relay *r, struct bytes pem)
{
    struct actor_program p = {.cert = buffer_up_to(2 * LIMIT_CHAIN_BYTES),
                              .cert_chain = buffer_up_to(2 * LIMIT_CHAIN_BYTES)};

    must(chain_from_pem(pem, &p.chain, NULL) &&
         client_cert_encode(&p.chain, &p.cert, &p.cert_chain));
    actor_program_free(&r->certified);
    r->certified = p;
    r->n_certificates++;
}

static void note_problem(struct relay *r, struct bytes body)
{
    struct idevs_error err = {0};

    snprintf(r->authority_code, sizeof(r->authority_code), "%s",
             problem_read(body, &err) ? err.code : "");
}

static void ask_authority(struct relay *r, const char *path, const char *type, struct passing *p)
{
    const struct client_options options = {.ca_file = r->authority_ca};
    struct http_message m = {.method = bytes_of_text("POST"),
                             .path = bytes_of_text(path),
                             .content = buffer_bytes(&p->body)};
    struct bytes got = {0};
    _cleanup_buffer_ struct buffer storage = buffer_up_to(MIB(1));
    struct http_message answer;
    struct idevs_error err;
    char text[LIMIT_FRAME_TYPE] = "";

    must(!type || http_add(&m, "content-type", bytes_of_text(type)));
    if (!client_fetch(&options, r->authority_url, &m, &storage, &answer, &err)) {
        passing_problem(p, 503, err.code);
        return;
    }
    if (http_get(&answer, "content-type", &got))
        snprintf(text, sizeof(text), "%.*s", (int)got.len, (const char *)got.data);
    passing_reply(p, answer.status, text, answer.content);
    if (answer.status != 200)
        note_problem(r, answer.content);
    else if (type)
        keep_certificate(r, answer.content);
}

static void read_log(struct relay *r, struct passing *p)
{
    if (r->owner && passing_is(p, "log:owner"))
        must(log_open_line(r->owner, r->owners_program, buffer_bytes(&p->body), &r->log) &&
             buffer_append_text(&r->log, "\n"));
    passing_reply(p, 204, "", bytes_of(NULL, 0)); /* logs and spans */
}

/* ---- gateways ---- */

static struct world *service_of(const struct passing *p)
{
    const char *name = strchr(p->target, ':');

    must(name != NULL);
    return strcmp(name, ":store") == 0 ? &store : &transport;
}

static void fetch(struct world *w, const struct http_message *m, bool as_bhttp, struct passing *p)
{
    const struct client_options options = {.ca_file = w->ca_file};
    _cleanup_buffer_ struct buffer storage = buffer_up_to(MIB(1));
    _cleanup_buffer_ struct buffer bhttp = buffer_up_to(MIB(1));
    struct http_message answer;
    struct bytes type = {0};
    struct idevs_error err;

    if (!client_fetch(&options, w->url, m, &storage, &answer, &err)) {
        passing_problem(p, 503, err.code);
        return;
    }
    if (as_bhttp) {
        must(bhttp_encode_response(&answer, &bhttp));
        passing_reply(p, 200, "message/bhttp", buffer_bytes(&bhttp));
        return;
    }
    char text[LIMIT_FRAME_TYPE] = "";
    if (http_get(&answer, "content-type", &type))
        snprintf(text, sizeof(text), "%.*s", (int)type.len, (const char *)type.data);
    passing_reply(p, answer.status, text, answer.content);
}

static bool starts(const struct passing *p, const char *prefix)
{
    return strncmp(p->target, prefix, strlen(prefix)) == 0;
}

void relay_carry(struct relay *r, struct passing *p)
{
    static const uint8_t challenge[CHALLENGE_LEN];
    const struct http_message get = {.method = bytes_of_text("GET"),
                                     .path = bytes_of_text("/.well-known/ohttp-gateway")};

    if (starts(p, "service:")) {
        const struct http_message outer = actor_outer(&r->certified, buffer_bytes(&p->body));
        fetch(service_of(p), &outer, false, p);
    } else if (starts(p, "service-keys:")) {
        fetch(service_of(p), &get, true, p);
    } else if (r->authority_url && passing_is(p, "authority:challenge")) {
        ask_authority(r, "/v1/challenges", NULL, p);
    } else if (r->authority_url && passing_is(p, "authority:certificate")) {
        ask_authority(r, "/v1/certificates", CERTIFICATE_REQUEST_TYPE, p);
    } else if (passing_is(p, "authority:challenge")) {
        passing_reply(p, 200, "application/octet-stream", bytes_of(challenge, sizeof(challenge)));
    } else if (passing_is(p, "authority:certificate")) {
        certify(r, p);
    } else {
        read_log(r, p);
    }
}

/* ---- frames ---- */

static unsigned count(struct relay *r, const char *target)
{
    for (size_t i = 0; i < RELAY_TARGETS; i++) {
        if (!r->counts[i].target[0])
            snprintf(r->counts[i].target, sizeof(r->counts[i].target), "%s", target);
        if (strcmp(r->counts[i].target, target) == 0)
            return r->counts[i].n++;
    }
    abort();
}

unsigned relay_count(const struct relay *r, const char *target)
{
    for (size_t i = 0; i < RELAY_TARGETS; i++)
        if (strcmp(r->counts[i].target, target) == 0)
            return r->counts[i].n;
    return 0;
}

static void hand_back(int fd, const struct passing *p)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);
    const struct frame reply = {.id = p->id,
                                .kind = FRAME_REPLY,
                                .status = p->status,
                                .type = bytes_of_text(p->type),
                                .body = buffer_bytes(&p->reply)};

    must(frame_encode(&reply, &b));
    (void)!fd_write_all(fd, b.data, b.len);
}

static void pass(struct relay *r, int fd, const struct frame *frame)
{
    struct passing p = {
        .id = frame->id, .body = buffer_up_to(LIMIT_FRAME), .reply = buffer_up_to(LIMIT_FRAME)};

    snprintf(p.target, sizeof(p.target), "%.*s", (int)frame->target.len,
             (const char *)frame->target.data);
    must(buffer_append_bytes(&p.body, frame->body));
    if (fd == r->attester) {
        answer_attester(r, &p);
    } else {
        p.n = count(r, p.target);
        if (r->forth)
            r->forth(r, &p);
        if (!p.invented)
            relay_carry(r, &p);
        if (r->back)
            r->back(r, &p);
    }
    if (!p.silent)
        hand_back(fd, &p);
    buffer_free(&p.body);
    buffer_free(&p.reply);
}

/* Reads once and passes every whole frame on; false at the end. */
static bool serve(struct relay *r, int fd, struct buffer *in)
{
    uint8_t piece[KIB(64)];
    struct frame frame;
    size_t used;
    ssize_t n = read(fd, piece, sizeof(piece));

    if (n <= 0)
        return false;
    must(buffer_append(in, piece, (size_t)n));
    while (frame_decode(buffer_bytes(in), LIMIT_MESSAGE, &frame, &used) == FRAME_DONE) {
        pass(r, fd, &frame);
        buffer_consume(in, used);
    }
    return true;
}

static void *run(void *context)
{
    struct relay *r = context;
    _cleanup_buffer_ struct buffer launcher = buffer_up_to(LIMIT_FRAME);
    _cleanup_buffer_ struct buffer attester = buffer_up_to(LIMIT_FRAME);
    struct pollfd at[] = {{.fd = r->channel, .events = POLLIN},
                          {.fd = r->attester, .events = POLLIN}};

    while (at[0].fd >= 0 || at[1].fd >= 0) {
        if (poll(at, ARRAY_LEN(at), -1) < 0)
            continue;
        if (at[0].revents && !serve(r, r->channel, &launcher))
            at[0].fd = -1;
        if (at[1].revents && !serve(r, r->attester, &attester))
            at[1].fd = -1;
    }
    return NULL;
}

/* ---- life ---- */

void relay_add_service(struct manifest *m, const char *name, const struct world *w)
{
    struct manifest_service *s = &m->services[m->n_services++];

    *s = (struct manifest_service){.reads = true, .writes = true};
    snprintf(s->name, sizeof(s->name), "%s", name);
    snprintf(s->authority, sizeof(s->authority), "%s", w->authority);
    s->anchors[s->n_anchors++] = certificate_der(w->service_ca.certificate);
}

void relay_init(struct relay *r)
{
    int launcher[2];
    int attester[2];

    *r = (struct relay){.attempt_ms = 20000,
                        .time = &TIME_OF_HOST,
                        .manifest_cbor = buffer_up_to(LIMIT_MANIFEST),
                        .log = buffer_up_to(MIB(1))};
    must(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, launcher) == 0 &&
         socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, attester) == 0);
    r->channel = launcher[0];
    r->attester = attester[0];
    r->program[0] = launcher[1];
    r->program[1] = attester[1];
    r->manifest = (struct manifest){
        .program = "free-ride",
        .memory = MIB(64),
        .processes = 1,
        .run_seconds = 60,
        .authority_url = "https://authority.example:8440",
        .authority_anchors = {certificate_der(store.tier.certificate)},
        .n_authority_anchors = 1,
    };
    memset(r->manifest.owner_spki, 0x30, sizeof(r->manifest.owner_spki));
    memset(r->manifest.owner_seal_key, 9, sizeof(r->manifest.owner_seal_key));
    relay_add_service(&r->manifest, "store", &store);
    if (transport.service_runs)
        relay_add_service(&r->manifest, "transport", &transport);
}

/* From here on the program's ends are the program's. */
static void begin(struct relay *r)
{
    must(pthread_create(&r->thread, NULL, run, r) == 0);
    r->runs = true;
    r->program[0] = r->program[1] = -1;
}

struct idevs *relay_open(struct relay *r, struct idevs_error *err)
{
    const struct runtime_options options = {.launcher_fd = r->program[0],
                                            .attester_fd = r->program[1],
                                            .time = r->time,
                                            .attempt_ms = r->attempt_ms,
                                            .backoff_first_ms = 1,
                                            .backoff_max_ms = 8,
                                            .refetch_ms = 0};

    must(manifest_encode(&r->manifest, &r->manifest_cbor));
    begin(r);
    return runtime_open(&options, err);
}

void relay_attach(struct relay *r, int channel)
{
    fd_close(&r->channel);
    fd_close(&r->attester);
    fd_close(&r->program[0]);
    fd_close(&r->program[1]);
    r->channel = channel;
    begin(r);
}

void relay_wait(struct relay *r)
{
    if (r->runs)
        pthread_join(r->thread, NULL);
    r->runs = false;
}

void relay_end(struct relay *r)
{
    relay_wait(r);
    fd_close(&r->program[0]); /* where nobody took them */
    fd_close(&r->program[1]);
    fd_close(&r->channel);
    fd_close(&r->attester);
    buffer_free(&r->manifest_cbor);
    buffer_free(&r->log);
    actor_program_free(&r->certified);
}

/* ---- the program under attack ---- */

struct relay relay;
struct idevs *program;
struct idevs_reply program_reply;

int relay_begin(void **state)
{
    stage_begin(state);
    relay_init(&relay);
    return 0;
}

int relay_finish(void **state)
{
    idevs_close(program);
    program = NULL;
    relay_end(&relay);
    return stage_end(state);
}

void program_opens(void)
{
    struct idevs_error err = {0};

    program = relay_open(&relay, &err);
    if (!program)
        fail_msg("%s: %s", err.code, err.found);
}

int program_writes(const char *service)
{
    return idevs_write(program, service, "/count", "application/json", "{}", 2, &program_reply);
}

void program_reads(const char *path, const char *body)
{
    assert_int_equal(idevs_read(program, "store", path, &program_reply), 0);
    assert_string_equal((const char *)program_reply.body, body);
}

void relay_control(void)
{
    program_opens();
    assert_int_equal(program_writes("store"), 0);
    assert_int_equal(program_reply.status, 201);
    assert_string_equal((const char *)program_reply.body, "1");
    assert_int_equal(fake_service_count(&store.service), 1);
}

void program_refused(const struct attack *this)
{
    attack_refused(this, RUNTIME, idevs_last_error(program)->code);
}
