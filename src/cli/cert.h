/* A program's certificate, as commands read it. */
#ifndef IDEVS_CLI_CERT_H
#define IDEVS_CLI_CERT_H

#include "cli/cli.h"
#include "crypto/x509.h"
#include "wire/eat.h"

struct shown {
    struct chain chain;
    struct eat_claims claims; /* the authority's word, once the chain is verified */
    char uri[LIMIT_PROGRAM_URI];
};
void shown_release(struct shown *s);
#define _cleanup_shown_ _cleanup_(shown_release)

/* `what` is a run at the launcher, or a file. Refuses `certificate.malformed`, `file.*`, what the
 * launcher refuses. `ret` is to be released either way. */
bool cert_read(const struct cli *cli, const char *what, struct shown *ret,
               struct idevs_error *ret_err) _must_check_;
/* Whether its chain leads to a certificate of `anchor_file` and is valid now. Refuses
 * `certificate.*`, `file.*`. */
bool cert_verify(const struct shown *s, const char *anchor_file,
                 struct idevs_error *ret_err) _must_check_;

#endif
