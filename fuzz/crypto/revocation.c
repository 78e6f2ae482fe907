#include "crypto/revocation.h"

#include "fuzz.h"

/* The first part is a certificate, the rest a list. What is accepted is kept byte for byte, within
 * its limits, and can be asked about any certificate. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    struct idevs_error err = {0};
    struct bytes der = next_part(&r);
    _cleanup_certificate_ struct certificate *c = certificate_parse(der, NULL);
    _cleanup_revocation_list_ struct revocation_list *l = revocation_list_parse(all_left(&r), &err);

    if (!l) {
        must_be_refusal(&err);
        return 0;
    }
    must(revocation_list_number(l) > 0 && revocation_list_number(l) <= INT64_MAX);
    must(revocation_list_next_update(l) > revocation_list_this_update(l));
    must(revocation_list_count(l) <= LIMIT_REVOKED && revocation_list_through(l) >= 0);
    must(revocation_list_der(l).len <= LIMIT_REVOCATION_LIST);
    if (!c)
        return 0;
    must(!revocation_list_is_by(l, c) || certificate_public_key(c) != NULL);
    must(revocation_list_revokes(l, c) || certificate_not_before(c) > revocation_list_through(l));
    return 0;
}
