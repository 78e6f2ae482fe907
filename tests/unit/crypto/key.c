#include "crypto/key.h"
#include "crypto/vendor.h"
#include "test.h"

#include "hex.h"
#include "rfc9421.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

/* Of the COSE working group: ecdsa-sig-02. */
#define ES384_SPKI                                                                                 \
    "3076301006072a8648ce3d020106052b81040022036200049132723f6292b010619dbe248d698c17b58756c6"     \
    "39e7150f81bee4eb8ac37236ad0a1a19d67be32a66263e1e524d129c98cd3078c554d832ac603c4326410ff6"     \
    "1662459b41f1f3df5dbcc83598ff7c5ed8411ca735679d1c4cb3009397d9ef2c"
#define ES384_MESSAGE                                                                              \
    "846a5369676e61747572653144a10138224054546869732069732074686520636f6e74656e742e"
#define ES384_SIGNATURE                                                                            \
    "5f150abd1c7d25b32065a14e05d6cb1f665d10769ff455ea9a2e0adab5de63838db257f0949c41e13330e110"     \
    "eba7b912f34e1546fb1366a2568faa91ec3e6c8d42f4a67a0edf731d88c9aead52258b2e2c4740ef614f02e9"     \
    "d91e9b7b59622a3c"

/* PEM as OpenSSL writes it, for the forms that key_save() does not make. */
static void pem_of(EVP_PKEY *pkey, bool traditional, const EVP_CIPHER *cipher, struct buffer *b)
{
    BIO *bio = BIO_new(BIO_s_mem());
    char *text;
    unsigned char password[] = "secret";
    int ok =
        traditional
            ? PEM_write_bio_PrivateKey_traditional(bio, pkey, NULL, NULL, 0, NULL, NULL)
            : PEM_write_bio_PKCS8PrivateKey(bio, pkey, cipher, (char *)password, 6, NULL, NULL);
    assert_int_equal(ok, 1);
    long len = BIO_get_mem_data(bio, &text);
    assert_true(buffer_append(b, text, (size_t)len));
    BIO_free(bio);
    EVP_PKEY_free(pkey);
}

static void a_signature_verifies_and_nothing_else_does(void **state)
{
    struct bytes message = bytes_of_text("message");
    uint8_t sig[ES256_LEN];
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_key_ struct key *other = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_public_key_ struct public_key *stranger = public_key_of(other);
    (void)state;
    assert_true(key_sign(key, message, sig));
    assert_true(public_key_verify(public, message, sig));
    assert_false(public_key_verify(stranger, message, sig));
    assert_false(public_key_verify(public, bytes_of_text("messagf"), sig));
    for (size_t i = 0; i < ES256_LEN; i++) {
        sig[i] ^= 1;
        assert_false(public_key_verify(public, message, sig));
        sig[i] ^= 1;
    }
}

static void the_signature_of_rfc_9421_b_2_4_verifies(void **state)
{
    struct bytes base = bytes_of_text(RFC9421_RESPONSE_BASE);
    _cleanup_buffer_ struct buffer spki = from_hex(RFC9421_SPKI);
    _cleanup_buffer_ struct buffer sig = from_hex(RFC9421_SIGNATURE);
    _cleanup_public_key_ struct public_key *key = public_key_from_spki(buffer_bytes(&spki));
    (void)state;
    assert_non_null(key);
    assert_int_equal(sig.len, ES256_LEN);
    assert_true(public_key_verify(key, base, sig.data));
    assert_false(public_key_verify(key, bytes_of(base.data, base.len - 1), sig.data));
}

static bool es384_verify(struct bytes spki, struct bytes message, struct bytes sig)
{
    _cleanup_vendor_key_ struct vendor_key *key = vendor_key_from_spki(spki);

    return key && vendor_key_verify(key, VENDOR_ES384, message, sig);
}

static bool es384_holds(const struct buffer *spki, const struct buffer *message,
                        const struct buffer *sig)
{
    return es384_verify(buffer_bytes(spki), buffer_bytes(message), buffer_bytes(sig));
}

static void an_es384_signature_verifies_and_nothing_else_does(void **state)
{
    _cleanup_buffer_ struct buffer spki = from_hex(ES384_SPKI);
    _cleanup_buffer_ struct buffer message = from_hex(ES384_MESSAGE);
    _cleanup_buffer_ struct buffer sig = from_hex(ES384_SIGNATURE);
    struct buffer *const parts[] = {&spki, &message, &sig};
    (void)state;
    assert_true(es384_holds(&spki, &message, &sig));
    for (size_t k = 0; k < ARRAY_LEN(parts); k++)
        for (size_t i = 0; i < parts[k]->len; i++) {
            parts[k]->data[i] ^= 1;
            assert_false(es384_holds(&spki, &message, &sig));
            parts[k]->data[i] ^= 1;
        }
    for (size_t n = 0; n < spki.len; n++)
        assert_false(
            es384_verify(bytes_of(spki.data, n), buffer_bytes(&message), buffer_bytes(&sig)));
}

static void a_p256_key_verifies_no_es384(void **state)
{
    static const uint8_t sig[96];
    uint8_t spki[SPKI_LEN];
    _cleanup_key_ struct key *key = key_generate();
    (void)state;
    key_spki(key, spki);
    assert_false(es384_verify(bytes_of(spki, sizeof(spki)), bytes_of_text("message"),
                              bytes_of(sig, sizeof(sig))));
}

static void a_signature_in_der_verifies_and_nothing_else_does(void **state)
{
    struct bytes message = bytes_of_text("message");
    _cleanup_buffer_ struct buffer sig = buffer_up_to(ES256_DER_LEN + 1);
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    (void)state;
    assert_true(key_sign_der(key, message, &sig));
    assert_true(public_key_verify_der(public, message, buffer_bytes(&sig)));
    assert_false(public_key_verify_der(public, bytes_of_text("messagf"), buffer_bytes(&sig)));
    for (size_t i = 0; i < sig.len; i++) {
        sig.data[i] ^= 1;
        assert_false(public_key_verify_der(public, message, buffer_bytes(&sig)));
        sig.data[i] ^= 1;
        assert_false(public_key_verify_der(public, message, bytes_of(sig.data, i)));
    }
    assert_true(buffer_append_u8(&sig, 0));
    assert_false(public_key_verify_der(public, message, buffer_bytes(&sig)));
}

static void a_saved_key_is_the_same_key(void **state)
{
    uint8_t a[SPKI_LEN];
    uint8_t b[SPKI_LEN];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(4096);
    _cleanup_key_ struct key *key = key_generate();
    (void)state;
    assert_true(key_save(key, &pem));
    _cleanup_key_ struct key *again = key_load(buffer_bytes(&pem), &err);
    assert_non_null(again);
    key_spki(key, a);
    key_spki(again, b);
    assert_memory_equal(a, b, SPKI_LEN);
}

static void a_sec1_key_is_read(void **state)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(4096);
    (void)state;
    assert_true(buffer_append_text(
        &pem, "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"));
    pem_of(EVP_EC_gen("P-256"), true, NULL, &pem);
    _cleanup_key_ struct key *key = key_load(buffer_bytes(&pem), &err);
    assert_non_null(key);
}

static void assert_not_loaded(struct buffer *pem)
{
    struct idevs_error err;
    assert_null(key_load(buffer_bytes(pem), &err));
    assert_refused(&err, "tls.credentials");
    buffer_free(pem);
}

static void other_keys_are_refused(void **state)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(8192);
    (void)state;
    pem_of(EVP_EC_gen("P-384"), false, NULL, &pem);
    assert_not_loaded(&pem);
    pem_of(EVP_EC_gen("secp256k1"), false, NULL, &pem);
    assert_not_loaded(&pem);
    pem_of(EVP_RSA_gen(2048), false, NULL, &pem);
    assert_not_loaded(&pem);
    pem_of(EVP_PKEY_Q_keygen(NULL, NULL, "X25519"), false, NULL, &pem);
    assert_not_loaded(&pem);
    assert_true(buffer_append_text(&pem, "nothing"));
    assert_not_loaded(&pem);
}

static void an_encrypted_key_is_refused_without_asking(void **state)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(8192);
    (void)state;
    pem_of(EVP_EC_gen("P-256"), false, EVP_aes_128_cbc(), &pem);
    assert_not_loaded(&pem);
}

static void every_prefix_of_a_key_file_is_refused(void **state)
{
    struct idevs_error err;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(4096);
    _cleanup_key_ struct key *key = key_generate();
    (void)state;
    assert_true(key_save(key, &pem));
    for (size_t n = 0; n + 1 < pem.len; n++)
        assert_null(key_load(bytes_of(pem.data, n), &err));
}

static void halves_of_two_keys_are_refused(void **state)
{
    uint8_t spki[SPKI_LEN];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer text = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer der = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer mixed = buffer_up_to(4096);
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_key_ struct key *other = key_generate();
    (void)state;
    assert_true(key_save(key, &pem));
    for (size_t i = strlen("-----BEGIN PRIVATE KEY-----"); pem.data[i] != '-'; i++)
        if (pem.data[i] != '\n')
            assert_true(buffer_append_u8(&text, pem.data[i]));
    assert_true(base64_decode(buffer_bytes(&text), &der));
    key_spki(other, spki);
    memcpy(der.data + der.len - 65, spki + SPKI_LEN - 65, 65); /* the public half stands last */
    assert_true(buffer_append_text(&mixed, "-----BEGIN PRIVATE KEY-----\n") &&
                base64_encode(buffer_bytes(&der), &mixed) &&
                buffer_append_text(&mixed, "\n-----END PRIVATE KEY-----\n"));
    assert_null(key_load(buffer_bytes(&mixed), &err));
    assert_refused(&err, "tls.credentials");
}

static void only_a_p256_spki_is_a_public_key(void **state)
{
    uint8_t spki[SPKI_LEN + 1] = {0};
    _cleanup_key_ struct key *key = key_generate();
    (void)state;
    key_spki(key, spki);
    _cleanup_public_key_ struct public_key *whole = public_key_from_spki(bytes_of(spki, SPKI_LEN));
    assert_non_null(whole);
    assert_null(public_key_from_spki(bytes_of(spki, SPKI_LEN + 1)));
    for (size_t n = 0; n < SPKI_LEN; n++)
        assert_null(public_key_from_spki(bytes_of(spki, n)));
    for (size_t i = 0; i < SPKI_LEN; i++) { /* another algorithm, or a point off the curve */
        spki[i] ^= 1;
        assert_null(public_key_from_spki(bytes_of(spki, SPKI_LEN)));
        spki[i] ^= 1;
    }
}

static void a_file_may_hold_both_public_keys(void **state)
{
    uint8_t raw[X25519_LEN];
    uint8_t found[X25519_LEN];
    uint8_t a[SPKI_LEN];
    uint8_t b[SPKI_LEN];
    _cleanup_buffer_ struct buffer pem = buffer_up_to(4096);
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_x25519_ struct x25519_key *seal = x25519_generate();
    (void)state;
    x25519_public(seal, raw);
    assert_true(x25519_public_pem(raw, &pem) && public_key_pem(public, &pem));
    _cleanup_public_key_ struct public_key *again = public_key_from_pem(buffer_bytes(&pem));
    assert_non_null(again);
    public_key_spki(public, a);
    public_key_spki(again, b);
    assert_memory_equal(a, b, SPKI_LEN);
    assert_true(x25519_public_from_pem(buffer_bytes(&pem), found));
    assert_memory_equal(raw, found, X25519_LEN);
}

static void an_x25519_key_is_saved_and_loaded(void **state)
{
    uint8_t a[X25519_LEN];
    uint8_t b[X25519_LEN];
    struct idevs_error err;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(4096);
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    (void)state;
    assert_true(x25519_save(key, &pem));
    assert_null(key_load(buffer_bytes(&pem), &err));
    _cleanup_x25519_ struct x25519_key *again = x25519_load(buffer_bytes(&pem), &err);
    assert_non_null(again);
    x25519_public(key, a);
    x25519_public(again, b);
    assert_memory_equal(a, b, X25519_LEN);
    assert_null(x25519_load(bytes_of_text("nothing"), &err));
    assert_refused(&err, "tls.credentials");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_signature_verifies_and_nothing_else_does),
        cmocka_unit_test(the_signature_of_rfc_9421_b_2_4_verifies),
        cmocka_unit_test(an_es384_signature_verifies_and_nothing_else_does),
        cmocka_unit_test(a_p256_key_verifies_no_es384),
        cmocka_unit_test(a_signature_in_der_verifies_and_nothing_else_does),
        cmocka_unit_test(a_saved_key_is_the_same_key),
        cmocka_unit_test(a_sec1_key_is_read),
        cmocka_unit_test(other_keys_are_refused),
        cmocka_unit_test(an_encrypted_key_is_refused_without_asking),
        cmocka_unit_test(every_prefix_of_a_key_file_is_refused),
        cmocka_unit_test(halves_of_two_keys_are_refused),
        cmocka_unit_test(only_a_p256_spki_is_a_public_key),
        cmocka_unit_test(a_file_may_hold_both_public_keys),
        cmocka_unit_test(an_x25519_key_is_saved_and_loaded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
