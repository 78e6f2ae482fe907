#include "gateway/gateway.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "base/log.h"
#include "crypto/files.h"
#include "crypto/tls.h"
#include "gateway/service.h"

#include <event2/event.h>
#include <stdlib.h>

#define KEYS_PATH   "/.well-known/ohttp-gateway"
#define HEALTH_PATH "/.well-known/idevs/health"

/* ---- requests ---- */

static void answer_keys(struct gateway *g, struct server_request *request)
{
    struct idevs_error err;
    const struct http_message *answer = keyring_answer(&g->keyring, clock_unix(), &err);

    if (answer) {
        server_answer(request, answer);
        return;
    }
    log_refusal(IDEVS_ERROR, "key configuration", &err);
    server_answer_error(request, &err);
}

static void answer_refusal(struct server_request *request, const char *code, const char *found)
{
    struct idevs_error err;

    refuse(&err, code, "%s", found);
    log_info("refused code=%s program=-", code);
    server_answer_error(request, &err);
}

static void answer_health(struct server_request *request)
{
    static const char HEALTH[] = "{\"status\":\"ok\",\"version\":\"" IDEVS_VERSION "\"}";

    server_answer_bytes(request, 200, "application/json", bytes_of_text(HEALTH));
}

static void on_request(struct server_request *request, void *context)
{
    struct gateway *g = context;
    const struct http_message *m = server_message(request);
    bool is_get = bytes_equal_text(m->method, "GET");

    if (bytes_equal_text(m->path, KEYS_PATH)) {
        if (is_get)
            answer_keys(g, request);
        else if (bytes_equal_text(m->method, "POST"))
            call_begin(g, request);
        else
            answer_refusal(request, "api.method", "neither GET nor POST");
    } else if (!bytes_equal_text(m->path, HEALTH_PATH)) {
        answer_refusal(request, "api.not-found", "another path");
    } else if (is_get) {
        answer_health(request);
    } else {
        answer_refusal(request, "api.method", "not a GET");
    }
}

/* ---- sweeping ---- */

struct sweep {
    struct job job;
    struct gateway *gateway;
    bool more;
};

/* On the store's thread. */
static bool sweep_run(struct job *job, struct store *store, struct idevs_error *err)
{
    return ledger_sweep(store, clock_unix(), &((struct sweep *)job)->more, err);
}

static void sweep_done(struct job *job, const struct idevs_error *failed)
{
    struct sweep *s = (struct sweep *)job;

    if (failed)
        log_refusal(IDEVS_WARNING, "old idempotency keys stay", failed);
    else if (s->more) {
        worker_submit(s->gateway->worker, job);
        return;
    }
    free(s);
}

static void on_sweep(evutil_socket_t fd, short what, void *context)
{
    struct sweep *s = alloc_zero(1, sizeof(*s));

    (void)fd;
    (void)what;
    s->gateway = context;
    s->job.run = sweep_run;
    s->job.done = sweep_done;
    worker_submit(s->gateway->worker, &s->job);
}

/* ---- opening ---- */

static bool read_key(const char *path, struct key **ret, struct idevs_error *err)
{
    *ret = key_from_file(path, err);
    return *ret != NULL;
}

static bool key_belongs(const struct key *key, const struct certificate *certificate,
                        struct idevs_error *err)
{
    return certificate_is_for(certificate, key) ||
           refuse(err, "tls.credentials", "a key that does not belong to the certificate");
}

static bool open_credentials(struct gateway *g, struct idevs_error *err)
{
    const struct gateway_config *config = g->config;

    if (!chain_from_file(config->certificate, &g->service, err) ||
        !read_key(config->key, &g->key, err) || !key_belongs(g->key, g->service.at[0], err))
        return false;
    if (!certificate_names_host(g->service.at[0], config->authority))
        return refuse(err, "certificate.name", "%s: not for %s", config->certificate,
                      config->authority);
    return keyring_open(&g->keyring, &g->service, g->key, clock_unix(), err);
}

static bool open_anchors(struct gateway *g, struct idevs_error *err)
{
    for (size_t i = 0; i < g->config->n_anchors; i++) {
        struct chain *chain = &g->anchors[i];
        if (!chain_from_file(g->config->anchors[i], chain, err))
            return false;
        for (size_t k = 0; k < chain->n; k++)
            g->anchor_der[g->n_anchors++] = certificate_der(chain->at[k]);
    }
    g->certificates = certificates_new(g->config->authority, g->anchor_der, g->n_anchors);
    g->claims = claims_new(LIMIT_CLAIMS);
    return true;
}

static bool open_revocations(struct gateway *g, struct idevs_error *err)
{
    const struct gateway_revocation *config = &g->config->revocation;

    if (config->n_lists == 0)
        return true;
    g->revocations = revocations_new(g->anchor_der, g->n_anchors, config->max_age, err);
    if (!g->revocations)
        return false;
    certificates_heed(g->certificates, g->revocations);
    g->polls = polls_new(g->base, config, g->revocations, err);
    return g->polls != NULL;
}

static bool open_state(struct gateway *g, struct idevs_error *err)
{
    _cleanup_key_ struct key *previous = NULL;

    if (g->config->previous_key && !read_key(g->config->previous_key, &previous, err))
        return false;
    if (!memory_open(g->config->state, g->key, previous, &g->memory, err))
        return false;
    g->ledger = (struct ledger){.vault = &g->memory.vault,
                                .service_honours = g->config->honours_idempotency_key};
    random_bytes(g->ledger.boot, sizeof(g->ledger.boot));
    g->worker = worker_new(g->base, g->memory.store, err);
    g->sweep_timer = event_new(g->base, -1, EV_PERSIST, on_sweep, g);
    return g->worker && g->sweep_timer;
}

static bool open_network(struct gateway *g, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer chain = buffer_up_to(LIMIT_CONFIG);
    _cleanup_buffer_ struct buffer key = buffer_up_to(LIMIT_CONFIG);

    if (!chain_to_pem(&g->service, &chain) || !key_save(g->key, &key))
        return refuse(err, "internal", "credentials that cannot be written as PEM");
    g->tls = tls_server_context(buffer_bytes(&chain), buffer_bytes(&key), false, err);
    if (!g->tls)
        return false;
    struct server_options options = {
        .listen = g->config->listen,
        .tls = g->tls,
        .max_body = sealed_size(g->config->max_body),
        .handler = on_request,
        .context = g,
    };
    g->server = server_start(g->base, &options, err);
    return g->server != NULL;
}

struct gateway *gateway_open(struct event_base *base, const struct gateway_config *config,
                             struct idevs_error *ret_err)
{
    struct gateway *g = alloc_zero(1, sizeof(*g));

    g->config = config;
    g->base = base;
    g->memory.lock_fd = -1;
    if (open_credentials(g, ret_err) && open_anchors(g, ret_err) && open_revocations(g, ret_err) &&
        open_state(g, ret_err) && open_network(g, ret_err))
        return g;
    gateway_free(g);
    return NULL;
}

bool gateway_start(struct gateway *g, struct idevs_error *ret_err)
{
    struct client_options options = {
        .max_body = g->config->max_body,
        .total_ms = (long)g->config->upstream_seconds * 1000,
    };
    struct timeval every = {.tv_sec = LIMIT_SWEEP_EVERY};

    g->turns.patience_ns = (uint64_t)g->config->upstream_seconds * NS_PER_SECOND;
    if (!worker_start(g->worker, ret_err))
        return false;
    g->client = client_new(g->base, &options);
    if (!g->client || event_add(g->sweep_timer, &every) != 0)
        return refuse(ret_err, "internal", "no client or timer");
    if (g->polls && !polls_start(g->polls, ret_err))
        return false;
    on_sweep(-1, 0, g);
    if (!g->polls)
        log_warning(
            "no `revocation` in the configuration: a certificate that its authority revoked "
            "is served until it expires");
    if (!g->config->policy.names_programs)
        log_warning("no `programs` in the configuration: every program whose certificate leads to "
                    "program_anchors is served");
    return true;
}

unsigned gateway_port(const struct gateway *gateway)
{
    return server_port(gateway->server);
}

/* ---- the end ---- */

static void on_drained(void *context)
{
    struct gateway *g = context;

    event_base_loopexit(g->base, NULL);
}

void gateway_drain(struct gateway *g)
{
    if (g->draining)
        return;
    g->draining = true;
    turns_end_waiting(&g->turns); /* there is time for what is at the service only */
    /* As long as the slowest exchange that is allowed. */
    server_drain(g->server, g->config->upstream_seconds + LIMIT_GATEWAY_DRAIN_EXTRA, on_drained, g);
}

void gateway_log_steps(const struct gateway *gateway)
{
    steps_log(&gateway->steps);
}

void gateway_free(struct gateway *g)
{
    if (!g)
        return;
    client_free(g->client);
    polls_free(g->polls);
    worker_free(g->worker); /* its thread works on calls: they are freed after it */
    calls_free(g);
    turns_free(&g->turns);
    if (g->server)
        server_free(g->server);
    if (g->tls)
        tls_context_free(g->tls);
    if (g->sweep_timer)
        event_free(g->sweep_timer);
    memory_close(&g->memory);
    certificates_free(g->certificates);
    revocations_free(g->revocations);
    claims_free(g->claims);
    for (size_t i = 0; i < g->config->n_anchors; i++)
        chain_free(&g->anchors[i]);
    keyring_close(&g->keyring);
    key_free(g->key);
    chain_free(&g->service);
    free(g);
}
