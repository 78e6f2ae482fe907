/* Strict text forms of bytes, numbers and names: one spelling each, anything else is refused. */
#ifndef IDEVS_BASE_TEXT_H
#define IDEVS_BASE_TEXT_H

#include "base/buffer.h"

/* Encoders append to `b`; false past its max. Decoders take exactly the canonical spelling
 * (lower-case hex; base64 with padding; base64url without; no spaces, no spare bits) and append the
 * bytes. */
bool hex_encode(struct bytes in, struct buffer *b) _must_check_;
bool hex_decode(struct bytes text, struct buffer *b) _must_check_;
bool base64_encode(struct bytes in, struct buffer *b) _must_check_;
bool base64_decode(struct bytes text, struct buffer *b) _must_check_;
bool base64url_encode(struct bytes in, struct buffer *b) _must_check_;
bool base64url_decode(struct bytes text, struct buffer *b) _must_check_;

/* The value of a digit, lower case; else -1. */
int hex_digit(uint8_t c);
/* `ret` gets 2 * len + 1 characters. */
void hex_text(const uint8_t *in, size_t len, char *ret);
/* Exactly `len` bytes in lower-case hex and nothing after them. */
bool hex_exactly(struct bytes text, uint8_t *ret, size_t len) _must_check_;

/* Decimal without sign, spaces or leading zeros; at most `max`. */
bool parse_u64(struct bytes text, uint64_t max, uint64_t *ret) _must_check_;

/* A program, service or state name: 1 to `max` of [a-z0-9-], beginning and ending alphanumeric. */
bool name_is_valid(const char *name, size_t max) _must_check_;
/* An idempotency key or state name: 1 to `max` of [A-Za-z0-9._-]. */
bool token_is_valid(const char *text, size_t max) _must_check_;
/* A host[:port] as in @authority: lower-case host of [a-z0-9.-] or [v6], port without leading zero.
 */
bool authority_is_valid(const char *text) _must_check_;
/* The host of host[:port] or [v6][:port], without the brackets; false when there is none, or more
 * than `size` - 1 characters of it. */
bool authority_host(const char *authority, char *ret, size_t size) _must_check_;
/* An origin-form path with optional query: begins with one '/', visible ASCII, no '#', no "//" at
 * the start, no "." or ".." segment, no %2f, %5c or %00, well-formed percent escapes, at most
 * LIMIT_PATH. */
bool path_is_valid(const char *path) _must_check_;
/* A media type with optional parameters in visible ASCII and spaces, at most 127 characters. */
bool media_type_is_valid(const char *text) _must_check_;

#endif
