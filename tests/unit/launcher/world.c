#include "world.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/tls.h"
#include "net/client.h"
#include "net/server.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define PATIENCE_NS 20000000000u

/* ---- loop ---- */

void world_until(struct world *w, bool (*done)(const struct world *w, const void *key),
                 const void *key)
{
    uint64_t start = clock_monotonic_ns();

    while (!done(w, key)) {
        if (clock_monotonic_ns() - start > PATIENCE_NS)
            fail_msg("what was waited for did not happen");
        event_base_loop(w->base, EVLOOP_NONBLOCK);
        usleep(200);
    }
}

void world_turn(struct world *w, unsigned milliseconds)
{
    uint64_t start = clock_monotonic_ns();

    while (clock_monotonic_ns() - start < milliseconds * UINT64_C(1000000)) {
        event_base_loop(w->base, EVLOOP_NONBLOCK);
        usleep(200);
    }
}

/* ---- credentials ---- */

static char *path_in(const struct world *w, const char *name)
{
    return alloc_format("%s/%s", w->folder, name);
}

static void write_in(const struct world *w, const char *name, struct bytes data)
{
    _cleanup_text_ char *path = path_in(w, name);
    struct idevs_error err;

    assert_true(file_write(path, data, 0600, &err));
}

static void write_certificate(const struct world *w, const char *name, struct bytes der)
{
    struct chain chain _cleanup_chain_ = {.n = 1};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(64));

    chain.at[0] = certificate_parse(der, NULL);
    assert_non_null(chain.at[0]);
    assert_true(chain_to_pem(&chain, &pem));
    write_in(w, name, buffer_bytes(&pem));
}

static void write_key(const struct world *w, const char *name, const struct key *key)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(KIB(16));

    assert_true(key_save(key, &pem));
    write_in(w, name, buffer_bytes(&pem));
}

/* An owner: key, self-signed certificate, and an entry in the configuration. */
static struct key *make_owner(struct world *w, const char *name, uint8_t ret_spki[SPKI_LEN])
{
    struct key *key = key_generate();
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(16));
    _cleanup_text_ char *key_name = alloc_format("%s.key", name);
    _cleanup_text_ char *certificate_name = alloc_format("%s.pem", name);

    key_spki(key, ret_spki);
    struct certificate_fields fields = {.subject = name,
                                        .spki = ret_spki,
                                        .not_before = clock_unix() - 60,
                                        .not_after = clock_unix() + 3600,
                                        .client_auth = true};
    assert_true(certificate_make(&fields, NULL, key, &der));
    write_certificate(w, certificate_name, buffer_bytes(&der));
    write_key(w, key_name, key);
    sha256(bytes_of(ret_spki, SPKI_LEN), w->config.owners[w->config.n_owners++].spki_sha256);
    return key;
}

static struct client *make_client(struct world *w, const char *name)
{
    _cleanup_text_ char *ca = path_in(w, "ca.pem");
    _cleanup_text_ char *certificate = alloc_format("%s/%s.pem", w->folder, name);
    _cleanup_text_ char *key = alloc_format("%s/%s.key", w->folder, name);
    struct client_options options = {.ca_file = ca, .max_body = LIMIT_EXECUTABLE};

    if (*name) {
        options.certificate = certificate;
        options.key = key;
    }
    return client_new(w->base, &options);
}

static void make_server_credentials(struct world *w)
{
    _cleanup_key_ struct key *ca_key = key_generate();
    _cleanup_key_ struct key *key = key_generate();
    uint8_t spki[SPKI_LEN];
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(16));

    key_spki(ca_key, spki);
    struct certificate_fields ca = {.subject = "test CA",
                                    .spki = spki,
                                    .not_before = clock_unix() - 60,
                                    .not_after = clock_unix() + 7200,
                                    .is_ca = true};
    w->ca_der = buffer_up_to(KIB(16));
    assert_true(certificate_make(&ca, NULL, ca_key, &w->ca_der));
    write_certificate(w, "ca.pem", buffer_bytes(&w->ca_der));
    _cleanup_certificate_ struct certificate *issuer =
        certificate_parse(buffer_bytes(&w->ca_der), NULL);
    key_spki(key, spki);
    struct certificate_fields leaf = {.subject = "test server",
                                      .spki = spki,
                                      .not_before = clock_unix() - 60,
                                      .not_after = clock_unix() + 3600,
                                      .server_auth = true,
                                      .host = "127.0.0.1"};
    assert_true(certificate_make(&leaf, issuer, ca_key, &der));
    write_certificate(w, "server.pem", buffer_bytes(&der));
    write_key(w, "server.key", key);
}

/* ---- authority and gateway ---- */

static void answer_exchange(struct world *w, struct server_request *request)
{
    const struct http_message *m = server_message(request);
    struct bytes field;

    w->n_exchanges++;
    if (http_get(m, "client-cert", &field))
        snprintf(w->client_cert, sizeof(w->client_cert), "%.*s", (int)field.len,
                 (const char *)field.data);
    w->saw_chain = http_get(m, "client-cert-chain", &field);
    if (w->hold)
        w->held = request;
    else
        server_answer_bytes(request, 200, "message/ohttp-res", bytes_of_text("sealed answer"));
}

static void on_peer(struct server_request *request, void *context)
{
    struct world *w = context;
    const struct http_message *m = server_message(request);
    struct http_message keys = {.status = 200, .content = bytes_of_text("keys")};

    if (bytes_equal_text(m->path, "/v1/challenges"))
        server_answer_bytes(request, 200, "application/octet-stream",
                            bytes_of_text("0123456789abcdef0123456789abcdef"));
    else if (bytes_equal_text(m->path, "/v1/certificates"))
        server_answer_bytes(request, 200, "application/pem-certificate-chain",
                            buffer_bytes(&w->program_chain));
    else if (bytes_equal_text(m->method, "GET")) {
        if (http_add(&keys, "content-type", bytes_of_text("application/ohttp-keys")) &&
            http_add(&keys, "signature", bytes_of_text("idevs-keys=:AA==:")))
            server_answer(request, &keys);
    } else
        answer_exchange(w, request);
}

static void start_peer(struct world *w)
{
    _cleanup_text_ char *chain_path = path_in(w, "server.pem");
    _cleanup_text_ char *key_path = path_in(w, "server.key");
    _cleanup_buffer_ struct buffer chain = buffer_up_to(KIB(64));
    _cleanup_buffer_ struct buffer key = buffer_up_to(KIB(64));
    struct idevs_error err;

    assert_true(file_read(chain_path, &chain, &err) && file_read(key_path, &key, &err));
    w->tls = tls_server_context(buffer_bytes(&chain), buffer_bytes(&key), false, &err);
    assert_non_null(w->tls);
    w->peer = server_start(w->base,
                           &(struct server_options){.listen = "127.0.0.1:0",
                                                    .tls = w->tls,
                                                    .max_body = LIMIT_BODY_CEILING,
                                                    .handler = on_peer,
                                                    .context = w},
                           &err);
    assert_non_null(w->peer);
    w->peer_port = server_port(w->peer);
}

/* ---- the world ---- */

static bool warden_is_connected(const struct world *w, const void *key)
{
    (void)key;
    return w->warden >= 0;
}

void world_start_launcher(struct world *w)
{
    struct idevs_error err = {0};

    w->launcher = launcher_start(w->base, &w->config, &err);
    if (!w->launcher)
        fail_msg("%s: %s", err.code, err.found);
    if (w->listener >= 0) {
        world_until(w, warden_is_connected, NULL);
        world_turn(w, 20);
    }
}

void world_kill_launcher(struct world *w)
{
    launcher_free(w->launcher);
    w->launcher = NULL;
    world_turn(w, 20);
}

void world_make(struct world *w)
{
    uint8_t spki[SPKI_LEN];

    *w = (struct world){.listener = -1, .warden = -1, .folder = "/tmp/idevs-launcher-XXXXXX"};
    for (size_t i = 0; i < WORLD_PROGRAMS; i++)
        w->programs[i].fd = -1;
    w->program_chain = buffer_up_to(KIB(64));
    assert_non_null(mkdtemp(w->folder));
    w->base = event_base_new();
    make_server_credentials(w);
    w->owner_key = make_owner(w, "owner", w->owner_spki);
    key_free(make_owner(w, "stranger", spki));
    w->config.listen = alloc_text("127.0.0.1:0");
    w->config.certificate = path_in(w, "server.pem");
    w->config.key = path_in(w, "server.key");
    w->config.ca = path_in(w, "ca.pem");
    w->config.state = path_in(w, "state");
    w->config.warden = path_in(w, "warden.sock");
    w->config.max_body = MIB(1);
    w->config.longest_pause = 30;
    w->config.budget = MIB(16);
    w->owner = make_client(w, "owner");
    w->stranger = make_client(w, "stranger");
    w->nobody = make_client(w, "");
    start_peer(w);
    world_start_warden(w);
    world_start_launcher(w);
}

void world_end(struct world *w)
{
    char command[128];

    launcher_free(w->launcher);
    world_stop_warden(w);
    client_free(w->owner);
    client_free(w->stranger);
    client_free(w->nobody);
    server_free(w->peer);
    tls_context_free(w->tls);
    for (unsigned i = 0; i < w->n_runs; i++)
        buffer_free(&w->programs[i].in);
    buffer_free(&w->ca_der);
    buffer_free(&w->program_chain);
    key_free(w->owner_key);
    config_free(&w->config);
    event_base_free(w->base);
    snprintf(command, sizeof(command), "rm -r %s", w->folder);
    assert_int_equal(system(command), 0);
}

/* ---- owners ---- */

struct asking {
    bool done;
    struct reply reply;
};

static void on_reply(const struct client_response *response, void *context)
{
    struct asking *asking = context;

    asking->done = true;
    if (response->error.code[0])
        fail_msg("no answer: %s: %s", response->error.code, response->error.found);
    asking->reply.status = response->message.status;
    assert_true(buffer_append_bytes(&asking->reply.body, response->message.content));
}

static bool was_answered(const struct world *w, const void *asking)
{
    (void)w;
    return ((const struct asking *)asking)->done;
}

struct reply world_ask_as(struct world *w, struct client *client, const char *method,
                          const char *path, struct bytes body)
{
    struct asking asking = {.reply = {.body = buffer_up_to(LIMIT_EXECUTABLE)}};
    struct http_message m = {
        .method = bytes_of_text(method), .path = bytes_of_text(path), .content = body};
    char url[64];

    snprintf(url, sizeof(url), "https://127.0.0.1:%u", launcher_port(w->launcher));
    client_send(client, url, &m, on_reply, &asking);
    world_until(w, was_answered, &asking);
    asking.reply.json =
        json_loadb((const char *)asking.reply.body.data, asking.reply.body.len, 0, NULL);
    if (json_is_integer(json_object_get(asking.reply.json, "id")))
        snprintf(asking.reply.id, sizeof(asking.reply.id), "%lld",
                 (long long)reply_number(&asking.reply, "id"));
    return asking.reply;
}

struct reply world_ask(struct world *w, const char *method, const char *path, struct bytes body)
{
    return world_ask_as(w, w->owner, method, path, body);
}

struct reply world_ask_text(struct world *w, const char *method, const char *path, const char *body)
{
    return world_ask_as(w, w->owner, method, path, bytes_of_text(body));
}

void reply_free(struct reply *r)
{
    buffer_free(&r->body);
    json_decref(r->json);
}

const char *reply_text(const struct reply *r, const char *key)
{
    const char *text = json_string_value(json_object_get(r->json, key));

    return text ? text : "";
}

int64_t reply_number(const struct reply *r, const char *key)
{
    return json_integer_value(json_object_get(r->json, key));
}

/* ---- programs ---- */

void world_manifest(struct world *w, const char *name, uint32_t every, const uint8_t *owner_spki,
                    struct buffer *b)
{
    struct manifest m = {.every = every,
                         .memory = MIB(64),
                         .processes = 1,
                         .run_seconds = 600,
                         .logs = MANIFEST_LOGS_OWNER,
                         .n_authority_anchors = 1,
                         .n_services = 1};

    snprintf(m.program, sizeof(m.program), "%s", name);
    memcpy(m.owner_spki, owner_spki, sizeof(m.owner_spki));
    memset(m.owner_seal_key, 9, sizeof(m.owner_seal_key));
    snprintf(m.authority_url, sizeof(m.authority_url), "https://127.0.0.1:%u", w->peer_port);
    m.authority_anchors[0] = buffer_bytes(&w->ca_der);
    snprintf(m.services[0].name, sizeof(m.services[0].name), "store");
    snprintf(m.services[0].authority, sizeof(m.services[0].authority), "127.0.0.1:%u",
             w->peer_port);
    m.services[0].anchors[0] = buffer_bytes(&w->ca_der);
    m.services[0].n_anchors = 1;
    m.services[0].reads = true;
    assert_true(manifest_encode(&m, b));
}

void world_put_blob(struct world *w, struct bytes data, char ret_hex[65])
{
    uint8_t digest[32];
    char path[128];

    sha256(data, digest);
    hex_text(digest, sizeof(digest), ret_hex);
    snprintf(path, sizeof(path), "/v1/blobs/%s", ret_hex);
    struct reply r _cleanup_reply_ = world_ask(w, "PUT", path, data);
    assert_true(r.status == 201 || r.status == 200);
}

void world_build(struct world *w, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), "/v1/programs/%s/builds", name);
    struct reply started _cleanup_reply_ = world_ask_text(w, "POST", path, "{}");
    assert_int_equal(started.status, 202);
    snprintf(path, sizeof(path), "/v1/builds/%s?wait=10", started.id);
    struct reply ended _cleanup_reply_ = world_ask_text(w, "GET", path, "");
    assert_int_equal(ended.status, 200);
    assert_string_equal(reply_text(&ended, "state"), "done");
}

void world_add_program(struct world *w, const char *name, uint32_t every)
{
    _cleanup_buffer_ struct buffer manifest = buffer_up_to(LIMIT_MANIFEST);
    char source[65];
    char digest[65];
    char body[512];

    world_manifest(w, name, every, w->owner_spki, &manifest);
    world_put_blob(w, buffer_bytes(&manifest), digest);
    world_put_blob(w, bytes_of_text("int main(void) { return 0; }"), source);
    snprintf(body, sizeof(body), "{\"name\":\"%s\",\"manifest\":\"%s\",\"source\":\"%s\"}", name,
             digest, source);
    struct reply r _cleanup_reply_ = world_ask_text(w, "POST", "/v1/programs", body);
    assert_int_equal(r.status, 201);
    world_build(w, name);
}

static bool has_programs(const struct world *w, const void *key)
{
    return w->n_runs >= *(const unsigned *)key;
}

struct world_program *world_nth_program(struct world *w, unsigned n)
{
    world_until(w, has_programs, &n);
    world_turn(w, 5);
    return &w->programs[n - 1];
}

struct world_program *world_run(struct world *w, const char *name, char ret_id[ID_LEN + 1])
{
    char path[256];
    unsigned n = w->n_runs + 1;

    snprintf(path, sizeof(path), "/v1/programs/%s/runs", name);
    struct reply r _cleanup_reply_ = world_ask_text(w, "POST", path, "{}");
    assert_int_equal(r.status, 201);
    snprintf(ret_id, ID_LEN + 1, "%s", r.id);
    return world_nth_program(w, n);
}

void program_send(struct world_program *p, const void *bytes, size_t len)
{
    assert_int_equal(send(p->fd, bytes, len, MSG_NOSIGNAL | MSG_DONTWAIT), (ssize_t)len);
}

void program_ask(struct world_program *p, uint32_t id, const char *target, const char *type,
                 struct bytes body)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FRAME);

    assert_true(frame_encode(&(struct frame){.id = id,
                                             .kind = FRAME_REQUEST,
                                             .target = bytes_of_text(target),
                                             .type = bytes_of_text(type),
                                             .body = body},
                             &b));
    program_send(p, b.data, b.len);
}

struct getting {
    struct world_program *program;
    struct frame *frame;
    size_t *used;
};

static bool frame_is_there(const struct world *w, const void *key)
{
    const struct getting *g = key;
    uint8_t chunk[4096];
    ssize_t n;
    (void)w;

    while ((n = recv(g->program->fd, chunk, sizeof(chunk), MSG_DONTWAIT)) > 0)
        assert_true(buffer_append(&g->program->in, chunk, (size_t)n));
    return frame_decode(buffer_bytes(&g->program->in), LIMIT_MESSAGE, g->frame, g->used) ==
           FRAME_DONE;
}

struct frame program_get(struct world *w, struct world_program *p)
{
    static struct buffer last = {.max = LIMIT_FRAME};
    struct frame frame;
    size_t used;
    struct getting getting = {p, &frame, &used};

    world_until(w, frame_is_there, &getting);
    buffer_free(&last);
    assert_true(buffer_append(&last, p->in.data, used));
    buffer_consume(&p->in, used);
    assert_int_equal(frame_decode(buffer_bytes(&last), LIMIT_MESSAGE, &frame, &used), FRAME_DONE);
    return frame;
}

void program_certify(struct world *w, struct world_program *p, int64_t not_after)
{
    struct chain chain _cleanup_chain_ = {.n = 2};
    _cleanup_buffer_ struct buffer der = buffer_up_to(KIB(16));
    uint8_t spki[SPKI_LEN];

    key_spki(w->owner_key, spki); /* any key does: the launcher judges none */
    struct certificate_fields fields = {.subject = "program",
                                        .spki = spki,
                                        .not_before = not_after - 600,
                                        .not_after = not_after,
                                        .client_auth = true};
    assert_true(certificate_make(&fields, NULL, w->owner_key, &der));
    chain.at[0] = certificate_parse(buffer_bytes(&der), NULL);
    chain.at[1] = certificate_parse(buffer_bytes(&w->ca_der), NULL);
    buffer_free(&w->program_chain);
    assert_true(chain_to_pem(&chain, &w->program_chain));
    program_ask(p, 77, "authority:certificate", "application/vnd.idevs.certificate-request+cbor",
                bytes_of_text("opaque"));
    struct frame reply = program_get(w, p);
    assert_int_equal(reply.status, 200);
    assert_true(bytes_equal_text(reply.type, "application/pem-certificate-chain"));
    assert_true(bytes_equal(reply.body, buffer_bytes(&w->program_chain)));
}

void world_wait_state(struct world *w, const char *run, const char *state)
{
    char path[128];

    for (int i = 0; i < 200; i++) {
        snprintf(path, sizeof(path), "/v1/runs/%s", run);
        struct reply r _cleanup_reply_ = world_ask_text(w, "GET", path, "");
        assert_int_equal(r.status, 200);
        if (strcmp(reply_text(&r, "state"), state) == 0)
            return;
        world_turn(w, 50);
    }
    fail_msg("run %s did not come to be %s", run, state);
}
