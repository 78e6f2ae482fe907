#include "round.h"

#include "base/fd.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void must(bool ok, const char *what)
{
    if (ok)
        return;
    fprintf(stderr, "differential: %s\n", what);
    exit(2);
}

static void put(struct buffer *b, struct bytes v)
{
    must(buffer_append_u32(b, (uint32_t)v.len) && buffer_append_bytes(b, v), "a round too large");
}

static void put_raw(struct buffer *b, const void *data, size_t len)
{
    must(buffer_append(b, data, len), "a round too large");
}

static struct bytes take(struct reader *r)
{
    struct bytes v = {0};
    uint32_t len;

    must(reader_u32(r, &len) && reader_bytes(r, len, &v), "a short message");
    return v;
}

static void take_raw(struct reader *r, void *ret, size_t len)
{
    struct bytes v = {0};

    must(reader_bytes(r, len, &v), "a short message");
    memcpy(ret, v.data, len);
}

static uint8_t take_u8(struct reader *r, uint8_t max)
{
    uint8_t v;

    must(reader_u8(r, &v) && v <= max, "a number out of range");
    return v;
}

void round_write(const struct round *round, struct buffer *b)
{
    const uint8_t head[] = {(uint8_t)round->role, round->has_ephemeral, (uint8_t)round->n_messages,
                            (uint8_t)round->n_exports};

    put_raw(b, head, sizeof(head));
    put_raw(b, round->key, KEY_LEN);
    put_raw(b, round->public, KEY_LEN);
    put_raw(b, round->ephemeral, KEY_LEN);
    put_raw(b, round->ephemeral_public, KEY_LEN);
    put_raw(b, round->enc, KEY_LEN);
    put(b, round->info);
    for (size_t i = 0; i < round->n_messages; i++) {
        put(b, round->messages[i].aad);
        put(b, round->messages[i].text);
    }
    for (size_t i = 0; i < round->n_exports; i++) {
        put(b, round->exports[i].context);
        must(buffer_append_u16(b, round->exports[i].len), "a round too large");
    }
}

void round_read(struct bytes in, struct round *ret)
{
    struct reader r = reader_of(in);

    *ret = (struct round){.role = (enum role)take_u8(&r, ROLE_RECEIVER)};
    ret->has_ephemeral = take_u8(&r, 1);
    ret->n_messages = take_u8(&r, MESSAGES_MAX);
    ret->n_exports = take_u8(&r, EXPORTS_MAX);
    take_raw(&r, ret->key, KEY_LEN);
    take_raw(&r, ret->public, KEY_LEN);
    take_raw(&r, ret->ephemeral, KEY_LEN);
    take_raw(&r, ret->ephemeral_public, KEY_LEN);
    take_raw(&r, ret->enc, KEY_LEN);
    ret->info = take(&r);
    for (size_t i = 0; i < ret->n_messages; i++) {
        ret->messages[i].aad = take(&r);
        ret->messages[i].text = take(&r);
    }
    for (size_t i = 0; i < ret->n_exports; i++) {
        ret->exports[i].context = take(&r);
        must(reader_u16(&r, &ret->exports[i].len), "a short message");
    }
    must(reader_left(&r) == 0, "a long message");
}

void result_write(const struct round *round, const struct result *result, struct buffer *b)
{
    must(buffer_append_u8(b, result->set_up), "a round too large");
    put_raw(b, result->public, KEY_LEN);
    put_raw(b, result->enc, KEY_LEN);
    for (size_t i = 0; i < round->n_messages; i++) {
        must(buffer_append_u8(b, result->done[i]), "a round too large");
        put(b, result->texts[i]);
    }
    for (size_t i = 0; i < round->n_exports; i++)
        put(b, result->exports[i]);
}

void result_read(const struct round *round, struct bytes in, struct result *ret)
{
    struct reader r = reader_of(in);

    *ret = (struct result){.set_up = take_u8(&r, 1)};
    take_raw(&r, ret->public, KEY_LEN);
    take_raw(&r, ret->enc, KEY_LEN);
    for (size_t i = 0; i < round->n_messages; i++) {
        ret->done[i] = take_u8(&r, 1);
        ret->texts[i] = take(&r);
    }
    for (size_t i = 0; i < round->n_exports; i++)
        ret->exports[i] = take(&r);
    must(reader_left(&r) == 0, "a long message");
}

void pipe_send(int fd, struct bytes message)
{
    const uint32_t len = (uint32_t)message.len; /* the other end is of this machine */

    must(fd_write_all(fd, &len, sizeof(len)) && fd_write_all(fd, message.data, message.len),
         "the other end is gone");
}

/* False at the end of the stream. */
static bool read_whole(int fd, void *ret, size_t len)
{
    uint8_t *at = ret;

    while (len > 0) {
        ssize_t n = read(fd, at, len);
        must(n >= 0, "the pipe failed");
        if (n == 0)
            return false;
        at += n;
        len -= (size_t)n;
    }
    return true;
}

bool pipe_receive(int fd, struct buffer *ret)
{
    uint32_t len;

    buffer_clear(ret);
    if (!read_whole(fd, &len, sizeof(len)))
        return false;
    uint8_t *room = buffer_extend(ret, len);
    must(room != NULL, "a long message");
    return read_whole(fd, room, len);
}
