#include "authority/serve.h"
#include "authority/api.h"
#include "authority/config.h"
#include "authority/folder.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "crypto/tls.h"
#include "sandbox/sandbox.h"

#include <event2/event.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

struct daemon {
    struct config config;
    struct issuer issuer;
    struct api api;
    struct event_base *base;
    struct ssl_ctx_st *tls;
    struct server *server;
    struct event *signals[2];
    struct event *signer_watch;
    bool signer_lost;
};

static void daemon_free(struct daemon *d)
{
    server_free(d->server);
    lists_free(&d->api.lists);
    for (size_t i = 0; i < ARRAY_LEN(d->signals); i++)
        if (d->signals[i])
            event_free(d->signals[i]);
    if (d->signer_watch)
        event_free(d->signer_watch);
    if (d->base)
        event_base_free(d->base);
    tls_context_free(d->tls);
    issuer_free(&d->issuer);
    config_free(&d->config);
}
#define _cleanup_daemon_ _cleanup_(daemon_free)

/* ---- events ---- */

static void on_drained(void *context)
{
    event_base_loopbreak(((struct daemon *)context)->base);
}

static void on_signal(int signal_number, short what, void *context)
{
    struct daemon *d = context;

    (void)signal_number;
    (void)what;
    log_info("draining");
    server_drain(d->server, LIMIT_AUTHORITY_DRAIN_TIME, on_drained, d);
}

static void lose_signer(void *context)
{
    struct daemon *d = context;

    d->signer_lost = true;
    event_base_loopexit(d->base, NULL); /* after the answer under way */
}

/* It speaks only when asked, and asking waits for the answer. */
static void on_signer(int fd, short what, void *context)
{
    (void)fd;
    (void)what;
    lose_signer(context);
}

static bool watch(struct daemon *d, struct idevs_error *ret_err)
{
    d->signals[0] = evsignal_new(d->base, SIGTERM, on_signal, d);
    d->signals[1] = evsignal_new(d->base, SIGINT, on_signal, d);
    d->signer_watch =
        event_new(d->base, d->issuer.signer.socket, EV_READ | EV_PERSIST, on_signer, d);
    if (!d->signals[0] || !d->signals[1] || !d->signer_watch ||
        event_add(d->signals[0], NULL) != 0 || event_add(d->signals[1], NULL) != 0 ||
        event_add(d->signer_watch, NULL) != 0)
        return refuse(ret_err, "internal", "no events");
    return true;
}

/* ---- start ---- */

/* idevs-signer in the folder of this program. */
static char *default_signer(void)
{
    char self[PATH_MAX];
    ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

    self[n > 0 ? n : 0] = 0;
    char *slash = strrchr(self, '/');
    return alloc_format("%.*sidevs-signer", slash ? (int)(slash - self) + 1 : 0, self);
}

static bool read_makers(const struct config *config, struct endorsements *makers,
                        struct idevs_error *ret_err)
{
    for (size_t i = 0; i < config->n_tpm_roots + config->n_tpm_intermediates; i++) {
        bool root = i < config->n_tpm_roots;
        const char *path =
            root ? config->tpm_roots[i] : config->tpm_intermediates[i - config->n_tpm_roots];
        _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_BUNDLE);
        if (!file_read(path, &pem, ret_err) ||
            !(root ? endorsements_add_roots(makers, buffer_bytes(&pem), ret_err)
                   : endorsements_add(makers, "intermediates", buffer_bytes(&pem), ret_err)))
            return false;
    }
    return true;
}

static bool open_state(struct daemon *d, struct idevs_error *ret_err)
{
    _cleanup_text_ char *database = folder_database(d->config.state);
    _cleanup_text_ char *signer =
        d->config.signer ? alloc_text(d->config.signer) : default_signer();

    if (!issuer_load(&d->issuer, d->config.state, ret_err) ||
        !read_makers(&d->config, &d->issuer.tpm_makers, ret_err))
        return false;
    d->issuer.registry = registry_open(database, ret_err);
    d->issuer.challenges = challenges_new();
    return d->issuer.registry && signer_start(signer, d->config.state, &d->issuer.signer, ret_err);
}

static bool open_tls(struct daemon *d, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer chain = buffer_up_to(LIMIT_PEM_CHAIN);
    _cleanup_buffer_ struct buffer key = buffer_up_to(LIMIT_PEM_KEY);

    if (!file_read(d->config.certificate, &chain, ret_err) ||
        !file_read(d->config.key, &key, ret_err))
        return false;
    d->tls = tls_server_context(buffer_bytes(&chain), buffer_bytes(&key), false, ret_err);
    return d->tls != NULL;
}

static bool listen_on(struct daemon *d, struct idevs_error *ret_err)
{
    struct server_options options = {
        .listen = d->config.listen,
        .tls = d->tls,
        .max_body = LIMIT_CERTIFICATE_REQUEST,
        .handler = api_handle,
        .context = &d->api,
    };

    d->api = (struct api){
        .issuer = &d->issuer,
        .submissions = {LIMIT_SUBMISSIONS_PER_SECOND, LIMIT_SUBMISSIONS_BURST, 0},
        .signer_lost = lose_signer,
        .context = d,
    };
    d->base = event_base_new();
    if (!d->base)
        return refuse(ret_err, "internal", "no event loop");
    d->server = server_start(d->base, &options, ret_err);
    return d->server != NULL;
}

/* From here on: the database, the sockets that are open, and new connections on them. The signing
 * keys cannot be opened any more. */
static bool enter_sandbox(const struct daemon *d, struct idevs_error *ret_err)
{
    _cleanup_text_ char *database = folder_database_folder(d->config.state);
    const struct sandbox profile = {
        .name = "idevs-authority",
        .calls = SANDBOX_FILES | SANDBOX_NETWORK,
        .write = {database},
    };

    return sandbox_enter(&profile, ret_err);
}

bool serve(const char *config_path, struct idevs_error *ret_err)
{
    _cleanup_daemon_ struct daemon d = {.issuer = {.signer = {-1}}};

    signal(SIGPIPE, SIG_IGN);
    if (!config_load(config_path, &d.config, ret_err) || !open_state(&d, ret_err) ||
        !open_tls(&d, ret_err) || !listen_on(&d, ret_err) || !watch(&d, ret_err) ||
        !enter_sandbox(&d, ret_err))
        return false;
    log_info("serving %s on port %u", d.config.listen, server_port(d.server));
    event_base_dispatch(d.base);
    if (d.signer_lost)
        return refuse(ret_err, "signer.unreachable", "the signer ended");
    return true;
}
