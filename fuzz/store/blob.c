#include "base/limits.h"
#include "base/text.h"
#include "crypto/digest.h"
#include "store/store.h"

#include "scratch.h"

/* A file in the place of a blob: it is that blob or damaged, and nothing else. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char CONTENT[] = "blob";
    static uint8_t digest[SHA256_LEN];
    static char name[80];
    struct idevs_error err = {0};
    _cleanup_buffer_ struct buffer b = buffer_up_to(KIB(64));
    const struct bytes in = bytes_of(data, size);

    if (!name[0]) {
        char hex[2 * SHA256_LEN + 1];
        must(blob_put(scratch_folder(), bytes_of_text(CONTENT), digest, &err));
        hex_text(digest, sizeof(digest), hex);
        snprintf(name, sizeof(name), "%.2s/%s", hex, hex + 2);
    }
    scratch_write(name, in);
    if (blob_get(scratch_folder(), digest, &b, &err))
        must(bytes_equal_text(buffer_bytes(&b), CONTENT) && bytes_equal_text(in, CONTENT));
    else
        must_be_refusal(&err);
    return 0;
}
