#include "crypto/x509.h"

#include "fuzz.h"

/* The evidence of an accepted request lies within it. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct csr csr;
    struct idevs_error err;

    if (!csr_parse(bytes_of(data, size), &csr, &err))
        return 0;
    if (csr.evidence_cmw.len == 0 || csr.evidence_cmw.data < data ||
        csr.evidence_cmw.data + csr.evidence_cmw.len > data + size)
        abort();
    return 0;
}
