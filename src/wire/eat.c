#include "wire/eat.h"
#include "base/text.h"
#include "wire/cbor.h"

#include <stdio.h>

#define MEASUREMENTS_FORMAT 65000 /* content format of our one measurements entry, private use */

enum kind {
    KIND_TIME,         /* int64_t */
    KIND_FIXED,        /* bytes of exactly `size` */
    KIND_TEXT,         /* char[size], as text */
    KIND_BYTES,        /* char[size], as byte string */
    KIND_VERSION,      /* char[size], as array of one text */
    KIND_DEBUG,        /* enum eat_debug */
    KIND_MEASUREMENTS, /* the four digests */
    KIND_U32,
    KIND_U64,
    KIND_DIGEST,
    KIND_AUTHORITIES, /* char[LIMIT_SERVICES][LIMIT_AUTHORITY + 1] and its count */
    KIND_COMPONENTS,  /* struct eat_component[LIMIT_COMPONENTS] and its count */
};

/* Claims in the order of their encoded keys. Those that are not required are left out when zero,
 * empty or absent, and refused when they say so explicitly: a claims set has one encoding. */
struct claim {
    int64_t key;
    enum kind kind;
    bool required;
    size_t offset;
    size_t size;
    size_t count_offset;
};

#define CLAIM(key, kind, required, member)                                                         \
    {                                                                                              \
        key, kind, required, offsetof(struct eat_claims, member),                                  \
            sizeof(((struct eat_claims *)0)->member), 0                                            \
    }
#define COUNTED(key, kind, member, count)                                                          \
    {                                                                                              \
        key, kind, false, offsetof(struct eat_claims, member), 0,                                  \
            offsetof(struct eat_claims, count)                                                     \
    }

static const struct claim CLAIMS[] = {
    CLAIM(6, KIND_TIME, true, issued_at),
    CLAIM(10, KIND_FIXED, true, nonce),
    CLAIM(256, KIND_FIXED, true, ueid),
    CLAIM(259, KIND_BYTES, false, hwmodel),
    CLAIM(260, KIND_VERSION, false, hwversion),
    CLAIM(263, KIND_DEBUG, true, debug),
    CLAIM(270, KIND_TEXT, false, swname),
    CLAIM(271, KIND_VERSION, false, swversion),
    CLAIM(273, KIND_MEASUREMENTS, true, executable),
    CLAIM(-70001, KIND_TEXT, false, back_end),
    CLAIM(-70002, KIND_U32, false, n_cpus),
    CLAIM(-70003, KIND_U64, false, memory),
    CLAIM(-70004, KIND_DIGEST, false, measured.memory_map),
    CLAIM(-70005, KIND_TEXT, false, measured.memory_map_summary),
    CLAIM(-70006, KIND_TEXT, false, kernel),
    COUNTED(-70007, KIND_COMPONENTS, measured.components, measured.n_components),
    CLAIM(-70020, KIND_TEXT, false, tier),
    CLAIM(-70021, KIND_TEXT, false, breakers),
    CLAIM(-70022, KIND_TEXT, false, policy),
    CLAIM(-70023, KIND_TEXT, false, owner),
    COUNTED(-70024, KIND_AUTHORITIES, reads, n_reads),
    COUNTED(-70025, KIND_AUTHORITIES, writes, n_writes),
};

typedef char authorities[LIMIT_SERVICES][LIMIT_AUTHORITY + 1];

static const void *member(const struct claim *claim, const struct eat_claims *c)
{
    return (const uint8_t *)c + claim->offset;
}

static void *member_of(const struct claim *claim, struct eat_claims *c)
{
    return (uint8_t *)c + claim->offset;
}

static size_t count_of(const struct claim *claim, const struct eat_claims *c)
{
    const void *count = (const uint8_t *)c + claim->count_offset;

    return *(const size_t *)count;
}

static size_t *count_in(const struct claim *claim, struct eat_claims *c)
{
    void *count = (uint8_t *)c + claim->count_offset;

    return count;
}

/* ---- components ---- */

struct eat_component *eat_add_component(struct eat_measured *m, const char *name)
{
    if (m->n_components == LIMIT_COMPONENTS)
        return NULL;
    struct eat_component *c = &m->components[m->n_components++];
    snprintf(c->name, sizeof(c->name), "%s", name);
    return c;
}

const char *eat_component_text(const struct eat_measured *m, const char *name)
{
    for (size_t i = 0; i < m->n_components; i++)
        if (strcmp(m->components[i].name, name) == 0)
            return m->components[i].text;
    return NULL;
}

/* ---- writing ---- */

static bool is_present(const struct claim *claim, const struct eat_claims *c)
{
    const void *at = member(claim, c);

    if (claim->required)
        return true;
    switch (claim->kind) {
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_VERSION:
        return *(const char *)at != 0;
    case KIND_U32:
        return *(const uint32_t *)at != 0;
    case KIND_U64:
        return *(const uint64_t *)at != 0;
    case KIND_DIGEST:
        return ((const struct eat_digest *)at)->present;
    case KIND_AUTHORITIES:
    case KIND_COMPONENTS:
        return count_of(claim, c) != 0;
    case KIND_TIME:
    case KIND_FIXED:
    case KIND_DEBUG:
    case KIND_MEASUREMENTS:
        break;
    }
    return true;
}

/* Printable, so that it can stand in a log or on a terminal; the text ends within its room. */
static bool text_is_valid(const char *text, size_t room)
{
    size_t n = strnlen(text, room);

    if (n == 0 || n == room)
        return false;
    for (size_t i = 0; i < n; i++)
        if ((unsigned char)text[i] < 0x20 || text[i] == 0x7f)
            return false;
    return true;
}

static bool put_text(const struct claim *claim, const char *text, struct buffer *b)
{
    if (!text_is_valid(text, claim->size))
        return false;
    if (claim->kind == KIND_BYTES)
        return cbor_put_bytes(b, bytes_of_text(text));
    return (claim->kind == KIND_TEXT || cbor_put_array(b, 1)) &&
           cbor_put_text(b, bytes_of_text(text));
}

static bool put_digest(const struct eat_digest *digest, struct buffer *b)
{
    return cbor_put_bytes(b, bytes_of(digest->sha256, sizeof(digest->sha256)));
}

/* Executable and manifest always; source and toolchain when the warden compiled. */
static bool put_measurements(const struct eat_claims *c, struct buffer *b)
{
    const struct eat_digest *const all[] = {&c->executable, &c->source, &c->manifest,
                                            &c->toolchain};
    _cleanup_buffer_ struct buffer inner = buffer_up_to(LIMIT_EAT_MEASUREMENTS);
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        n += all[i]->present;
    if (!c->executable.present || !c->manifest.present || !cbor_put_map(&inner, n))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        if (all[i]->present && (!cbor_put_uint(&inner, i + 1) || !put_digest(all[i], &inner)))
            return false;
    return cbor_put_array(b, 1) && cbor_put_array(b, 2) && cbor_put_uint(b, MEASUREMENTS_FORMAT) &&
           cbor_put_bytes(b, buffer_bytes(&inner));
}

static bool put_authorities(const authorities *list, size_t n, struct buffer *b)
{
    if (n > LIMIT_SERVICES || !cbor_put_array(b, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!authority_is_valid((*list)[i]) || !cbor_put_text(b, bytes_of_text((*list)[i])))
            return false;
    return true;
}

static bool name_is_new(const struct eat_component *all, size_t i)
{
    for (size_t k = 0; k < i; k++)
        if (strcmp(all[k].name, all[i].name) == 0)
            return false;
    return true;
}

static bool component_is_valid(const struct eat_component *all, size_t i)
{
    return text_is_valid(all[i].name, sizeof(all[i].name)) &&
           text_is_valid(all[i].text, sizeof(all[i].text)) && name_is_new(all, i);
}

static bool put_components(const struct eat_component *all, size_t n, struct buffer *b)
{
    if (n > LIMIT_COMPONENTS || !cbor_put_array(b, n))
        return false;
    for (size_t i = 0; i < n; i++) {
        const struct eat_component *c = &all[i];
        if (!component_is_valid(all, i) || !cbor_put_array(b, c->digest.present ? 3 : 2) ||
            !cbor_put_text(b, bytes_of_text(c->name)) ||
            !cbor_put_text(b, bytes_of_text(c->text)) ||
            (c->digest.present && !put_digest(&c->digest, b)))
            return false;
    }
    return true;
}

static bool put_claim(const struct claim *claim, const struct eat_claims *c, struct buffer *b)
{
    const void *at = member(claim, c);

    if (!cbor_put_int(b, claim->key))
        return false;
    switch (claim->kind) {
    case KIND_TIME:
        return cbor_put_int(b, *(const int64_t *)at);
    case KIND_FIXED:
        return cbor_put_bytes(b, bytes_of(at, claim->size));
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_VERSION:
        return put_text(claim, at, b);
    case KIND_DEBUG:
        return c->debug <= EAT_DEBUG_DISABLED && cbor_put_uint(b, c->debug);
    case KIND_MEASUREMENTS:
        return put_measurements(c, b);
    case KIND_U32:
        return cbor_put_uint(b, *(const uint32_t *)at);
    case KIND_U64:
        return cbor_put_uint(b, *(const uint64_t *)at);
    case KIND_DIGEST:
        return put_digest(at, b);
    case KIND_AUTHORITIES:
        return put_authorities(at, count_of(claim, c), b);
    case KIND_COMPONENTS:
        return put_components(at, count_of(claim, c), b);
    }
    return false;
}

bool eat_encode(const struct eat_claims *claims, struct buffer *b)
{
    size_t n = 0;

    for (size_t i = 0; i < ARRAY_LEN(CLAIMS); i++)
        n += is_present(&CLAIMS[i], claims);
    if (!cbor_put_map(b, n))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(CLAIMS); i++)
        if (is_present(&CLAIMS[i], claims) && !put_claim(&CLAIMS[i], claims, b))
            return false;
    return true;
}

/* ---- reading ---- */

static bool get_text(const struct claim *claim, struct reader *r, char *ret)
{
    struct bytes text;
    size_t n;

    if (claim->kind == KIND_VERSION && (!cbor_get_array(r, &n) || n != 1))
        return false;
    if (claim->kind == KIND_BYTES ? !cbor_get_bytes(r, &text) : !cbor_get_text(r, &text))
        return false;
    if (text.len >= claim->size || (text.len && memchr(text.data, 0, text.len)))
        return false;
    memcpy(ret, text.data, text.len);
    ret[text.len] = 0;
    return text_is_valid(ret, claim->size);
}

static bool get_fixed(struct reader *r, uint8_t *ret, size_t len)
{
    struct bytes in;

    if (!cbor_get_bytes(r, &in) || in.len != len)
        return false;
    memcpy(ret, in.data, len);
    return true;
}

static bool get_digest(struct reader *r, struct eat_digest *ret)
{
    ret->present = get_fixed(r, ret->sha256, sizeof(ret->sha256));
    return ret->present;
}

static bool get_digests(struct bytes in, struct eat_claims *ret)
{
    struct eat_digest *const all[] = {&ret->executable, &ret->source, &ret->manifest,
                                      &ret->toolchain};
    struct reader r = reader_of(in);
    struct cbor_map map;
    int64_t key;

    if (!cbor_map_begin(&r, &map))
        return false;
    while (cbor_map_next(&map, &key))
        if (key < 1 || key > (int64_t)ARRAY_LEN(all) || !get_digest(&r, all[key - 1]))
            return false;
    return cbor_map_done(&map) && reader_left(&r) == 0 && ret->executable.present &&
           ret->manifest.present;
}

static bool get_measurements(struct reader *r, struct eat_claims *ret)
{
    size_t n;
    uint64_t format;
    struct bytes inner;

    return cbor_get_array(r, &n) && n == 1 && cbor_get_array(r, &n) && n == 2 &&
           cbor_get_uint(r, &format) && format == MEASUREMENTS_FORMAT &&
           cbor_get_bytes(r, &inner) && get_digests(inner, ret);
}

/* Into `size` bytes with their NUL. */
static bool get_plain_text(struct reader *r, char *ret, size_t size)
{
    struct bytes text;

    if (!cbor_get_text(r, &text) || text.len >= size ||
        (text.len && memchr(text.data, 0, text.len)))
        return false;
    if (text.len)
        memcpy(ret, text.data, text.len);
    ret[text.len] = 0;
    return true;
}

static bool get_authorities(struct reader *r, authorities *ret, size_t *ret_n)
{
    size_t n;

    if (!cbor_get_array(r, &n) || n == 0 || n > LIMIT_SERVICES)
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!get_plain_text(r, (*ret)[i], sizeof((*ret)[i])) || !authority_is_valid((*ret)[i]))
            return false;
    }
    *ret_n = n;
    return true;
}

static bool get_component(struct reader *r, struct eat_component *ret)
{
    size_t n;

    return cbor_get_array(r, &n) && (n == 2 || n == 3) &&
           get_plain_text(r, ret->name, sizeof(ret->name)) &&
           get_plain_text(r, ret->text, sizeof(ret->text)) &&
           (n == 2 || get_digest(r, &ret->digest));
}

static bool get_components(struct reader *r, struct eat_component *ret, size_t *ret_n)
{
    size_t n;

    if (!cbor_get_array(r, &n) || n == 0 || n > LIMIT_COMPONENTS)
        return false;
    for (size_t i = 0; i < n; i++)
        if (!get_component(r, &ret[i]) || !component_is_valid(ret, i))
            return false;
    *ret_n = n;
    return true;
}

static bool get_number(struct reader *r, uint64_t min, uint64_t max, uint64_t *ret)
{
    return cbor_get_uint(r, ret) && *ret >= min && *ret <= max;
}

static bool get_claim(const struct claim *claim, struct reader *r, struct eat_claims *ret)
{
    void *at = member_of(claim, ret);
    uint64_t v = 0;

    switch (claim->kind) {
    case KIND_TIME:
        return cbor_get_int(r, at);
    case KIND_FIXED:
        return get_fixed(r, at, claim->size);
    case KIND_TEXT:
    case KIND_BYTES:
    case KIND_VERSION:
        return get_text(claim, r, at);
    case KIND_DEBUG:
        if (!get_number(r, EAT_DEBUG_ENABLED, EAT_DEBUG_DISABLED, &v))
            return false;
        ret->debug = (enum eat_debug)v;
        return true;
    case KIND_MEASUREMENTS:
        return get_measurements(r, ret);
    case KIND_U32:
        if (!get_number(r, 1, UINT32_MAX, &v))
            return false;
        *(uint32_t *)at = (uint32_t)v;
        return true;
    case KIND_U64:
        return get_number(r, 1, UINT64_MAX, at);
    case KIND_DIGEST:
        return get_digest(r, at);
    case KIND_AUTHORITIES:
        return get_authorities(r, at, count_in(claim, ret));
    case KIND_COMPONENTS:
        return get_components(r, at, count_in(claim, ret));
    }
    return false;
}

/* The table's order is that of the encoded keys, so claims are met in it. */
static const struct claim *find_claim(int64_t key, size_t *from)
{
    for (size_t i = *from; i < ARRAY_LEN(CLAIMS); i++) {
        if (CLAIMS[i].key == key) {
            *from = i + 1;
            return &CLAIMS[i];
        }
        if (CLAIMS[i].required)
            return NULL; /* passed over */
    }
    return NULL;
}

static bool required_are_behind(size_t from)
{
    for (size_t i = from; i < ARRAY_LEN(CLAIMS); i++)
        if (CLAIMS[i].required)
            return false;
    return true;
}

bool eat_decode(struct bytes in, struct eat_claims *ret)
{
    struct reader r = reader_of(in);
    struct cbor_map map;
    int64_t key;
    size_t from = 0;

    *ret = (struct eat_claims){0};
    if (!cbor_map_begin(&r, &map))
        return false;
    while (cbor_map_next(&map, &key)) {
        const struct claim *claim = find_claim(key, &from);
        if (!claim || !get_claim(claim, &r, ret))
            return false;
    }
    return cbor_map_done(&map) && reader_left(&r) == 0 && required_are_behind(from);
}
