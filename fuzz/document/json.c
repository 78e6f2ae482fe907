#include "document/json.h"
#include "base/limits.h"

#include "fuzz.h"

/* An object that is accepted can be written, and reads as the same again. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const KNOWN[] = {"text", "number", "sha256", NULL};
    struct idevs_error err = {0};
    const char *text = NULL;
    int64_t number;
    uint8_t digest[32];
    _cleanup_buffer_ struct buffer again = buffer_up_to(MIB(4));
    _cleanup_json_ json_t *j = json_object_from(bytes_of(data, size), &err);

    if (!j) {
        must_be_refusal(&err);
        return 0;
    }
    bool known = json_only(j, KNOWN, &err);
    must(!known || json_object_size(j) <= 3);
    if (json_text(j, "text", 16, &text, &err))
        must(strlen(text) <= 16);
    if (json_number(j, "number", -5, 5, &number, &err))
        must(number >= -5 && number <= 5);
    if (!json_sha256(j, "sha256", digest, &err))
        must_be_refusal(&err);
    if (!json_write(j, &again))
        return 0; /* a real number that has no finite form, or over the buffer */
    _cleanup_json_ json_t *back = json_object_from(buffer_bytes(&again), &err);
    must(again.len > LIMIT_JSON || (back && json_equal(j, back)));
    return 0;
}
