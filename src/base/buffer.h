/* Bytes: a view that owns nothing, a buffer that is bounded from birth, a cursor that cannot
 * overrun. */
#ifndef IDEVS_BASE_BUFFER_H
#define IDEVS_BASE_BUFFER_H

#include "base/attr.h"
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* A view. Whoever it points into must outlive it. */
struct bytes {
    const uint8_t *data;
    size_t len;
};

static inline struct bytes bytes_of(const void *data, size_t len)
{
    return (struct bytes){data, len};
}
static inline struct bytes bytes_of_text(const char *text)
{
    return (struct bytes){(const uint8_t *)text, strlen(text)};
}
static inline bool bytes_equal(struct bytes a, struct bytes b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.data, b.data, a.len) == 0);
}
static inline bool bytes_equal_text(struct bytes a, const char *text)
{
    return bytes_equal(a, bytes_of_text(text));
}

/* A growing buffer that never holds more than `max` bytes. It is wiped when freed and when it
 * moves. Appending past `max` changes nothing and returns false. `data` is always followed by a NUL
 * that is not counted, once anything was appended. */
struct buffer {
    uint8_t *data;
    size_t len;
    size_t cap;
    size_t max;
};

static inline struct buffer buffer_up_to(size_t max)
{
    return (struct buffer){.max = max};
}
void buffer_free(struct buffer *b); /* wipes, frees, leaves an empty buffer of the same max */
#define _cleanup_buffer_ _cleanup_(buffer_free)

bool buffer_append(struct buffer *b, const void *data, size_t len) _must_check_;
bool buffer_append_bytes(struct buffer *b, struct bytes bytes) _must_check_;
bool buffer_append_text(struct buffer *b, const char *text) _must_check_;
bool buffer_append_format(struct buffer *b, const char *format, ...) _printf_(2, 3) _must_check_;
bool buffer_append_u8(struct buffer *b, uint8_t v) _must_check_;
bool buffer_append_u16(struct buffer *b,
                       uint16_t v) _must_check_; /* big endian, as all integers here */
bool buffer_append_u32(struct buffer *b, uint32_t v) _must_check_;
bool buffer_append_u64(struct buffer *b, uint64_t v) _must_check_;

/* Room for `len` more bytes, which become part of the buffer; NULL past `max`. */
uint8_t *buffer_extend(struct buffer *b, size_t len) _must_check_;
/* Drops the first `len` bytes (at most all). */
void buffer_consume(struct buffer *b, size_t len);
void buffer_clear(struct buffer *b); /* wipes, keeps the room */
static inline struct bytes buffer_bytes(const struct buffer *b)
{
    return (struct bytes){b->data, b->len};
}

/* A cursor over untrusted bytes. Each read either succeeds whole or returns false and moves
 * nothing. */
struct reader {
    const uint8_t *at;
    const uint8_t *end;
};

static inline struct reader reader_of(struct bytes b)
{
    return (struct reader){b.data, b.len ? b.data + b.len : b.data};
}
static inline size_t reader_left(const struct reader *r)
{
    return (size_t)(r->end - r->at);
}
bool reader_u8(struct reader *r, uint8_t *ret) _must_check_;
bool reader_u16(struct reader *r, uint16_t *ret) _must_check_;
bool reader_u32(struct reader *r, uint32_t *ret) _must_check_;
bool reader_u64(struct reader *r, uint64_t *ret) _must_check_;
bool reader_bytes(struct reader *r, size_t len, struct bytes *ret) _must_check_;
/* Steps over exactly this text. */
bool reader_text(struct reader *r, const char *text) _must_check_;

#endif
