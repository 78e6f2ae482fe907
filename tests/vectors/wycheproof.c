/* Project Wycheproof: known attacks on what our suite stands on. Every test of a file runs, or is
 * counted as one that our interfaces cannot express; the numbers of both are held. */
#include "crypto/aead.h"
#include "crypto/algorithms.h"
#include "crypto/handles.h"
#include "crypto/hkdf.h"
#include "crypto/hpke.h"
#include "crypto/vendor.h"
#include "test.h"

#include "published.h"

enum verdict {
    WRONG = 0,
    RIGHT,
    OUTSIDE, /* of our interfaces: another size of key or nonce */
};

typedef enum verdict (*check)(const json_t *group, const json_t *test);

static bool is_valid(const json_t *test)
{
    return strcmp(text(test, "result"), "valid") == 0;
}

static enum verdict verdict_of(bool right)
{
    return right ? RIGHT : WRONG;
}

/* All tests of the file: exactly `outside` of them are that. */
static void every_test(const char *file, check run, size_t n, size_t outside)
{
    char name[256];
    size_t i;
    size_t j;
    json_t *group;
    json_t *test;
    size_t counts[OUTSIDE + 1] = {0};

    snprintf(name, sizeof(name), "wycheproof/%s_test.json", file);
    json_t *root = published(name);
    json_array_foreach(json_object_get(root, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            enum verdict verdict = run(group, test);
            if (verdict == WRONG)
                fail_msg("%s: test %lld", file, (long long)number(test, "tcId"));
            counts[verdict]++;
        }
    }
    print_message("%s: %zu ran, %zu of other sizes\n", file, counts[RIGHT], counts[OUTSIDE]);
    assert_int_equal(counts[RIGHT] + counts[OUTSIDE], number(root, "numberOfTests"));
    assert_int_equal(counts[RIGHT], n);
    assert_int_equal(counts[OUTSIDE], outside);
    json_decref(root);
}

static void raw_key(const json_t *test, const char *name, uint8_t ret[X25519_LEN])
{
    _cleanup_buffer_ struct buffer b = octets(test, name);

    assert_int_equal(b.len, X25519_LEN);
    memcpy(ret, b.data, X25519_LEN);
}

/* RFC 7748, 6.1: the all-zero result is refused, whatever the file calls it. */
static enum verdict check_x25519(const json_t *group, const json_t *test)
{
    static const uint8_t zero[X25519_LEN];
    uint8_t raw[X25519_LEN];
    uint8_t peer[X25519_LEN];
    uint8_t wanted[X25519_LEN];
    uint8_t shared[X25519_LEN];
    (void)group;
    raw_key(test, "private", raw);
    raw_key(test, "public", peer);
    raw_key(test, "shared", wanted);
    _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(raw);
    bool is_zero = memcmp(wanted, zero, sizeof(zero)) == 0;
    bool made = x25519_shared(key, peer, shared);
    return verdict_of(is_zero ? !made : made && memcmp(shared, wanted, sizeof(wanted)) == 0);
}

static void x25519(void **state)
{
    (void)state;
    every_test("x25519", check_x25519, 518, 0);
}

static const EVP_CIPHER *cipher_of(const json_t *group)
{
    switch (number(group, "keySize")) {
    case 128:
        return algorithms()->aes_128_gcm;
    case 256:
        return algorithms()->aes_256_gcm;
    default:
        return NULL;
    }
}

static enum verdict check_gcm(const json_t *group, const json_t *test)
{
    if (number(group, "ivSize") != 96 || !cipher_of(group))
        return OUTSIDE;
    _cleanup_buffer_ struct buffer key = octets(test, "key");
    _cleanup_buffer_ struct buffer iv = octets(test, "iv");
    _cleanup_buffer_ struct buffer aad = octets(test, "aad");
    _cleanup_buffer_ struct buffer msg = octets(test, "msg");
    _cleanup_buffer_ struct buffer sealed = octets(test, "ct");
    _cleanup_buffer_ struct buffer tag = octets(test, "tag");
    _cleanup_buffer_ struct buffer out = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer ours = buffer_up_to(4096);
    struct gcm g = {cipher_of(group), key.data, iv.data};

    assert_int_equal(tag.len, HPKE_TAG_LEN);
    assert_true(buffer_append_bytes(&sealed, buffer_bytes(&tag)));
    bool opened = gcm_open(&g, buffer_bytes(&aad), buffer_bytes(&sealed), &out);
    if (!is_valid(test))
        return verdict_of(!opened && out.len == 0);
    return verdict_of(opened && bytes_equal(buffer_bytes(&out), buffer_bytes(&msg)) &&
                      gcm_seal(&g, buffer_bytes(&aad), buffer_bytes(&msg), &ours) &&
                      bytes_equal(buffer_bytes(&ours), buffer_bytes(&sealed)));
}

static void aes_gcm(void **state)
{
    (void)state;
    every_test("aes_gcm", check_gcm, 133, 183);
}

static enum verdict check_hkdf(const json_t *group, const json_t *test)
{
    uint8_t prk[SHA256_LEN];
    _cleanup_buffer_ struct buffer ikm = octets(test, "ikm");
    _cleanup_buffer_ struct buffer salt = octets(test, "salt");
    _cleanup_buffer_ struct buffer info = octets(test, "info");
    _cleanup_buffer_ struct buffer out = buffer_up_to(1 << 20);
    uint8_t *room = buffer_extend(&out, (size_t)number(test, "size"));
    (void)group;
    bool made = hkdf_extract(buffer_bytes(&salt), buffer_bytes(&ikm), prk) &&
                hkdf_expand(prk, buffer_bytes(&info), room, out.len);
    if (!is_valid(test))
        return verdict_of(!made);
    _cleanup_buffer_ struct buffer okm = octets(test, "okm");
    return verdict_of(made && bytes_equal(buffer_bytes(&out), buffer_bytes(&okm)));
}

static void hkdf_sha256(void **state)
{
    (void)state;
    every_test("hkdf_sha256", check_hkdf, 86, 0);
}

static struct public_key *p256_key(const json_t *group)
{
    _cleanup_buffer_ struct buffer spki = octets(group, "publicKeyDer");
    struct public_key *key = public_key_from_spki(buffer_bytes(&spki));

    assert_non_null(key);
    return key;
}

/* A signature of another length has no place in our interface: none of them may be valid. */
static enum verdict check_p256_raw(const json_t *group, const json_t *test)
{
    _cleanup_public_key_ struct public_key *key = p256_key(group);
    _cleanup_buffer_ struct buffer msg = octets(test, "msg");
    _cleanup_buffer_ struct buffer sig = octets(test, "sig");
    bool verified = sig.len == ES256_LEN && public_key_verify(key, buffer_bytes(&msg), sig.data);

    return verdict_of(verified == is_valid(test));
}

static void ecdsa_p256_raw(void **state)
{
    (void)state;
    every_test("ecdsa_secp256r1_sha256_p1363", check_p256_raw, 262, 0);
}

static enum verdict check_p256_der(const json_t *group, const json_t *test)
{
    _cleanup_public_key_ struct public_key *key = p256_key(group);
    _cleanup_buffer_ struct buffer msg = octets(test, "msg");
    _cleanup_buffer_ struct buffer sig = octets(test, "sig");
    bool verified = public_key_verify_der(key, buffer_bytes(&msg), buffer_bytes(&sig));

    return verdict_of(verified == is_valid(test));
}

static void ecdsa_p256_der(void **state)
{
    (void)state;
    every_test("ecdsa_secp256r1_sha256", check_p256_der, 484, 0);
}

static enum verdict check_p384_raw(const json_t *group, const json_t *test)
{
    _cleanup_buffer_ struct buffer spki = octets(group, "publicKeyDer");
    _cleanup_buffer_ struct buffer msg = octets(test, "msg");
    _cleanup_buffer_ struct buffer sig = octets(test, "sig");
    _cleanup_vendor_key_ struct vendor_key *key = vendor_key_from_spki(buffer_bytes(&spki));
    bool verified =
        key && vendor_key_verify(key, VENDOR_ES384, buffer_bytes(&msg), buffer_bytes(&sig));

    return verdict_of(verified == is_valid(test));
}

static void ecdsa_p384_raw(void **state)
{
    (void)state;
    every_test("ecdsa_secp384r1_sha384_p1363", check_p384_raw, 280, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(x25519),         cmocka_unit_test(aes_gcm),
        cmocka_unit_test(hkdf_sha256),    cmocka_unit_test(ecdsa_p256_raw),
        cmocka_unit_test(ecdsa_p256_der), cmocka_unit_test(ecdsa_p384_raw),
    };
    if (!published_is_here("wycheproof"))
        return SKIPPED;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
