#include "compartment/executable.h"
#include "base/fd.h"

#include "fuzz.h"

/* What a launcher hands over as an executable: taken or refused by its code, never more. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idevs_error err = {.code = ""};
    _cleanup_fd_ int fd = memfd_sealed("executable", bytes_of(data, size));

    must(fd >= 0);
    if (!executable_check(fd, &err))
        must(error_is(&err, "compartment.executable") && err.found[0]);
    return 0;
}
