#include "crypto/key.h"
#include "test.h"

#include "hex.h"

#include <openssl/evp.h>
#include <openssl/pem.h>

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
