/* The warden's configuration file. */
#ifndef IDEVS_WARDEN_CONFIG_H
#define IDEVS_WARDEN_CONFIG_H

#include "base/error.h"
#include "compartment/compartment.h"
#include <sys/types.h>

struct warden_config {
    char *socket;    /* listened on */
    char *state;     /* folder, root's alone: platform key, cache */
    char *toolchain; /* folder made by `idevs-warden toolchain`; NULL: nothing is compiled here */
    char *guest;     /* folder made by `idevs-warden guest`; NULL: no back end `microvm` */
    char *tpm; /* what evidence is quoted by: a device or a socket; NULL: the platform key alone */
    bool tpm_is_socket;
    uint32_t tpm_registers; /* bit N: register N of the SHA-256 bank */
    char *tpm_endorsement;  /* file with its certificate; NULL: the TPM holds it */
    uid_t launcher_uid;
    uid_t uid_first; /* compartments get users uid_first ... uid_first + uid_count - 1 */
    uint32_t uid_count;
    /* That runs may have, the preferred one first. */
    const struct compartment_back_end *back_ends[LIMIT_BACK_ENDS];
    size_t n_back_ends;               /* 1 to all, each once */
    enum compartment_secrecy secrecy; /* of programs' memory; SECRECY_PREFERRED */
};

/* Refuses `config.syntax`, `file.*`. */
bool warden_config_load(const char *path, struct warden_config *ret,
                        struct idevs_error *ret_err) _must_check_;
void warden_config_free(struct warden_config *config);

#endif
