/* Real hardware evidence of ../shared/vectors with what stands behind it, for the tests of each
 * technology. */
#ifndef IDEVS_TESTS_VECTORS_REAL_H
#define IDEVS_TESTS_VECTORS_REAL_H

#include "test.h"

#include "base/fd.h"
#include "base/text.h"
#include "evidence/hardware.h"
#include "published.h"

/* From one changed byte to the next. The plain build tries each; sanitizers, which take their time,
 * look for what a refusal does wrong, and that is the same at neighbours. */
#ifdef __SANITIZE_ADDRESS__
#define BYTE_STEP 7
#else
#define BYTE_STEP 1
#endif

/* One piece of evidence. */
struct example {
    const struct hardware_verifier *verifier;
    struct buffer evidence;
    struct endorsements endorsements;
    int64_t at;
};

static inline void example_release(struct example *x)
{
    buffer_free(&x->evidence);
    endorsements_release(&x->endorsements);
}
#define _cleanup_example_ _cleanup_(example_release)

static inline struct buffer published_file(const char *name)
{
    char path[4096];
    struct idevs_error err;
    struct buffer b = buffer_up_to(LIMIT_CRL);

    published_path(name, path);
    if (!file_read(path, &b, &err))
        fail_msg("%s: %s", path, err.found);
    return b;
}

static inline void example_endorse(struct example *x, const char *file)
{
    struct idevs_error err;
    const char *slash = strrchr(file, '/');
    _cleanup_buffer_ struct buffer b = published_file(file);

    if (!endorsements_add(&x->endorsements, slash ? slash + 1 : file, buffer_bytes(&b), &err))
        fail_msg("%s: %s, %s", file, err.code, err.found);
}

static inline void example_trust(struct example *x, const char *file)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer b = published_file(file);

    if (!endorsements_add_roots(&x->endorsements, buffer_bytes(&b), &err))
        fail_msg("%s: %s, %s", file, err.code, err.found);
}

static inline bool example_verify_with(const struct example *x, struct bytes nonce,
                                       bool allow_debug, struct claims *claims,
                                       struct idevs_error *err)
{
    const struct verification v = {.evidence = buffer_bytes(&x->evidence),
                                   .endorsements = &x->endorsements,
                                   .nonce = nonce,
                                   .at = x->at,
                                   .allow_debug = allow_debug};

    *claims = (struct claims){.n = 0};
    return x->verifier->verify(&v, claims, NULL, err);
}

static inline bool example_verify(const struct example *x, struct claims *claims,
                                  struct idevs_error *err)
{
    return example_verify_with(x, bytes_of(NULL, 0), false, claims, err);
}

static inline void example_is_accepted(const struct example *x)
{
    struct claims claims;
    struct idevs_error err;

    if (!example_verify(x, &claims, &err))
        fail_msg("%s: %s", err.code, err.found);
}

static inline void example_is_refused(const struct example *x, const char *code)
{
    struct claims claims;
    struct idevs_error err;

    assert_false(example_verify(x, &claims, &err));
    assert_refused(&err, code);
}

/* Every byte of evidence[from..to) changed, one at a time, refuses with `code`. */
static inline void every_byte_counts(struct example *x, size_t from, size_t to, const char *code)
{
    for (size_t i = from; i < to; i++) {
        struct claims claims;
        struct idevs_error err = {0};
        x->evidence.data[i] ^= 0x01;
        bool accepted = example_verify(x, &claims, &err);
        x->evidence.data[i] ^= 0x01;
        if (accepted || strcmp(err.code, code) != 0)
            fail_msg("byte %zu: %s %s", i, accepted ? "accepted" : err.code, err.found);
    }
}

#endif
