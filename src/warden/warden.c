#include "warden/warden.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/log.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "warden/back_ends.h"
#include "warden/build.h"
#include "warden/cache.h"
#include "warden/connection.h"
#include "warden/identity.h"
#include "warden/privileges.h"
#include "warden/run.h"
#include "warden/toolchain.h"
#include "warden/tpm.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

bool warden_take_uid(struct warden *w, uid_t *ret, struct idevs_error *ret_err)
{
    for (uint32_t i = 0; i < w->config.uid_count; i++) {
        if (w->uid_taken[i])
            continue;
        w->uid_taken[i] = true;
        *ret = w->config.uid_first + i;
        return true;
    }
    return refuse_expecting(ret_err, "compartment.unavailable", "fewer compartments at a time",
                            "%u compartments", w->config.uid_count);
}

void warden_return_uid(struct warden *w, uid_t uid)
{
    w->uid_taken[uid - w->config.uid_first] = false;
}

/* ---- the socket ---- */

static bool is_served(const struct sockaddr_un *address)
{
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

    return fd >= 0 && connect(fd, (const struct sockaddr *)address, sizeof(*address)) == 0;
}

/* Owned by the launcher's user, for whom alone it opens; who connects is checked again. */
static int listen_on(const char *path, uid_t launcher, struct idevs_error *ret_err)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    size_t n = strlen(path);

    if (n >= sizeof(address.sun_path)) {
        refuse(ret_err, "config.syntax", "a socket path of %zu bytes", n);
        return -1;
    }
    memcpy(address.sun_path, path, n);
    if (is_served(&address)) {
        refuse(ret_err, "port.in-use", "another warden serves %s", path);
        return -1;
    }
    unlink(path); /* of a warden that is gone */
    _cleanup_fd_ int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    mode_t before = umask(0117);
    bool ok = fd >= 0 && bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    umask(before);
    ok = ok && chown(path, launcher, (gid_t)-1) == 0 && listen(fd, LIMIT_WARDEN_CONNECTIONS) == 0;
    if (!ok) {
        refuse_errno(ret_err, "file.unwritable", path);
        return -1;
    }
    int listening = fd;
    fd = -1;
    return listening;
}

static void listener_ready(void *arg, short revents)
{
    struct warden *w = arg;

    (void)revents;
    int fd = accept4(w->listener.fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd >= 0)
        connection_accept(w, fd);
}

/* ---- signals ---- */

static void signals_ready(void *arg, short revents)
{
    struct warden *w = arg;
    struct signalfd_siginfo info;

    (void)revents;
    if (read(w->signals.fd, &info, sizeof(info)) != sizeof(info))
        return;
    log_info("asked to stop");
    w->ending = true;
}

static int take_signals(struct idevs_error *ret_err)
{
    sigset_t set;

    sigemptyset(&set);
    sigaddset(&set, SIGTERM);
    sigaddset(&set, SIGINT);
    signal(SIGPIPE, SIG_IGN);
    int fd = sigprocmask(SIG_BLOCK, &set, NULL) == 0
                 ? signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK)
                 : -1;
    if (fd < 0)
        refuse_errno(ret_err, "internal", "signals");
    return fd;
}

/* ---- opening ---- */

static bool open_state(struct warden *w, struct idevs_error *ret_err)
{
    uint8_t spki[SPKI_LEN];

    w->platform = identity_open(w->config.state, ret_err);
    if (!w->platform)
        return false;
    key_spki(w->platform, spki);
    sha256(bytes_of(spki, sizeof(spki)), w->platform_id);
    if (w->config.tpm && !(w->tpm = warden_tpm_open(&w->config, NULL, ret_err)))
        return false;
    w->cache = alloc_format("%s/cache", w->config.state);
    return cache_open(w->cache, ret_err);
}

static bool open_toolchain(struct warden *w, struct idevs_error *ret_err)
{
    char hex[2 * SHA256_LEN + 1];
    uint64_t began = clock_monotonic_ns();

    if (!w->config.toolchain) {
        log_warning("no toolchain: prepared executables only");
        return true;
    }
    if (!toolchain_verify(w->config.toolchain, w->toolchain_digest, ret_err))
        return false;
    w->toolchain = open(w->config.toolchain, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (w->toolchain < 0)
        return refuse_errno(ret_err, "build.toolchain", w->config.toolchain);
    hex_text(w->toolchain_digest, SHA256_LEN, hex);
    log_info("toolchain %s, verified in %llu ms", hex,
             (unsigned long long)((clock_monotonic_ns() - began) / 1000000));
    return true;
}

static bool open_loop(struct warden *w, struct idevs_error *ret_err)
{
    w->signals = (struct source){
        .fd = take_signals(ret_err), .events = POLLIN, .ready = signals_ready, .arg = w};
    if (w->signals.fd < 0)
        return false;
    w->listener =
        (struct source){.fd = listen_on(w->config.socket, w->config.launcher_uid, ret_err),
                        .events = POLLIN,
                        .ready = listener_ready,
                        .arg = w};
    if (w->listener.fd < 0)
        return false;
    loop_add(&w->loop, &w->signals);
    loop_add(&w->loop, &w->listener);
    return true;
}

struct warden *warden_open(struct warden_config *config, struct idevs_error *ret_err)
{
    struct warden *w = alloc_zero(1, sizeof(*w));

    w->config = *config;
    *config = (struct warden_config){0};
    w->toolchain = -1;
    w->listener.fd = -1;
    w->signals.fd = -1;
    attester_read_host(&w->host);
    if (open_state(w, ret_err) && open_toolchain(w, ret_err) && back_ends_open(w, ret_err) &&
        open_loop(w, ret_err) && privileges_give_up(ret_err))
        return w;
    warden_close(w);
    return NULL;
}

bool warden_serve(struct warden *w)
{
    log_info("serving user %u on %s", (unsigned)w->config.launcher_uid, w->config.socket);
    while (!w->ending)
        if (!loop_turn(&w->loop))
            return false;
    return true;
}

void warden_close(struct warden *w)
{
    if (!w)
        return;
    while (w->connections)
        connection_close(w->connections);
    back_ends_close(w);
    if (w->listener.fd >= 0)
        unlink(w->config.socket);
    fd_close(&w->listener.fd);
    fd_close(&w->signals.fd);
    fd_close(&w->toolchain);
    executables_close(&w->kept);
    tpm_close(w->tpm);
    key_free(w->platform);
    loop_free(&w->loop);
    free_text(&w->cache);
    warden_config_free(&w->config);
    free(w);
}
