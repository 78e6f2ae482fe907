/* The command line of idevs-ca: a command, then options with a value each, every one known and
 * given at most once. */
#ifndef IDEVS_CA_OPTIONS_H
#define IDEVS_CA_OPTIONS_H

#include "base/error.h"

#include <stdint.h>

enum ca_command {
    CA_HELP = 0,
    CA_ROOT,
    CA_SERVER,
};

/* Unset texts are NULL; they point into argv. */
struct ca_options {
    enum ca_command command;
    const char *out;     /* certificate to make */
    const char *key;     /* private key to make */
    const char *subject; /* of a root */
    const char *ca;      /* issuer's certificate */
    const char *ca_key;  /* issuer's private key */
    const char *host;    /* host[:port] of a service */
    uint32_t days;
};

/* Refuses `usage`. */
bool ca_options_parse(int argc, char **argv, struct ca_options *ret,
                      struct idevs_error *ret_err) _must_check_;

#endif
