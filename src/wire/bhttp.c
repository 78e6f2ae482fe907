#include "wire/bhttp.h"

#define KNOWN_LENGTH_REQUEST  0
#define KNOWN_LENGTH_RESPONSE 1

/* ---- what both directions hold a message to ---- */

static bool is_upper(uint8_t c)
{
    return c >= 'A' && c <= 'Z';
}

/* tchar of RFC 9110, 5.6.2. */
static bool is_token_char(uint8_t c)
{
    return is_upper(c) || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
           (c && strchr("!#$%&'*+-.^_`|~", c));
}

static bool is_token(struct bytes text, size_t max)
{
    if (text.len == 0 || text.len > max)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (!is_token_char(text.data[i]))
            return false;
    return true;
}

static bool is_visible(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.data[i] <= 0x20 || text.data[i] > 0x7e)
            return false;
    return true;
}

static bool is_field_name(struct bytes name)
{
    if (!is_token(name, LIMIT_FIELD_BYTES))
        return false;
    for (size_t i = 0; i < name.len; i++)
        if (is_upper(name.data[i]))
            return false;
    return true;
}

static bool is_blank(uint8_t c)
{
    return c == ' ' || c == '\t';
}

/* RFC 9110, 5.5: no control characters but HTAB, no white space around. */
static bool is_field_value(struct bytes value)
{
    if (value.len && (is_blank(value.data[0]) || is_blank(value.data[value.len - 1])))
        return false;
    for (size_t i = 0; i < value.len; i++)
        if ((value.data[i] < 0x20 && value.data[i] != '\t') || value.data[i] == 0x7f)
            return false;
    return true;
}

/* An empty authority is RFC 9292's way to leave it to a host field; who serves it judges. */
static bool control_is_valid(const struct http_message *m)
{
    return is_token(m->method, LIMIT_METHOD) && m->scheme.len > 0 &&
           m->scheme.len <= LIMIT_SCHEME && is_visible(m->scheme) &&
           m->authority.len <= LIMIT_AUTHORITY && is_visible(m->authority) && m->path.len > 0 &&
           m->path.len <= LIMIT_PATH && m->path.data[0] == '/' && is_visible(m->path);
}

static bool status_is_final(uint64_t status)
{
    return status >= 200 && status <= 599;
}

static bool fields_are_valid(const struct http_message *m)
{
    size_t left = LIMIT_FIELD_BYTES;

    if (m->n_fields > LIMIT_FIELDS)
        return false;
    for (size_t i = 0; i < m->n_fields; i++) {
        const struct http_field *f = &m->fields[i];
        if (f->name.len > left || f->value.len > left - f->name.len)
            return false;
        left -= f->name.len + f->value.len;
        if (!is_field_name(f->name) || !is_field_value(f->value))
            return false;
    }
    return m->content.len <= LIMIT_BODY_CEILING;
}

/* ---- writing: the length first, so that the buffer grows once ---- */

static size_t varint_len(size_t v)
{
    return v < 1U << 6 ? 1 : v < 1U << 14 ? 2 : v < 1U << 30 ? 4 : 8;
}

/* RFC 9000, 16: the two high bits of the first byte say the length. */
static uint8_t *write_varint(uint8_t *at, size_t v)
{
    static const uint8_t PREFIX[] = {0, 0x00, 0x40, 0, 0x80, 0, 0, 0, 0xc0};
    size_t n = varint_len(v);

    for (size_t i = 0; i < n; i++)
        at[i] = (uint8_t)((uint64_t)v >> (8 * (n - 1 - i)));
    at[0] |= PREFIX[n];
    return at + n;
}

static size_t view_len(struct bytes view)
{
    return varint_len(view.len) + view.len;
}

static uint8_t *write_view(uint8_t *at, struct bytes view)
{
    at = write_varint(at, view.len);
    if (view.len)
        memcpy(at, view.data, view.len);
    return at + view.len;
}

static size_t fields_len(const struct http_message *m)
{
    size_t len = 0;

    for (size_t i = 0; i < m->n_fields; i++)
        len += view_len(m->fields[i].name) + view_len(m->fields[i].value);
    return len;
}

/* Header section, content, and an empty trailer section. */
static size_t sections_len(const struct http_message *m)
{
    size_t fields = fields_len(m);

    return varint_len(fields) + fields + view_len(m->content) + 1;
}

static void write_sections(uint8_t *at, const struct http_message *m)
{
    at = write_varint(at, fields_len(m));
    for (size_t i = 0; i < m->n_fields; i++) {
        at = write_view(at, m->fields[i].name);
        at = write_view(at, m->fields[i].value);
    }
    at = write_view(at, m->content);
    write_varint(at, 0);
}

bool bhttp_encode_request(const struct http_message *m, struct buffer *b)
{
    if (!control_is_valid(m) || !fields_are_valid(m))
        return false;
    uint8_t *at =
        buffer_extend(b, 1 + view_len(m->method) + view_len(m->scheme) + view_len(m->authority) +
                             view_len(m->path) + sections_len(m));
    if (!at)
        return false;
    at = write_varint(at, KNOWN_LENGTH_REQUEST);
    at = write_view(at, m->method);
    at = write_view(at, m->scheme);
    at = write_view(at, m->authority);
    at = write_view(at, m->path);
    write_sections(at, m);
    return true;
}

bool bhttp_encode_response(const struct http_message *m, struct buffer *b)
{
    if (!status_is_final(m->status) || !fields_are_valid(m))
        return false;
    uint8_t *at = buffer_extend(b, 1 + varint_len(m->status) + sections_len(m));
    if (!at)
        return false;
    at = write_varint(at, KNOWN_LENGTH_RESPONSE);
    at = write_varint(at, m->status);
    write_sections(at, m);
    return true;
}

/* ---- reading ---- */

static bool read_varint(struct reader *r, uint64_t *ret)
{
    struct bytes in;

    if (reader_left(r) == 0 || !reader_bytes(r, (size_t)1 << (r->at[0] >> 6), &in))
        return false;
    uint64_t v = in.data[0] & 0x3f;
    for (size_t i = 1; i < in.len; i++)
        v = v << 8 | in.data[i];
    *ret = v;
    return true;
}

static bool read_view(struct reader *r, struct bytes *ret)
{
    uint64_t len;

    return read_varint(r, &len) && reader_bytes(r, len, ret);
}

/* A section at which the message ends is empty (RFC 9292, 3.8). */
static bool read_section(struct reader *r, struct bytes *ret)
{
    *ret = (struct bytes){0};
    return reader_left(r) == 0 || read_view(r, ret);
}

static bool read_fields(struct bytes section, struct http_message *m)
{
    struct reader r = reader_of(section);

    m->n_fields = 0;
    while (reader_left(&r) > 0) {
        if (m->n_fields >= LIMIT_FIELDS)
            return false;
        struct http_field *f = &m->fields[m->n_fields++];
        if (!read_view(&r, &f->name) || !read_view(&r, &f->value))
            return false;
    }
    return true;
}

static bool is_zero(struct bytes in)
{
    return in.len == 0 || (in.data[0] == 0 && memcmp(in.data, in.data + 1, in.len - 1) == 0);
}

static bool read_sections(struct reader *r, struct http_message *m)
{
    struct bytes fields;
    struct bytes trailers;

    if (!read_section(r, &fields) || !read_fields(fields, m) || !read_section(r, &m->content) ||
        !read_section(r, &trailers))
        return false;
    return trailers.len == 0 && is_zero(bytes_of(r->at, reader_left(r))) && fields_are_valid(m);
}

bool bhttp_decode_request(struct bytes in, struct http_message *ret)
{
    struct reader r = reader_of(in);
    uint64_t framing;

    ret->status = 0;
    return read_varint(&r, &framing) && framing == KNOWN_LENGTH_REQUEST &&
           read_view(&r, &ret->method) && read_view(&r, &ret->scheme) &&
           read_view(&r, &ret->authority) && read_view(&r, &ret->path) && control_is_valid(ret) &&
           read_sections(&r, ret);
}

bool bhttp_decode_response(struct bytes in, struct http_message *ret)
{
    struct reader r = reader_of(in);
    uint64_t framing;
    uint64_t status;

    if (!read_varint(&r, &framing) || framing != KNOWN_LENGTH_RESPONSE ||
        !read_varint(&r, &status) || !status_is_final(status))
        return false;
    ret->method = ret->scheme = ret->authority = ret->path = (struct bytes){0};
    ret->status = (uint16_t)status;
    return read_sections(&r, ret);
}

/* ---- padding ---- */

static size_t bucket_of(size_t len)
{
    if (len > PADDING_STEP)
        return (len + PADDING_STEP - 1) / PADDING_STEP * PADDING_STEP;
    size_t bucket = PADDING_FIRST;
    while (bucket < len)
        bucket *= 2;
    return bucket;
}

bool bhttp_pad(struct buffer *b)
{
    size_t n = bucket_of(b->len) - b->len;
    uint8_t *room = buffer_extend(b, n);

    if (!room)
        return false;
    memset(room, 0, n);
    return true;
}
