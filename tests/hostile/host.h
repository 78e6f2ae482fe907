/* The stage for attacks on a start: the real idevs-authority with its signer, the real
 * idevs-warden, the real gateway of the store, and a real program (programs/probe.c) in a
 * compartment. The test is the launcher: it speaks to the warden's socket and holds the program's
 * channel (relay.h), so that hooks see `authority:challenge`, `authority:certificate` and all the
 * rest on their way.
 *
 * As root only, and not under a sanitizer: elsewhere the tests are skipped. */
#ifndef IDEVS_TESTS_HOSTILE_HOST_H
#define IDEVS_TESTS_HOSTILE_HOST_H

#include "attack.h"
#include "relay.h"

#include "../authority/station.h"

#include "wire/warden.h"

/* What the warden said last. */
struct warden_said {
    uint64_t kind;
    uint64_t id;
    uint64_t number;
    char code[48]; /* of a refusal, or of the end of a run */
    char detail[128];
    int fd; /* -1: none */
};

struct host {
    struct station station; /* the authority's folder, opened beside the daemon: owner, approvals */
    char url[64];           /* of the authority */
    unsigned authority_port;
    char ca_file[128];
    pid_t authority;
    pid_t warden;
    pid_t launcher; /* the real one, where it is what is attacked */
    unsigned launcher_port;
    char socket_path[100];
    int sock;       /* the launcher's connection to the warden; -1: none */
    int executable; /* the probe */
    struct manifest manifest;
    struct buffer manifest_cbor;
    struct x25519_key *owner; /* logs are sealed to it */
};
extern struct host host;

/* Around each test. host_begin() enrols the platform and approves the probe with the manifest. */
int host_begin(void **state);
/* The authority alone, with an owner, an enrolled platform and an approved program (station.h):
 * needs no root. */
int host_begin_authority(void **state);
int host_end(void **state);
/* Beside the authority: idevs-launcher for the station's owner, without a warden. */
void host_start_launcher(void);
/* The probe opens, reads, writes and ends, all of it attested. */
void host_control(void);

/* Ends the test as skipped where compartments cannot be. */
void host_skip_unless_possible(void);

/* After a change of the manifest: encodes and, when `approved`, has the owner approve it with the
 * probe. */
void host_set_manifest(bool approved);

/* A new connection in host.sock. */
bool host_connect_to_warden(void);
/* To the warden: asks with up to two descriptors; what it says next, false when it closed. */
void warden_asks(struct bytes message, const int *fds, size_t n_fds);
bool warden_says(struct warden_said *ret);
/* Asks to run `executable` with the manifest as it stands. */
void warden_run(int executable, struct warden_said *ret);

/* Runs the probe behind `relay`, whose hooks are set before, to its end. The code with which the
 * program ended: "" for success, what refused it (programs/codes.h), or the warden's. */
const char *host_runs_probe(void);
/* The same, and that the program refused by itself, as the row says. */
void probe_refuses(const struct attack *this);
/* The code of the last problem that the authority answered, as the relay carried it. */
const char *authority_said(void);
/* What the program logged, one line each. */
const char *probe_logged(void);

#endif
