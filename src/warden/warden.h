/* The warden: measures, confines, attests. One thread, no network, and as few rights as
 * compartments can be made with. It trusts its state folder, its toolchain folder and the kernel;
 * the launcher and whatever runs in compartments are hostile. */
#ifndef IDEVS_WARDEN_WARDEN_H
#define IDEVS_WARDEN_WARDEN_H

#include "attester/attester.h"
#include "base/limits.h"
#include "warden/config.h"
#include "warden/executables.h"
#include "warden/loop.h"
#include "warden/request.h"

struct connection;
struct tpm;
struct run;
struct build;

struct warden {
    struct warden_config config;
    struct key *platform;
    uint8_t platform_id[SHA256_LEN]; /* SHA-256 of its SPKI */
    struct tpm *tpm;                 /* NULL: evidence is signed by the platform key alone */
    struct attester_host host;
    int toolchain; /* folder; -1: nothing is compiled here */
    uint8_t toolchain_digest[SHA256_LEN];
    char *cache;
    struct executables kept;
    struct loop loop;
    struct source listener;
    struct source signals;
    struct connection *connections;
    struct run *runs;
    struct build *builds;
    bool uid_taken[LIMIT_RUNS];
    bool usable[LIMIT_BACK_ENDS]; /* of config.back_ends */
    bool compiler_is_open;        /* beside those */
    uint32_t last_run;
    bool ending;
};

/* Opens state, toolchain and socket, gives up what is not needed (privileges.h), and is ready to
 * serve. Takes the configuration. NULL: refused. */
struct warden *warden_open(struct warden_config *config, struct idevs_error *ret_err);
/* Serves until SIGTERM or SIGINT; then every run is ended. False: the loop broke. */
bool warden_serve(struct warden *w) _must_check_;
void warden_close(struct warden *w); /* takes NULL */

/* A user of the compartments' range that nobody has; false when all are taken. */
bool warden_take_uid(struct warden *w, uid_t *ret, struct idevs_error *ret_err) _must_check_;
void warden_return_uid(struct warden *w, uid_t uid);

#endif
