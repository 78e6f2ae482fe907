/* HTTP/1.1 fields as both ends of src/net check, keep and hand on: names are lower-case tokens,
 * values have no control character but tab (RFC 9110, 5.1, 5.5). */
#ifndef IDEVS_WIRE_FIELD_H
#define IDEVS_WIRE_FIELD_H

#include "wire/http.h"

/* Where a field stands in a buffer that may still move. */
struct field_span {
    size_t name;
    size_t name_len;
    size_t value;
    size_t value_len;
};

bool field_is_token(struct bytes name) _must_check_;
bool field_is_valid(const struct http_field *field) _must_check_;
/* "Name: value" without its line end; the value's outer white space is left out. */
bool field_parse(struct bytes line, struct http_field *ret) _must_check_;
/* Appends the field with its name in lower case; false past the buffer's max. */
bool field_store(struct buffer *b, const struct http_field *field,
                 struct field_span *ret) _must_check_;
struct http_field field_from(struct bytes storage, const struct field_span *span);
/* Fields of one connection or framing (RFC 9110, 7.6.1), content-length among them: never handed
 * on, the next message has its own. */
bool field_is_of_connection(struct bytes name) _must_check_;

#endif
