/* The table of certificates that a hostile host gives an SEV-SNP guest: what is accepted is PEM to
 * its end that the verifier's reader takes, and what is refused has a reason. */
#include "attester/certificate_table.h"
#include "base/limits.h"
#include "crypto/pem.h"

#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_HARDWARE_ENDORSEMENTS);
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_TSM_BLOB);
    struct idevs_error err = {0};
    char label[LIMIT_PEM_LABEL];
    bool prose;

    if (!certificate_table_read(bytes_of(data, size), &pem, &err)) {
        must_be_refusal(&err);
        return 0;
    }
    struct reader r = reader_of(buffer_bytes(&pem));
    while (pem_next(&r, label, &der, &prose))
        must(!prose);
    must(reader_left(&r) == 0);
    return 0;
}
