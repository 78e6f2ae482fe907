#include "base/text.h"
#include "gateway/states.h"

#include "fuzz.h"

/* Method, path behind STATE_PATH, content. What is accepted names a state and, of a PUT, a version
 * that can still be followed by another one. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    struct http_message m = {.method = next_part(&r)};
    struct state_request request = {0};
    struct idevs_error err = {0};
    _cleanup_buffer_ struct buffer path = buffer_up_to(KIB(64));

    if (!buffer_append_text(&path, STATE_PATH) || !buffer_append_bytes(&path, next_part(&r)))
        return 0;
    m.path = buffer_bytes(&path);
    m.content = all_left(&r);
    if (!state_request_parse(&m, &request, &err)) {
        must_be_refusal(&err);
        return 0;
    }
    must(token_is_valid(request.name, LIMIT_STATE_NAME) && request.version >= 0 &&
         request.version < INT64_MAX && m.content.len <= LIMIT_STATE_VALUE);
    must(bytes_equal_text(m.method, request.is_put ? "PUT" : "GET"));
    return 0;
}
