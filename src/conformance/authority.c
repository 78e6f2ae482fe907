#include "conformance/authority.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "crypto/files.h"

#include <errno.h>
#include <sys/stat.h>

/* ---- CAs ---- */

static bool ca_make(const char *subject, const struct test_ca *issuer, int64_t now,
                    struct test_ca *ret, struct idevs_error *ret_err)
{
    uint8_t spki[SPKI_LEN];
    _cleanup_buffer_ struct buffer der = buffer_up_to(LIMIT_CERTIFICATE);

    ret->key = key_generate();
    key_spki(ret->key, spki);
    const struct certificate_fields fields = {.subject = subject,
                                              .spki = spki,
                                              .not_before = now - LIMIT_TEST_BACKDATE,
                                              .not_after = now + LIMIT_TEST_AUTHORITY_LIFE,
                                              .is_ca = true,
                                              .path_length = issuer ? 0 : 1,
                                              .uri = "spiffe://" TEST_DOMAIN};
    if (!certificate_make(&fields, issuer ? issuer->certificate : NULL,
                          issuer ? issuer->key : ret->key, &der))
        return refuse(ret_err, "certificate.key", "a CA's key that is not its certificate's");
    ret->certificate = certificate_parse(buffer_bytes(&der), ret_err);
    return ret->certificate != NULL;
}

static void ca_release(struct test_ca *ca)
{
    key_free(ca->key);
    certificate_free(ca->certificate);
    *ca = (struct test_ca){0};
}

void test_authority_release(struct test_authority *a)
{
    ca_release(&a->root);
    ca_release(&a->tier);
    ca_release(&a->other_tier);
    ca_release(&a->foreign);
}
#define _cleanup_test_authority_ _cleanup_(test_authority_release)

/* ---- files ---- */

static bool is_free(const char *folder, const char *name, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, name);
    struct stat st;

    if (lstat(path, &st) == 0)
        return refuse_expecting(ret_err, "file.unwritable", "a folder without a test authority",
                                "%s exists", path);
    return errno == ENOENT || refuse_errno(ret_err, "file.unwritable", path);
}

static bool write_ca(const char *folder, const char *name, const char *key_name,
                     const struct test_ca *ca, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, name);
    _cleanup_text_ char *key_path = alloc_format("%s/%s", folder, key_name);
    const struct chain chain = {.at = {ca->certificate}, .n = 1};

    return key_to_file(key_path, ca->key, ret_err) && chain_to_file(path, &chain, ret_err);
}

static bool write_report_key(const char *folder, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, TEST_REPORT_KEY);
    _cleanup_text_ char *public_path = alloc_format("%s/%s", folder, TEST_REPORT_PUB);
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CONFIG);

    if (!public_key_pem(public, &pem))
        return refuse(ret_err, "internal", "a public key that cannot be written");
    return key_to_file(path, key, ret_err) &&
           file_write(public_path, buffer_bytes(&pem), 0644, ret_err);
}

bool test_authority_init(const char *folder, int64_t now, struct idevs_error *ret_err)
{
    static const char *const NAMES[] = {TEST_ROOT,     TEST_ROOT_KEY,   TEST_TIER,
                                        TEST_TIER_KEY, TEST_REPORT_KEY, TEST_REPORT_PUB};
    struct test_authority a _cleanup_test_authority_ = {0};

    if (!folder_make(folder, 0700, ret_err))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++)
        if (!is_free(folder, NAMES[i], ret_err))
            return false;
    return ca_make("iDevS conformance root", NULL, now, &a.root, ret_err) &&
           ca_make("iDevS conformance development CA", &a.root, now, &a.tier, ret_err) &&
           write_ca(folder, TEST_ROOT, TEST_ROOT_KEY, &a.root, ret_err) &&
           write_ca(folder, TEST_TIER, TEST_TIER_KEY, &a.tier, ret_err) &&
           write_report_key(folder, ret_err);
}

static bool read_ca(const char *folder, const char *name, const char *key_name, int64_t now,
                    struct test_ca *ret, struct idevs_error *ret_err)
{
    _cleanup_text_ char *path = alloc_format("%s/%s", folder, name);
    _cleanup_text_ char *key_path = alloc_format("%s/%s", folder, key_name);
    struct chain chain _cleanup_chain_ = {.n = 0};

    ret->key = key_from_file(key_path, ret_err);
    if (!ret->key || !chain_from_file(path, &chain, ret_err))
        return false;
    if (chain.n != 1)
        return refuse(ret_err, "certificate.malformed", "%s: several certificates", path);
    ret->certificate = chain.at[0];
    chain.n = 0;
    if (now > certificate_not_after(ret->certificate))
        return refuse_expecting(ret_err, "certificate.expired",
                                "a test authority of the last seven days",
                                "%s: make a new one with `idevs conformance init`", path);
    return true;
}

bool test_authority_load(const char *folder, int64_t now, struct test_authority *ret,
                         struct idevs_error *ret_err)
{
    *ret = (struct test_authority){0};
    if (read_ca(folder, TEST_ROOT, TEST_ROOT_KEY, now, &ret->root, ret_err) &&
        read_ca(folder, TEST_TIER, TEST_TIER_KEY, now, &ret->tier, ret_err) &&
        ca_make("iDevS conformance isolated CA", &ret->root, now, &ret->other_tier, ret_err) &&
        ca_make("iDevS conformance development CA", NULL, now, &ret->foreign, ret_err))
        return true;
    test_authority_release(ret);
    return false;
}
