/* What owners and platforms hand in, against a registry that knows nobody: never accepted. */
#include "authority/submissions.h"

#include "empty.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct bytes in = bytes_of(data, size);
    struct idevs_error err;
    struct approval approval;
    enum tier tier;
    static const struct endorsements none;
    _cleanup_buffer_ struct buffer credential = buffer_up_to(LIMIT_TPM_CREDENTIAL);

    if (submit_approval(fuzz_registry(), in, 1800000000, &approval, &err) ||
        submit_platform(fuzz_registry(), in, 1800000000, &tier, &err) ||
        submit_activation(fuzz_registry(), in, 1800000000, &tier, &err) ||
        submit_tpm_platform(fuzz_registry(), &none, in, 1800000000, &credential, &err))
        abort();
    return 0;
}
