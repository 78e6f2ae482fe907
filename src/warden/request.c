#include "warden/request.h"
#include "wire/cbor.h"

#include <stdlib.h>

static bool take_back_end(struct reader *r, struct request *ret)
{
    struct bytes v;

    if (!cbor_get_text(r, &v) || v.len == 0 || v.len >= sizeof(ret->back_end) ||
        memchr(v.data, 0, v.len))
        return false;
    memcpy(ret->back_end, v.data, v.len);
    return true;
}

static bool take_number(struct reader *r, struct request *ret)
{
    return cbor_get_u32(r, &ret->run);
}

/* Who may ask what, and how. What is not here closes the connection. */
static const struct permission {
    unsigned states; /* of enum connection_state, or-ed */
    size_t n_fds;
    bool (*take_2)(struct reader *r, struct request *ret); /* value of key 2; NULL: no such key */
} PERMISSIONS[] = {
    [WARDEN_STATUS] = {CONNECTION_OPEN | CONNECTION_ENDING, 0, NULL},
    [WARDEN_BUILD] = {CONNECTION_OPEN, 2, NULL},
    [WARDEN_RUN] = {CONNECTION_OPEN, 2, take_back_end},
    [WARDEN_KILL] = {CONNECTION_OPEN | CONNECTION_ENDING, 0, take_number},
};

/* What the launcher calls the executable; may be absent. */
static bool take_executable(struct cbor_map *map, struct reader *r, struct request *ret)
{
    struct bytes v;
    int64_t key;

    if (!cbor_map_next(map, &key))
        return true;
    if (key != WARDEN_KEY_3 || !cbor_get_bytes(r, &v) || v.len != SHA256_LEN)
        return false;
    ret->has_executable = true;
    memcpy(ret->executable, v.data, SHA256_LEN);
    return true;
}

static bool take_head(struct cbor_map *map, struct reader *r, struct request *ret)
{
    int64_t key;
    uint32_t kind;

    if (!cbor_map_next(map, &key) || key != WARDEN_KEY_KIND || !cbor_get_u32(r, &kind) ||
        kind >= ARRAY_LEN(PERMISSIONS))
        return false;
    ret->kind = (enum warden_kind)kind;
    return cbor_map_next(map, &key) && key == WARDEN_KEY_ID && cbor_get_u32(r, &ret->id) &&
           ret->id != 0;
}

bool request_decode(struct bytes in, size_t n_fds, enum connection_state state, struct request *ret)
{
    struct request q = {0};
    struct reader r = reader_of(in);
    struct cbor_map map;
    int64_t key;

    if (!cbor_map_begin(&r, &map) || !take_head(&map, &r, &q))
        return false;
    const struct permission *p = &PERMISSIONS[q.kind];
    if (!(p->states & (unsigned)state) || p->n_fds != n_fds)
        return false;
    if (p->take_2 && (!cbor_map_next(&map, &key) || key != WARDEN_KEY_2 || !p->take_2(&r, &q)))
        return false;
    if (q.kind == WARDEN_RUN && !take_executable(&map, &r, &q))
        return false;
    if (cbor_map_next(&map, &key) || !cbor_map_done(&map) || reader_left(&r) != 0)
        return false;
    *ret = q;
    return true;
}

static bool put_head(struct buffer *b, size_t n, uint32_t kind, uint32_t id)
{
    return cbor_put_map(b, n + 2) && cbor_put_uint(b, WARDEN_KEY_KIND) && cbor_put_uint(b, kind) &&
           cbor_put_uint(b, WARDEN_KEY_ID) && cbor_put_uint(b, id);
}

static bool put_digest(struct buffer *b, enum warden_key key, const uint8_t *digest)
{
    return !digest || (cbor_put_uint(b, key) && cbor_put_bytes(b, bytes_of(digest, SHA256_LEN)));
}

static bool put_text(struct buffer *b, enum warden_key key, const char *text)
{
    return cbor_put_uint(b, key) && cbor_put_text(b, bytes_of_text(text));
}

static bool put_error(struct buffer *b, const struct idevs_error *err)
{
    return put_text(b, WARDEN_KEY_CODE, err->code) && put_text(b, WARDEN_KEY_FOUND, err->found) &&
           put_text(b, WARDEN_KEY_EXPECTED, err->expected);
}

bool answer_status(const struct status_answer *a, struct buffer *b)
{
    bool ok = put_head(b, a->toolchain ? 5 : 4, WARDEN_STATUS, a->id) &&
              cbor_put_uint(b, WARDEN_KEY_2) && cbor_put_array(b, a->n_back_ends);

    for (size_t i = 0; i < a->n_back_ends && ok; i++)
        ok = cbor_put_text(b, bytes_of_text(a->back_ends[i]));
    return ok && put_digest(b, WARDEN_KEY_3, a->toolchain) &&
           put_digest(b, WARDEN_KEY_4, a->platform) &&
           put_text(b, WARDEN_KEY_TEXT, IDEVS_VERSION) && cbor_put_uint(b, WARDEN_KEY_LISTING) &&
           buffer_append_bytes(b, a->listing);
}

bool answer_build(const struct build_answer *a, struct buffer *b)
{
    size_t n = (size_t)(a->executable ? 5 : 7) + (size_t)(a->toolchain ? 1 : 0);

    return put_head(b, n, WARDEN_BUILD, a->id) && cbor_put_uint(b, WARDEN_KEY_2) &&
           cbor_put_bool(b, a->executable != NULL) && put_digest(b, WARDEN_KEY_3, a->executable) &&
           put_digest(b, WARDEN_KEY_4, a->toolchain) && cbor_put_uint(b, WARDEN_KEY_TEXT) &&
           cbor_put_text(b, a->text) && cbor_put_uint(b, WARDEN_KEY_CACHED) &&
           cbor_put_bool(b, a->cached) && cbor_put_uint(b, WARDEN_KEY_MILLISECONDS) &&
           cbor_put_uint(b, a->milliseconds) && (a->executable || put_error(b, a->err));
}

static uint64_t span_of(const struct spans *spans, const char *name)
{
    for (unsigned i = 0; i < spans->n; i++)
        if (spans->at[i].name == name)
            return spans->at[i].ns;
    return 0;
}

bool answer_run(uint32_t id, uint32_t run, const struct spans *spans, struct buffer *b)
{
    const char *names[LIMIT_SPANS];

    for (unsigned i = 0; i < spans->n; i++)
        names[i] = spans->at[i].name;
    qsort(names, spans->n, sizeof(names[0]), cbor_compare_keys);
    bool ok = put_head(b, 2, WARDEN_RUN, id) && cbor_put_uint(b, WARDEN_KEY_2) &&
              cbor_put_uint(b, run) && cbor_put_uint(b, WARDEN_KEY_SPANS) &&
              cbor_put_map(b, spans->n);
    for (unsigned i = 0; i < spans->n && ok; i++)
        ok =
            cbor_put_text(b, bytes_of_text(names[i])) && cbor_put_uint(b, span_of(spans, names[i]));
    return ok;
}

bool answer_kill(uint32_t id, struct buffer *b)
{
    return put_head(b, 0, WARDEN_KILL, id);
}

bool answer_refusal(const struct request *request, const struct idevs_error *err, struct buffer *b)
{
    return put_head(b, 3, request->kind, request->id) && put_error(b, err);
}

bool event_ended(uint32_t run, const char *code, const char *detail, struct buffer *b)
{
    return put_head(b, 3, WARDEN_ENDED, 0) && cbor_put_uint(b, WARDEN_KEY_2) &&
           cbor_put_uint(b, run) && put_text(b, WARDEN_KEY_3, code) &&
           put_text(b, WARDEN_KEY_4, detail);
}
