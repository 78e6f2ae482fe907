#include "base/buffer.h"
#include "base/alloc.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#define FIRST_ROOM 256

void buffer_free(struct buffer *b)
{
    if (b->data) {
        explicit_bzero(b->data, b->cap);
        free(b->data);
    }
    *b = (struct buffer){.max = b->max};
}

/* Grows by moving, not by realloc(): the old place may have held secrets. */
static void move_to_room(struct buffer *b, size_t cap)
{
    uint8_t *data = alloc_zero(cap, 1);

    if (b->data) {
        memcpy(data, b->data, b->len);
        explicit_bzero(b->data, b->cap);
        free(b->data);
    }
    b->data = data;
    b->cap = cap;
}

uint8_t *buffer_extend(struct buffer *b, size_t len)
{
    if (b->len > b->max || len > b->max - b->len)
        return NULL;
    size_t need = b->len + len + 1; /* and the NUL */
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap : FIRST_ROOM;
        while (cap < need)
            cap *= 2;
        move_to_room(b, cap);
    }
    uint8_t *room = b->data + b->len;
    b->len += len;
    b->data[b->len] = 0;
    return room;
}

bool buffer_append(struct buffer *b, const void *data, size_t len)
{
    uint8_t *room = buffer_extend(b, len);

    if (!room)
        return false;
    if (len)
        memcpy(room, data, len);
    return true;
}

bool buffer_append_bytes(struct buffer *b, struct bytes bytes)
{
    return buffer_append(b, bytes.data, bytes.len);
}

bool buffer_append_text(struct buffer *b, const char *text)
{
    return buffer_append(b, text, strlen(text));
}

bool buffer_append_format(struct buffer *b, const char *format, ...)
{
    va_list args;
    va_list again;

    va_start(args, format);
    va_copy(again, args);
    int n = vsnprintf(NULL, 0, format, args);
    va_end(args);
    uint8_t *room = n < 0 ? NULL : buffer_extend(b, (size_t)n);
    if (room)
        vsnprintf((char *)room, (size_t)n + 1, format, again);
    va_end(again);
    return room != NULL;
}

bool buffer_append_u8(struct buffer *b, uint8_t v)
{
    return buffer_append(b, &v, 1);
}

static bool append_big_endian(struct buffer *b, uint64_t v, size_t n_bytes)
{
    uint8_t out[8];

    for (size_t i = 0; i < n_bytes; i++)
        out[i] = (uint8_t)(v >> (8 * (n_bytes - 1 - i)));
    return buffer_append(b, out, n_bytes);
}

bool buffer_append_u16(struct buffer *b, uint16_t v)
{
    return append_big_endian(b, v, 2);
}

bool buffer_append_u32(struct buffer *b, uint32_t v)
{
    return append_big_endian(b, v, 4);
}

bool buffer_append_u64(struct buffer *b, uint64_t v)
{
    return append_big_endian(b, v, 8);
}

void buffer_consume(struct buffer *b, size_t len)
{
    if (len > b->len)
        len = b->len;
    if (len == 0)
        return;
    memmove(b->data, b->data + len, b->len - len);
    explicit_bzero(b->data + b->len - len, len);
    b->len -= len;
}

void buffer_clear(struct buffer *b)
{
    if (b->data)
        explicit_bzero(b->data, b->cap);
    b->len = 0;
}

bool reader_bytes(struct reader *r, size_t len, struct bytes *ret)
{
    if (len > reader_left(r))
        return false;
    *ret = (struct bytes){r->at, len};
    r->at += len;
    return true;
}

bool reader_text(struct reader *r, const char *text)
{
    size_t n = strlen(text);

    if (reader_left(r) < n || memcmp(r->at, text, n) != 0)
        return false;
    r->at += n;
    return true;
}

static bool read_big_endian(struct reader *r, size_t n_bytes, uint64_t *ret)
{
    struct bytes in;
    uint64_t v = 0;

    if (!reader_bytes(r, n_bytes, &in))
        return false;
    for (size_t i = 0; i < n_bytes; i++)
        v = v << 8 | in.data[i];
    *ret = v;
    return true;
}

bool reader_u8(struct reader *r, uint8_t *ret)
{
    uint64_t v;

    if (!read_big_endian(r, 1, &v))
        return false;
    *ret = (uint8_t)v;
    return true;
}

bool reader_u16(struct reader *r, uint16_t *ret)
{
    uint64_t v;

    if (!read_big_endian(r, 2, &v))
        return false;
    *ret = (uint16_t)v;
    return true;
}

bool reader_u32(struct reader *r, uint32_t *ret)
{
    uint64_t v;

    if (!read_big_endian(r, 4, &v))
        return false;
    *ret = (uint32_t)v;
    return true;
}

bool reader_u64(struct reader *r, uint64_t *ret)
{
    return read_big_endian(r, 8, ret);
}
