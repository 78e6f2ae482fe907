/* authority.yaml. */
#ifndef IDEVS_AUTHORITY_CONFIG_H
#define IDEVS_AUTHORITY_CONFIG_H

#include "base/limits.h"
#include "document/yaml.h"

/* Texts belong to `document`. */
struct config {
    struct yaml *document;
    const char *listen;                     /* host:port */
    const char *certificate;                /* PEM chain for TLS */
    const char *key;                        /* PEM */
    const char *state;                      /* the directory that `init` made */
    const char *tpm_roots[LIMIT_TPM_FILES]; /* PEM: makers of TPMs that platforms may have */
    size_t n_tpm_roots;
    const char *tpm_intermediates[LIMIT_TPM_FILES]; /* PEM: what they certify TPMs with */
    size_t n_tpm_intermediates;
    const char *signer; /* program; NULL: idevs-signer beside this one */
};

/* Refuses `config.syntax`, `file.*`. */
bool config_load(const char *path, struct config *ret, struct idevs_error *ret_err) _must_check_;
void config_free(struct config *c);
#define _cleanup_config_ _cleanup_(config_free)

#endif
