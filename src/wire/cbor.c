#include "wire/cbor.h"
#include "base/limits.h"

enum major {
    MAJOR_UINT = 0,
    MAJOR_NEGATIVE = 1,
    MAJOR_BYTES = 2,
    MAJOR_TEXT = 3,
    MAJOR_ARRAY = 4,
    MAJOR_MAP = 5,
    MAJOR_TAG = 6,
    MAJOR_SIMPLE = 7,
};

#define SIMPLE_FALSE 20
#define SIMPLE_TRUE  21
#define SIMPLE_NULL  22

/* ---- writing ---- */

static bool put_head(struct buffer *b, enum major major, uint64_t v)
{
    uint8_t out[9];
    size_t n = v < 24 ? 0 : v <= UINT8_MAX ? 1 : v <= UINT16_MAX ? 2 : v <= UINT32_MAX ? 4 : 8;
    static const uint8_t INFO[] = {0, 24, 25, 0, 26, 0, 0, 0, 27};

    out[0] = (uint8_t)((unsigned)major << 5 | (n ? INFO[n] : (uint8_t)v));
    for (size_t i = 0; i < n; i++)
        out[1 + i] = (uint8_t)(v >> (8 * (n - 1 - i)));
    return buffer_append(b, out, n + 1);
}

int cbor_compare_keys(const void *a, const void *b)
{
    const char *x = *(const char *const *)a;
    const char *y = *(const char *const *)b;
    size_t m = strlen(x);
    size_t n = strlen(y);

    return m != n ? (m < n ? -1 : 1) : strcmp(x, y);
}

bool cbor_put_uint(struct buffer *b, uint64_t v)
{
    return put_head(b, MAJOR_UINT, v);
}

bool cbor_put_int(struct buffer *b, int64_t v)
{
    if (v < 0)
        return put_head(b, MAJOR_NEGATIVE, (uint64_t)(-1 - v));
    return put_head(b, MAJOR_UINT, (uint64_t)v);
}

/* All or nothing, as buffer_append(). */
static bool put_string(struct buffer *b, enum major major, struct bytes v)
{
    size_t before = b->len;

    if (put_head(b, major, v.len) && buffer_append_bytes(b, v))
        return true;
    b->len = before;
    return false;
}

bool cbor_put_bytes(struct buffer *b, struct bytes v)
{
    return put_string(b, MAJOR_BYTES, v);
}

bool cbor_put_text(struct buffer *b, struct bytes v)
{
    return put_string(b, MAJOR_TEXT, v);
}

bool cbor_put_array(struct buffer *b, size_t n)
{
    return put_head(b, MAJOR_ARRAY, n);
}

bool cbor_put_map(struct buffer *b, size_t n)
{
    return put_head(b, MAJOR_MAP, n);
}

bool cbor_put_tag(struct buffer *b, uint64_t tag)
{
    return put_head(b, MAJOR_TAG, tag);
}

bool cbor_put_bool(struct buffer *b, bool v)
{
    return put_head(b, MAJOR_SIMPLE, v ? SIMPLE_TRUE : SIMPLE_FALSE);
}

bool cbor_put_null(struct buffer *b)
{
    return put_head(b, MAJOR_SIMPLE, SIMPLE_NULL);
}

/* ---- reading ---- */

struct head {
    enum major major;
    uint64_t value;
};

/* RFC 8949, 4.2.1: the argument is as short as it can be; lengths are definite. */
static bool take_head(struct reader *r, struct head *ret)
{
    uint8_t first;

    if (!reader_u8(r, &first))
        return false;
    uint8_t info = first & 31;
    ret->major = (enum major)(first >> 5);
    ret->value = info;
    if (info < 24)
        return true;
    if (info > 27)
        return false;
    size_t n = (size_t)1 << (info - 24);
    struct bytes argument;
    if (!reader_bytes(r, n, &argument))
        return false;
    uint64_t v = 0;
    for (size_t i = 0; i < n; i++)
        v = v << 8 | argument.data[i];
    ret->value = v;
    return n == 1 ? v >= 24 : v >> (4 * n) != 0;
}

static bool is_continuation(uint8_t c)
{
    return (c & 0xc0) == 0x80;
}

/* Length of the UTF-8 sequence (RFC 3629) at the beginning of `in`; 0: none. */
static size_t utf8_sequence(struct bytes in)
{
    const uint8_t *c = in.data;

    if (c[0] < 0x80)
        return 1;
    if (c[0] >= 0xc2 && c[0] <= 0xdf)
        return in.len >= 2 && is_continuation(c[1]) ? 2 : 0;
    if (c[0] >= 0xe0 && c[0] <= 0xef) {
        if (in.len < 3 || !is_continuation(c[1]) || !is_continuation(c[2]))
            return 0;
        bool overlong = c[0] == 0xe0 && c[1] < 0xa0;
        bool surrogate = c[0] == 0xed && c[1] >= 0xa0;
        return overlong || surrogate ? 0 : 3;
    }
    if (c[0] >= 0xf0 && c[0] <= 0xf4) {
        if (in.len < 4 || !is_continuation(c[1]) || !is_continuation(c[2]) ||
            !is_continuation(c[3]))
            return 0;
        bool overlong = c[0] == 0xf0 && c[1] < 0x90;
        bool beyond = c[0] == 0xf4 && c[1] >= 0x90;
        return overlong || beyond ? 0 : 4;
    }
    return 0;
}

static bool is_utf8(struct bytes in)
{
    while (in.len > 0) {
        size_t n = utf8_sequence(in);
        if (n == 0)
            return false;
        in.data += n;
        in.len -= n;
    }
    return true;
}

/* One head of the wanted major; `r` moves only when it is there. */
static bool get_head(struct reader *r, enum major wanted, uint64_t *ret)
{
    struct reader at = *r;
    struct head head;

    if (!take_head(&at, &head) || head.major != wanted)
        return false;
    *ret = head.value;
    *r = at;
    return true;
}

bool cbor_get_uint(struct reader *r, uint64_t *ret)
{
    return get_head(r, MAJOR_UINT, ret);
}

bool cbor_get_u32(struct reader *r, uint32_t *ret)
{
    struct reader in = *r;
    uint64_t v;

    if (!cbor_get_uint(&in, &v) || v > UINT32_MAX)
        return false;
    *ret = (uint32_t)v;
    *r = in;
    return true;
}

bool cbor_get_int(struct reader *r, int64_t *ret)
{
    struct reader at = *r;
    struct head head;

    if (!take_head(&at, &head) || head.major > MAJOR_NEGATIVE || head.value > INT64_MAX)
        return false;
    *ret = head.major == MAJOR_UINT ? (int64_t)head.value : -1 - (int64_t)head.value;
    *r = at;
    return true;
}

static bool get_string(struct reader *r, enum major major, struct bytes *ret)
{
    struct reader at = *r;
    uint64_t len;
    struct bytes string;

    if (!get_head(&at, major, &len) || !reader_bytes(&at, len, &string))
        return false;
    if (major == MAJOR_TEXT && !is_utf8(string))
        return false;
    *ret = string;
    *r = at;
    return true;
}

bool cbor_get_bytes(struct reader *r, struct bytes *ret)
{
    return get_string(r, MAJOR_BYTES, ret);
}

bool cbor_get_text(struct reader *r, struct bytes *ret)
{
    return get_string(r, MAJOR_TEXT, ret);
}

/* A count that the bytes left could not hold is refused here, so that callers may size by it. */
static bool get_count(struct reader *r, enum major major, size_t item_bytes, size_t *ret_n)
{
    struct reader at = *r;
    uint64_t n;

    if (!get_head(&at, major, &n) || n > reader_left(&at) / item_bytes)
        return false;
    *ret_n = n;
    *r = at;
    return true;
}

bool cbor_get_array(struct reader *r, size_t *ret_n)
{
    return get_count(r, MAJOR_ARRAY, 1, ret_n);
}

bool cbor_get_map(struct reader *r, size_t *ret_n)
{
    return get_count(r, MAJOR_MAP, 2, ret_n);
}

static bool take_byte(struct reader *r, uint8_t wanted)
{
    if (reader_left(r) == 0 || *r->at != wanted)
        return false;
    r->at++;
    return true;
}

bool cbor_get_indefinite_map(struct reader *r)
{
    return take_byte(r, MAJOR_MAP << 5 | 31);
}

bool cbor_get_break(struct reader *r)
{
    return take_byte(r, MAJOR_SIMPLE << 5 | 31);
}

bool cbor_get_tag(struct reader *r, uint64_t *ret)
{
    return get_head(r, MAJOR_TAG, ret);
}

bool cbor_get_bool(struct reader *r, bool *ret)
{
    struct reader at = *r;
    uint64_t v;

    if (!get_head(&at, MAJOR_SIMPLE, &v) || (v != SIMPLE_FALSE && v != SIMPLE_TRUE))
        return false;
    *ret = v == SIMPLE_TRUE;
    *r = at;
    return true;
}

bool cbor_get_null(struct reader *r)
{
    struct reader at = *r;
    uint64_t v;

    if (!get_head(&at, MAJOR_SIMPLE, &v) || v != SIMPLE_NULL)
        return false;
    *r = at;
    return true;
}

/* ---- whole items ---- */

/* Bytewise order of encoded keys (RFC 8949, 4.2.1). */
static bool is_before(struct bytes a, struct bytes b)
{
    size_t n = a.len < b.len ? a.len : b.len;
    int order = n ? memcmp(a.data, b.data, n) : 0;

    return order < 0 || (order == 0 && a.len < b.len);
}

static bool skip_item(struct reader *r, unsigned depth);

static bool skip_map(struct reader *r, uint64_t n, unsigned depth)
{
    struct bytes last = {0};

    for (uint64_t i = 0; i < n; i++) {
        const uint8_t *start = r->at;
        if (!skip_item(r, depth))
            return false;
        struct bytes key = bytes_of(start, (size_t)(r->at - start));
        if ((i > 0 && !is_before(last, key)) || !skip_item(r, depth))
            return false;
        last = key;
    }
    return true;
}

static bool skip_array(struct reader *r, uint64_t n, unsigned depth)
{
    for (uint64_t i = 0; i < n; i++)
        if (!skip_item(r, depth))
            return false;
    return true;
}

static bool skip_item(struct reader *r, unsigned depth)
{
    struct reader at = *r;
    struct head head;
    struct bytes string;

    if (depth > LIMIT_CBOR_DEPTH || !take_head(&at, &head))
        return false;
    switch (head.major) {
    case MAJOR_UINT:
    case MAJOR_NEGATIVE:
        *r = at;
        return true;
    case MAJOR_BYTES:
    case MAJOR_TEXT:
        return get_string(r, head.major, &string);
    case MAJOR_ARRAY:
        *r = at;
        return skip_array(r, head.value, depth + 1);
    case MAJOR_MAP:
        *r = at;
        return skip_map(r, head.value, depth + 1);
    case MAJOR_TAG:
        *r = at;
        return skip_item(r, depth + 1);
    case MAJOR_SIMPLE:
        *r = at;
        return head.value >= SIMPLE_FALSE && head.value <= SIMPLE_NULL;
    }
    return false;
}

bool cbor_skip(struct reader *r, struct bytes *ret)
{
    struct reader at = *r;

    if (!skip_item(&at, 0))
        return false;
    if (ret)
        *ret = bytes_of(r->at, (size_t)(at.at - r->at));
    *r = at;
    return true;
}

bool cbor_is_valid(struct bytes in)
{
    struct reader r = reader_of(in);

    return cbor_skip(&r, NULL) && reader_left(&r) == 0;
}

/* ---- maps with integer keys ---- */

bool cbor_map_begin(struct reader *r, struct cbor_map *ret)
{
    size_t n;

    if (!cbor_get_map(r, &n))
        return false;
    *ret = (struct cbor_map){.r = r, .left = n};
    return true;
}

bool cbor_map_next(struct cbor_map *map, int64_t *ret_key)
{
    if (map->bad || map->left == 0)
        return false;
    const uint8_t *start = map->r->at;
    map->bad = !cbor_get_int(map->r, ret_key);
    struct bytes key = bytes_of(start, (size_t)(map->r->at - start));
    if (!map->bad && map->last_key.len > 0)
        map->bad = !is_before(map->last_key, key);
    map->last_key = key;
    map->left--;
    return !map->bad;
}

bool cbor_map_done(const struct cbor_map *map)
{
    return !map->bad && map->left == 0;
}
