#include "wire/frame.h"

#define HEAD_LEN  4  /* the length itself */
#define FIXED_LEN 11 /* id, kind, status and the two lengths */

static bool is_text(struct bytes text, uint8_t lowest)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] < lowest || text.data[i] > 0x7e)
            return false;
    return true;
}

static bool is_valid(const struct frame *f)
{
    if (f->target.len > LIMIT_FRAME_TARGET || !is_text(f->target, 0x21))
        return false;
    if (f->type.len > LIMIT_FRAME_TYPE || !is_text(f->type, 0x20))
        return false;
    switch (f->kind) {
    case FRAME_REQUEST:
        return f->status == 0 && f->target.len > 0;
    case FRAME_REPLY:
        return f->status >= 100 && f->status <= 599 && f->target.len == 0;
    case FRAME_EVENT:
        return f->status == 0 && f->target.len > 0 && f->id == 0;
    }
    return false;
}

static bool read_view(struct reader *r, struct bytes *ret)
{
    uint16_t n;

    return reader_u16(r, &n) && reader_bytes(r, n, ret);
}

static bool read_rest(struct reader *r, size_t max_body, struct frame *ret)
{
    struct frame f = {0};
    uint8_t kind;

    if (!reader_u32(r, &f.id) || !reader_u8(r, &kind) || !reader_u16(r, &f.status) ||
        !read_view(r, &f.target) || !read_view(r, &f.type))
        return false;
    f.kind = (enum frame_kind)kind;
    f.body = bytes_of(r->at, reader_left(r));
    if (f.body.len > max_body || !is_valid(&f))
        return false;
    *ret = f;
    return true;
}

enum frame_verdict frame_decode(struct bytes in, size_t max_body, struct frame *ret,
                                size_t *ret_used)
{
    struct reader r = reader_of(in);
    uint32_t len;
    struct bytes rest;

    if (!reader_u32(&r, &len))
        return FRAME_NEED_MORE;
    if (len < FIXED_LEN || len > LIMIT_FRAME)
        return FRAME_BAD;
    if (len - FIXED_LEN > LIMIT_FRAME_TARGET + LIMIT_FRAME_TYPE &&
        len - FIXED_LEN - LIMIT_FRAME_TARGET - LIMIT_FRAME_TYPE > max_body)
        return FRAME_BAD;
    if (!reader_bytes(&r, len, &rest))
        return FRAME_NEED_MORE;
    struct reader inner = reader_of(rest);
    if (!read_rest(&inner, max_body, ret))
        return FRAME_BAD;
    *ret_used = HEAD_LEN + (size_t)len;
    return FRAME_DONE;
}

bool frame_encode(const struct frame *frame, struct buffer *b)
{
    size_t before = b->len;
    size_t len = FIXED_LEN + frame->target.len + frame->type.len;

    if (!is_valid(frame) || frame->body.len > LIMIT_FRAME - len)
        return false;
    len += frame->body.len;
    if (buffer_append_u32(b, (uint32_t)len) && buffer_append_u32(b, frame->id) &&
        buffer_append_u8(b, (uint8_t)frame->kind) && buffer_append_u16(b, frame->status) &&
        buffer_append_u16(b, (uint16_t)frame->target.len) &&
        buffer_append_bytes(b, frame->target) && buffer_append_u16(b, (uint16_t)frame->type.len) &&
        buffer_append_bytes(b, frame->type) && buffer_append_bytes(b, frame->body))
        return true;
    b->len = before;
    return false;
}
