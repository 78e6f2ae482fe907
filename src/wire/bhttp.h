/* Binary HTTP, RFC 9292: known-length messages only, strict: minimal or not, every RFC 9000 varint
 * form is taken as the RFC says; no informational responses, no trailers, padding all zero, field
 * names lower case and valid, values without NUL, CR, LF, limits of base/limits.h. */
#ifndef IDEVS_WIRE_BHTTP_H
#define IDEVS_WIRE_BHTTP_H

#include "wire/http.h"

bool bhttp_encode_request(const struct http_message *m, struct buffer *b) _must_check_;
bool bhttp_encode_response(const struct http_message *m, struct buffer *b) _must_check_;
/* `ret` points into `in`. Truncation that the RFC permits (dropping empty trailing sections) is
 * accepted in both. */
bool bhttp_decode_request(struct bytes in, struct http_message *ret) _must_check_;
bool bhttp_decode_response(struct bytes in, struct http_message *ret) _must_check_;

#define PADDING_FIRST 256   /* the first size bucket */
#define PADDING_STEP  65536 /* buckets double up to this, then are multiples of it */
/* Zero-pads to the next bucket. */
bool bhttp_pad(struct buffer *b) _must_check_;

#endif
