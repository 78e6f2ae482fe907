#include "wire/field.h"

#include "fuzz.h"

/* A header line: what is accepted can be kept, has a lower-case name then, and can be sent on. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct http_field field;
    struct http_field kept;
    struct field_span span;
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_FIELD_BYTES);

    if (!field_parse(bytes_of(data, size), &field) || !field_store(&b, &field, &span))
        return 0;
    kept = field_from(buffer_bytes(&b), &span);
    must(field_is_valid(&kept) && bytes_equal(kept.value, field.value) &&
         kept.name.len == field.name.len && !memchr(kept.name.data, ':', kept.name.len));
    for (size_t i = 0; i < kept.name.len; i++)
        must(kept.name.data[i] < 'A' || kept.name.data[i] > 'Z');
    return 0;
}
