/* CBOR, RFC 8949, in core deterministic encoding (4.2.1): definite lengths, shortest form, map keys
 * sorted bytewise and unique. No allocation. No floats; simple values false, true, null only. */
#ifndef IDEVS_WIRE_CBOR_H
#define IDEVS_WIRE_CBOR_H

#include "base/buffer.h"

/* qsort() order of map keys that are texts, elements that begin with a `const char *`: shorter ones
 * first, then bytewise. */
int cbor_compare_keys(const void *a, const void *b);

/* Writers append to `b`; false past its max. Sorting of map keys is the caller's. */
bool cbor_put_uint(struct buffer *b, uint64_t v) _must_check_;
bool cbor_put_int(struct buffer *b, int64_t v) _must_check_;
bool cbor_put_bytes(struct buffer *b, struct bytes v) _must_check_;
bool cbor_put_text(struct buffer *b, struct bytes v) _must_check_;
bool cbor_put_array(struct buffer *b, size_t n) _must_check_; /* n items follow */
bool cbor_put_map(struct buffer *b, size_t n) _must_check_;   /* n pairs follow */
bool cbor_put_tag(struct buffer *b, uint64_t tag) _must_check_;
bool cbor_put_bool(struct buffer *b, bool v) _must_check_;
bool cbor_put_null(struct buffer *b) _must_check_;

/* Readers take one item off `r`; false (and `r` unmoved) for another type or a malformed item. Text
 * is checked to be UTF-8. */
bool cbor_get_uint(struct reader *r, uint64_t *ret) _must_check_;
bool cbor_get_u32(struct reader *r, uint32_t *ret) _must_check_;
bool cbor_get_int(struct reader *r, int64_t *ret) _must_check_;
bool cbor_get_bytes(struct reader *r, struct bytes *ret) _must_check_;
bool cbor_get_text(struct reader *r, struct bytes *ret) _must_check_;
bool cbor_get_array(struct reader *r, size_t *ret_n) _must_check_;
bool cbor_get_map(struct reader *r, size_t *ret_n) _must_check_;
bool cbor_get_tag(struct reader *r, uint64_t *ret) _must_check_;
bool cbor_get_bool(struct reader *r, bool *ret) _must_check_;
bool cbor_get_null(struct reader *r) _must_check_;
/* The only forms beside the deterministic one: a map whose length is not said, as some documents of
 * others use it, begins here and ends with the break. */
bool cbor_get_indefinite_map(struct reader *r) _must_check_;
bool cbor_get_break(struct reader *r) _must_check_;
/* Steps over one item of any kind, checking it whole; `ret` (may be NULL) is its encoding. Nesting
 * at most 16. */
bool cbor_skip(struct reader *r, struct bytes *ret) _must_check_;

/* Walks the pairs of a map whose keys are integers, checking their order: call cbor_map_next()
 * until it returns false, then cbor_map_done(): true only when every pair was there, in order,
 * unique. The caller must take (or skip) the value between two calls. */
struct cbor_map {
    struct reader *r;
    size_t left;
    struct bytes last_key; /* encoded, for the order */
    bool bad;
};
bool cbor_map_begin(struct reader *r, struct cbor_map *ret) _must_check_;
bool cbor_map_next(struct cbor_map *map, int64_t *ret_key) _must_check_;
bool cbor_map_done(const struct cbor_map *map) _must_check_;

/* True when `in` is exactly one well-formed deterministic item. */
bool cbor_is_valid(struct bytes in) _must_check_;

#endif
