#include "crypto/x509.h"

#include "fuzz.h"

/* An accepted chain, written again, reads as the same certificates. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idevs_error err;
    _cleanup_chain_ struct chain chain = {.n = 0};
    _cleanup_chain_ struct chain again = {.n = 0};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(MIB(1));

    if (!chain_from_pem(bytes_of(data, size), &chain, &err))
        return 0;
    if (!chain_to_pem(&chain, &pem) || !chain_from_pem(buffer_bytes(&pem), &again, &err) ||
        again.n != chain.n)
        abort();
    for (size_t i = 0; i < chain.n; i++)
        if (!bytes_equal(certificate_der(chain.at[i]), certificate_der(again.at[i])))
            abort();
    return 0;
}
