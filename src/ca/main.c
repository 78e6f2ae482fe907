/* idevs-ca: certificates for services. Exit status 0: made; 1: refused; 2: not understood. */
#include "base/clock.h"
#include "base/log.h"
#include "base/process.h"
#include "ca/ca.h"

#include <stdio.h>

static const char USAGE[] =
    "idevs-ca root --out CA.pem --key CA.key --subject NAME [--days N]\n"
    "idevs-ca server --ca CA.pem --ca-key CA.key --host NAME_OR_IP[:PORT] --out cert.pem\n"
    "                --key priv.pem [--days N]\n"
    "\n"
    "root    makes a self-signed P-256 root (3650 days) and its private key.\n"
    "server  makes a service's P-256 key and certificate (365 days) under it. The manifest of a\n"
    "        program names CA.pem as the service's anchor; the gateway gets cert.pem and "
    "priv.pem.\n"
    "Existing files are never replaced. Private keys are unencrypted, mode 0600.\n";

static bool run(const struct ca_options *o, struct idevs_error *ret_err)
{
    switch (o->command) {
    case CA_ROOT:
        return ca_make_root(o, clock_unix(), ret_err);
    case CA_SERVER:
        return ca_make_server(o, clock_unix(), ret_err);
    case CA_HELP:
        break;
    }
    return fputs(USAGE, stdout) >= 0;
}

int main(int argc, char **argv)
{
    struct ca_options o;
    struct idevs_error err = {0};

    process_forbid_dumps();
    log_open("idevs-ca", IDEVS_INFO);
    if (!ca_options_parse(argc, argv, &o, &err)) {
        log_refusal(IDEVS_ERROR, "arguments", &err);
        return 2;
    }
    if (!run(&o, &err)) {
        log_refusal(IDEVS_ERROR, o.command == CA_ROOT ? "root" : "server", &err);
        return 1;
    }
    return 0;
}
