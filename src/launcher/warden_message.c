#include "launcher/warden_message.h"
#include "base/codes.h"
#include "base/limits.h"
#include "wire/cbor.h"

#include <stdio.h>

bool warden_ask_encode(const struct warden_ask *ask, struct buffer *b)
{
    size_t n = ask->kind == WARDEN_RUN ? 4 : ask->kind == WARDEN_KILL ? 3 : 2;

    if (!cbor_put_map(b, n) || !cbor_put_uint(b, WARDEN_KEY_KIND) || !cbor_put_uint(b, ask->kind) ||
        !cbor_put_uint(b, WARDEN_KEY_ID) || !cbor_put_uint(b, ask->id))
        return false;
    if (ask->kind == WARDEN_RUN)
        return cbor_put_uint(b, WARDEN_KEY_2) && cbor_put_text(b, bytes_of_text(ask->back_end)) &&
               cbor_put_uint(b, WARDEN_KEY_3) && cbor_put_bytes(b, bytes_of(ask->executable, 32));
    if (ask->kind == WARDEN_KILL)
        return cbor_put_uint(b, WARDEN_KEY_2) && cbor_put_uint(b, ask->run);
    return true;
}

static bool take_digest(struct reader *r, uint8_t ret[32])
{
    struct bytes v;

    if (!cbor_get_bytes(r, &v) || v.len != 32)
        return false;
    memcpy(ret, v.data, 32);
    return true;
}

/* Text that may be cut: it is for people. */
static bool take_text(struct reader *r, char *ret, size_t size)
{
    struct bytes v;

    if (!cbor_get_text(r, &v))
        return false;
    size_t n = v.len < size - 1 ? v.len : size - 1;
    memcpy(ret, v.data, n);
    ret[n] = 0;
    for (size_t i = 0; i < n; i++)
        if (ret[i] < 0x20 || ret[i] > 0x7e)
            ret[i] = '?';
    return true;
}

/* A name that the launcher acts upon: never cut. */
static bool take_name(struct reader *r, char *ret, size_t size)
{
    struct reader at = *r;
    struct bytes v;

    return cbor_get_text(&at, &v) && v.len > 0 && v.len < size && take_text(r, ret, size);
}

static bool take_back_ends(struct reader *r, struct warden_answer *ret)
{
    size_t n;

    if (!cbor_get_array(r, &n) || n > LIMIT_BACK_ENDS)
        return false;
    for (; ret->n_back_ends < n; ret->n_back_ends++)
        if (!take_name(r, ret->back_ends[ret->n_back_ends], LIMIT_BACK_END))
            return false;
    return true;
}

bool warden_listing_begin(struct reader *r, size_t *ret_n)
{
    return cbor_get_array(r, ret_n) && *ret_n <= LIMIT_BACK_ENDS;
}

static bool take_gap(struct reader *r, struct idevs_error *ret)
{
    size_t n;

    refuse(ret, "compartment.missing", "?");
    return cbor_get_array(r, &n) && n == 3 && take_text(r, ret->found, sizeof(ret->found)) &&
           take_text(r, ret->expected, sizeof(ret->expected)) &&
           take_text(r, ret->remedy, sizeof(ret->remedy));
}

bool warden_listing_next(struct reader *r, struct warden_back_end *ret)
{
    size_t n;

    *ret = (struct warden_back_end){.n_missing = 0};
    if (!cbor_get_array(r, &n) || n != 6 || !take_name(r, ret->name, sizeof(ret->name)) ||
        !cbor_get_bool(r, &ret->permitted) || !cbor_get_bool(r, &ret->isolates) ||
        !take_text(r, ret->protects_from, sizeof(ret->protects_from)) ||
        !take_text(r, ret->exposed_to, sizeof(ret->exposed_to)) || !cbor_get_array(r, &n) ||
        n > LIMIT_GAPS)
        return false;
    while (ret->n_missing < n)
        if (!take_gap(r, &ret->missing[ret->n_missing++]))
            return false;
    return true;
}

/* Read through once here, so that whoever reads it again finds nothing new. */
static bool take_listing(struct reader *r, struct warden_answer *ret)
{
    const uint8_t *from = r->at;
    struct warden_back_end back_end;
    size_t n;

    if (!warden_listing_begin(r, &n))
        return false;
    while (n-- > 0)
        if (!warden_listing_next(r, &back_end))
            return false;
    ret->listing = bytes_of(from, (size_t)(r->at - from));
    return true;
}

/* The keys of a map of text are in their encoding's order, which cbor_is_valid() has checked. */
static bool take_spans(struct reader *r, struct warden_answer *ret)
{
    size_t n;

    if (!cbor_get_map(r, &n) || n > LIMIT_SPANS)
        return false;
    for (; ret->n_spans < n; ret->n_spans++) {
        struct warden_span *span = &ret->spans[ret->n_spans];
        if (!take_name(r, span->name, sizeof(span->name)) || !cbor_get_uint(r, &span->ns))
            return false;
    }
    return true;
}

static bool take_refusal(struct reader *r, int64_t key, struct warden_answer *ret)
{
    ret->refused = true;
    switch (key) {
    case WARDEN_KEY_CODE:
        return take_name(r, ret->error.code, sizeof(ret->error.code));
    case WARDEN_KEY_FOUND:
        return take_text(r, ret->error.found, sizeof(ret->error.found));
    case WARDEN_KEY_EXPECTED:
        return take_text(r, ret->error.expected, sizeof(ret->error.expected));
    default:
        return false;
    }
}

static bool take_of_status(struct reader *r, int64_t key, struct warden_answer *ret)
{
    struct bytes v;

    switch (key) {
    case WARDEN_KEY_2:
        return take_back_ends(r, ret);
    case WARDEN_KEY_3:
        ret->has_toolchain = true;
        return take_digest(r, ret->toolchain);
    case WARDEN_KEY_4:
        return cbor_get_bytes(r, &v) && v.len == 32;
    case WARDEN_KEY_TEXT:
        return cbor_get_text(r, &v);
    case WARDEN_KEY_LISTING:
        return take_listing(r, ret);
    default:
        return take_refusal(r, key, ret);
    }
}

static bool take_of_build(struct reader *r, int64_t key, struct warden_answer *ret)
{
    switch (key) {
    case WARDEN_KEY_2:
        return cbor_get_bool(r, &ret->done);
    case WARDEN_KEY_3:
        ret->has_executable = true;
        return take_digest(r, ret->executable);
    case WARDEN_KEY_4:
        ret->has_toolchain = true;
        return take_digest(r, ret->toolchain);
    case WARDEN_KEY_TEXT: /* what a compiler prints need not be UTF-8 */
        return cbor_get_text(r, &ret->text) || cbor_get_bytes(r, &ret->text);
    case WARDEN_KEY_CACHED:
        return cbor_get_bool(r, &ret->cached);
    case WARDEN_KEY_MILLISECONDS:
        return cbor_get_uint(r, &ret->milliseconds) && ret->milliseconds <= INT64_MAX;
    case WARDEN_KEY_SPANS:
        return take_spans(r, ret);
    default:
        return take_refusal(r, key, ret);
    }
}

static bool take_of_run(struct reader *r, int64_t key, struct warden_answer *ret)
{
    if (key == WARDEN_KEY_2)
        return cbor_get_u32(r, &ret->run);
    if (key == WARDEN_KEY_SPANS)
        return take_spans(r, ret);
    return take_refusal(r, key, ret);
}

static bool take_of_kill(struct reader *r, int64_t key, struct warden_answer *ret)
{
    uint32_t run;

    return key == WARDEN_KEY_2 ? cbor_get_u32(r, &run) : take_refusal(r, key, ret);
}

static bool take_of_ended(struct reader *r, int64_t key, struct warden_answer *ret)
{
    switch (key) {
    case WARDEN_KEY_2:
        return cbor_get_u32(r, &ret->run);
    case WARDEN_KEY_3:
        return take_text(r, ret->error.code, sizeof(ret->error.code));
    case WARDEN_KEY_4:
        return take_text(r, ret->error.found, sizeof(ret->error.found));
    default:
        return false;
    }
}

typedef bool (*taker)(struct reader *r, int64_t key, struct warden_answer *ret);
static const taker TAKERS[] = {
    [WARDEN_STATUS] = take_of_status, [WARDEN_BUILD] = take_of_build, [WARDEN_RUN] = take_of_run,
    [WARDEN_KILL] = take_of_kill,     [WARDEN_ENDED] = take_of_ended,
};

/* A code that is not in our catalogue has no page, so nobody could act on it. */
static void complete_error(struct idevs_error *err)
{
    const struct code *entry = err->code[0] ? code_find(err->code) : NULL;

    if (err->code[0] && !entry) {
        char found[sizeof(err->found)];
        snprintf(found, sizeof(found), "%.40s: %.100s", err->code, err->found);
        refuse(err, "internal", "%s", found);
    } else if (entry) {
        if (!err->expected[0])
            snprintf(err->expected, sizeof(err->expected), "%s", entry->expected);
        snprintf(err->remedy, sizeof(err->remedy), "%s", entry->remedy);
    }
}

static bool take_head(struct cbor_map *map, struct reader *r, struct warden_answer *ret)
{
    int64_t key;
    uint32_t kind;

    if (!cbor_map_next(map, &key) || key != WARDEN_KEY_KIND || !cbor_get_u32(r, &kind) ||
        kind >= ARRAY_LEN(TAKERS) || !TAKERS[kind])
        return false;
    ret->kind = (enum warden_kind)kind;
    return cbor_map_next(map, &key) && key == WARDEN_KEY_ID && cbor_get_u32(r, &ret->id) &&
           (ret->id == 0) == (ret->kind == WARDEN_ENDED);
}

bool warden_answer_decode(struct bytes in, struct warden_answer *ret)
{
    struct warden_answer a = {0};
    struct reader r = reader_of(in);
    struct cbor_map map;
    int64_t key;

    if (!cbor_is_valid(in) || !cbor_map_begin(&r, &map) || !take_head(&map, &r, &a))
        return false;
    while (cbor_map_next(&map, &key))
        if (!TAKERS[a.kind](&r, key, &a))
            return false;
    if (!cbor_map_done(&map) || (a.refused && !a.error.code[0]))
        return false;
    complete_error(&a.error);
    *ret = a;
    return true;
}
