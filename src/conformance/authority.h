/* The test authority of a conformance run: its own root and one tier CA, `development`, in a folder
 * of the operator. Whoever has the folder can name programs of its trust domain, at every gateway
 * that names its tier CA: so the CAs live for a week, and the trust domain is one that no real
 * authority has. */
#ifndef IDEVS_CONFORMANCE_AUTHORITY_H
#define IDEVS_CONFORMANCE_AUTHORITY_H

#include "crypto/x509.h"

#define TEST_DOMAIN  "conformance.invalid" /* RFC 2606: nobody's */
#define TEST_PROGRAM "spiffe://" TEST_DOMAIN "/program/conformance"

/* Files of the folder. */
#define TEST_ROOT       "root.pem"
#define TEST_ROOT_KEY   "root.key"
#define TEST_TIER       "tier-development.pem" /* what the gateway gets as anchor */
#define TEST_TIER_KEY   "tier-development.key"
#define TEST_REPORT_KEY "report.key" /* signs reports, where no owner's key does */
#define TEST_REPORT_PUB "report.pub.pem"

struct test_ca {
    struct key *key;
    struct certificate *certificate;
};

struct test_authority {
    struct test_ca root;
    struct test_ca tier;
    struct test_ca other_tier; /* made for the run: under the same root, and no anchor */
    struct test_ca foreign;    /* made for the run: the tier's name, on a key of its own */
};

/* Makes the folder and its files, keys with mode 0600. Refuses `file.*` where there is one. */
bool test_authority_init(const char *folder, int64_t now, struct idevs_error *ret_err) _must_check_;
/* Refuses `file.*`, `tls.credentials`, `certificate.*`. */
bool test_authority_load(const char *folder, int64_t now, struct test_authority *ret,
                         struct idevs_error *ret_err) _must_check_;
void test_authority_release(struct test_authority *a);

#endif
