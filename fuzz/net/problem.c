#include "base/limits.h"
#include "net/server.h"

#include "fuzz.h"

/* A peer's problem document: what is believed of it is printable, and can be told on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct idevs_error err = {0};
    struct idevs_error again = {0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(16));

    if (!problem_read(bytes_of(data, size), &err)) {
        must(!err.code[0]);
        return 0;
    }
    must(err.code[0] && problem_json(&err, &b) && problem_read(buffer_bytes(&b), &again));
    must(strcmp(err.code, again.code) == 0 && strcmp(err.found, again.found) == 0 &&
         strcmp(err.expected, again.expected) == 0);
    for (const char *p = err.found; *p; p++)
        must(*p >= 0x20 && *p <= 0x7e);
    return 0;
}
