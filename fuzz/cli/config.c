#include "scratch.h"
#include "shown.h"

/* The owner's own addresses: two of each at most, or a refusal with its place. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const struct cli cli = {.home = scratch_folder()};
    _cleanup_addresses_ struct addresses to = {0};
    struct idevs_error err = {0};

    scratch_write("config.yaml", bytes_of(data, size));
    if (home_addresses(&cli, &to, &err))
        must(to.config != NULL);
    else
        must_be_refusal(&err);
    return 0;
}
