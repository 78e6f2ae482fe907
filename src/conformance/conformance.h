/* The conformance kit: an operator tries on a gateway, live or staging, that it refuses what the
 * protocol says it refuses, and gets a signed report. It knows nothing of the gateway's insides: it
 * sees what a relay and a program see.
 *
 * It holds the keys of a test authority and perhaps the operator's own; it trusts nothing that the
 * gateway answers. */
#ifndef IDEVS_CONFORMANCE_CONFORMANCE_H
#define IDEVS_CONFORMANCE_CONFORMANCE_H

#include "conformance/authority.h"
#include "document/json.h"

struct conformance_options {
    const char *url;        /* https://host[:port] */
    const char *name;       /* host[:port] under which programs call it; NULL: as in `url` */
    const char *ca;         /* PEM file: the CA of the service's certificate */
    const char *folder;     /* of the test authority */
    const char *path;       /* that the test program may GET; NULL: "/" */
    const char *write_path; /* that it may POST to; NULL: writes are not tried */
    const char *only;       /* identifiers' beginnings, commas between; NULL: all */
    const char *skip;       /* but not these; NULL: none */
    void (*progress)(const char *id, void *context); /* before each check, or NULL */
    void *context;
};

/* Tries everything. The report is the caller's:
 *
 *   {kit, time, url, authority, certificate_sha256, key_id, complete,
 *    counts: {held, not_held, not_tried},
 *    checks: [{id, source, tried, expected, found, held}]}
 *
 * `time` is in seconds since 1970, `key_id` null when no key configuration was accepted, `held`
 * null for what was not tried. NULL refuses `conformance.unusable`: nothing could be tried. */
json_t *conformance_run(const struct conformance_options *options, struct idevs_error *ret_err);

/* Writes the report as indented JSON to `path` and a detached ECDSA P-256 SHA-256 signature (DER)
 * over exactly these bytes to `path`.sig; the report gets `signer`, the SHA-256 of the key's SPKI.
 * Refuses `file.unwritable`, `disk.full`. */
bool report_write(json_t *report, const char *path, const struct key *key,
                  struct idevs_error *ret_err) _must_check_;
/* The report in `path` when its signature is of the key in `public_path`; the caller's. NULL
 * refuses `conformance.signature`, `file.*`, `api.field`. */
json_t *report_read(const char *path, const char *public_path, struct idevs_error *ret_err);
/* Refuses `conformance.not-held` unless everything that was tried held, and something was. */
bool report_judge(const json_t *report, struct idevs_error *ret_err) _must_check_;

#endif
