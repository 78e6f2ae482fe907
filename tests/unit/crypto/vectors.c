/* Published vectors: RFC 9180 for our suite, Wycheproof for what it stands on. */
#include "crypto/aead.h"
#include "crypto/algorithms.h"
#include "crypto/handles.h"
#include "crypto/hkdf.h"
#include "crypto/hpke.h"
#include "test.h"

#include "hex.h"

#include <jansson.h>
#include <stdio.h>
#include <unistd.h>

#define FOLDER "../shared/vectors/"

static json_t *load(const char *name)
{
    char path[256];
    json_error_t error;

    snprintf(path, sizeof(path), FOLDER "%s", name);
    if (access(path, R_OK) != 0) {
        print_message("%s is not there\n", path);
        skip();
    }
    json_t *root = json_load_file(path, 0, &error);
    assert_non_null(root);
    return root;
}

static const char *text(const json_t *object, const char *name)
{
    const char *value = json_string_value(json_object_get(object, name));

    assert_non_null(value);
    return value;
}

static struct buffer octets(const json_t *object, const char *name)
{
    return from_hex(text(object, name));
}

static bool is_valid(const json_t *test)
{
    return strcmp(text(test, "result"), "valid") == 0;
}

/* Runs `check(group, test)` over all tests; returns how many. */
static size_t each_test(json_t *root, bool (*check)(const json_t *, const json_t *))
{
    size_t i;
    size_t j;
    size_t n = 0;
    json_t *group;
    json_t *test;

    json_array_foreach(json_object_get(root, "testGroups"), i, group)
    {
        json_array_foreach(json_object_get(group, "tests"), j, test)
        {
            if (!check(group, test))
                fail_msg("test %lld", json_integer_value(json_object_get(test, "tcId")));
            n++;
        }
    }
    json_decref(root);
    return n;
}

static void check_encryptions(const json_t *one, struct hpke *sender, struct hpke *receiver)
{
    size_t i;
    json_t *e;

    json_array_foreach(json_object_get(one, "encryptions"), i, e)
    {
        _cleanup_buffer_ struct buffer aad = octets(e, "aad");
        _cleanup_buffer_ struct buffer pt = octets(e, "pt");
        _cleanup_buffer_ struct buffer sealed = buffer_up_to(4096);
        _cleanup_buffer_ struct buffer opened = buffer_up_to(4096);
        /* The file leaves sequence numbers out between 2 and 256: its nonce says which it is. */
        _cleanup_buffer_ struct buffer nonce = octets(e, "nonce");
        uint64_t low = (uint64_t)(nonce.data[10] ^ sender->base_nonce[10]) << 8;
        sender->sequence = receiver->sequence = low | (nonce.data[11] ^ sender->base_nonce[11]);
        assert_true(hpke_seal(sender, buffer_bytes(&aad), buffer_bytes(&pt), &sealed));
        assert_bytes_are_hex(buffer_bytes(&sealed), text(e, "ct"));
        assert_true(hpke_open(receiver, buffer_bytes(&aad), buffer_bytes(&sealed), &opened));
        assert_true(bytes_equal(buffer_bytes(&opened), buffer_bytes(&pt)));
    }
}

static void check_exports(const json_t *one, const struct hpke *h)
{
    size_t i;
    json_t *e;

    json_array_foreach(json_object_get(one, "exports"), i, e)
    {
        uint8_t out[64];
        size_t len = (size_t)json_integer_value(json_object_get(e, "L"));
        _cleanup_buffer_ struct buffer context = octets(e, "exporter_context");
        assert_true(len <= sizeof(out));
        assert_true(hpke_export(h, buffer_bytes(&context), out, len));
        assert_bytes_are_hex(bytes_of(out, len), text(e, "exported_value"));
    }
}

static bool is_our_suite(const json_t *one)
{
    return json_integer_value(json_object_get(one, "mode")) == 0 &&
           json_integer_value(json_object_get(one, "kem_id")) == 0x20 &&
           json_integer_value(json_object_get(one, "kdf_id")) == 1 &&
           json_integer_value(json_object_get(one, "aead_id")) == 1;
}

static void hpke_cases_of_our_suite(void **state)
{
    json_t *root = load("hpke/rfc9180-x25519-p256-sha256.json");
    json_t *one;
    size_t i;
    size_t n = 0;
    (void)state;
    json_array_foreach(root, i, one)
    {
        uint8_t raw[X25519_LEN];
        uint8_t enc[HPKE_ENC_LEN];
        _cleanup_hpke_ struct hpke sender;
        _cleanup_hpke_ struct hpke receiver;
        if (!is_our_suite(one))
            continue;
        _cleanup_buffer_ struct buffer info = octets(one, "info");
        to_array(text(one, "skEm"), raw, sizeof(raw));
        _cleanup_x25519_ struct x25519_key *ephemeral = x25519_from_raw(raw);
        to_array(text(one, "skRm"), raw, sizeof(raw));
        _cleanup_x25519_ struct x25519_key *recipient = x25519_from_raw(raw);
        to_array(text(one, "pkRm"), raw, sizeof(raw));
        assert_true(hpke_setup_sender(raw, buffer_bytes(&info), ephemeral, enc, &sender));
        assert_bytes_are_hex(bytes_of(enc, sizeof(enc)), text(one, "enc"));
        assert_true(hpke_setup_receiver(enc, recipient, buffer_bytes(&info), &receiver));
        check_encryptions(one, &sender, &receiver);
        check_exports(one, &receiver);
        n++;
    }
    json_decref(root);
    assert_true(n >= 1);
}

static bool check_x25519(const json_t *group, const json_t *test)
{
    uint8_t raw[X25519_LEN];
    uint8_t peer[X25519_LEN];
    uint8_t shared[X25519_LEN];
    (void)group;
    to_array(text(test, "private"), raw, sizeof(raw));
    to_array(text(test, "public"), peer, sizeof(peer));
    _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(raw);
    _cleanup_buffer_ struct buffer wanted = octets(test, "shared");
    bool zero = true;
    for (size_t i = 0; i < wanted.len; i++)
        zero = zero && wanted.data[i] == 0;
    bool made = x25519_shared(key, peer, shared);
    return made != zero &&
           (zero || bytes_equal(bytes_of(shared, sizeof(shared)), buffer_bytes(&wanted)));
}

static void wycheproof_x25519(void **state)
{
    (void)state;
    assert_true(each_test(load("wycheproof/x25519_test.json"), check_x25519) > 500);
}

static bool check_gcm(const json_t *group, const json_t *test)
{
    if (json_integer_value(json_object_get(group, "ivSize")) != 96 ||
        json_integer_value(json_object_get(group, "keySize")) != 128)
        return true;
    _cleanup_buffer_ struct buffer key = octets(test, "key");
    _cleanup_buffer_ struct buffer iv = octets(test, "iv");
    _cleanup_buffer_ struct buffer aad = octets(test, "aad");
    _cleanup_buffer_ struct buffer msg = octets(test, "msg");
    _cleanup_buffer_ struct buffer sealed = octets(test, "ct");
    _cleanup_buffer_ struct buffer tag = octets(test, "tag");
    _cleanup_buffer_ struct buffer out = buffer_up_to(4096);
    _cleanup_buffer_ struct buffer ours = buffer_up_to(4096);
    struct gcm g = {algorithms()->aes_128_gcm, key.data, iv.data};

    assert_true(buffer_append_bytes(&sealed, buffer_bytes(&tag)));
    bool opened = gcm_open(&g, buffer_bytes(&aad), buffer_bytes(&sealed), &out);
    if (!is_valid(test))
        return !opened;
    return opened && bytes_equal(buffer_bytes(&out), buffer_bytes(&msg)) &&
           gcm_seal(&g, buffer_bytes(&aad), buffer_bytes(&msg), &ours) &&
           bytes_equal(buffer_bytes(&ours), buffer_bytes(&sealed));
}

static void wycheproof_aes_128_gcm(void **state)
{
    (void)state;
    assert_true(each_test(load("wycheproof/aes_gcm_test.json"), check_gcm) > 100);
}

static bool check_hkdf(const json_t *group, const json_t *test)
{
    uint8_t prk[SHA256_LEN];
    _cleanup_buffer_ struct buffer ikm = octets(test, "ikm");
    _cleanup_buffer_ struct buffer salt = octets(test, "salt");
    _cleanup_buffer_ struct buffer info = octets(test, "info");
    _cleanup_buffer_ struct buffer out = buffer_up_to(1 << 20);
    size_t len = (size_t)json_integer_value(json_object_get(test, "size"));
    uint8_t *room = buffer_extend(&out, len);
    (void)group;
    bool made = hkdf_extract(buffer_bytes(&salt), buffer_bytes(&ikm), prk) &&
                hkdf_expand(prk, buffer_bytes(&info), room, len);
    if (!is_valid(test))
        return !made;
    _cleanup_buffer_ struct buffer okm = octets(test, "okm");
    return made && bytes_equal(buffer_bytes(&out), buffer_bytes(&okm));
}

static void wycheproof_hkdf_sha256(void **state)
{
    (void)state;
    assert_true(each_test(load("wycheproof/hkdf_sha256_test.json"), check_hkdf) > 50);
}

static bool check_ecdsa(const json_t *group, const json_t *test)
{
    _cleanup_buffer_ struct buffer spki = octets(group, "publicKeyDer");
    _cleanup_public_key_ struct public_key *key = public_key_from_spki(buffer_bytes(&spki));
    _cleanup_buffer_ struct buffer msg = octets(test, "msg");
    _cleanup_buffer_ struct buffer sig = octets(test, "sig");

    assert_non_null(key);
    if (sig.len != ES256_LEN) /* our interface takes no other length */
        return !is_valid(test);
    return public_key_verify(key, buffer_bytes(&msg), sig.data) == is_valid(test);
}

static void wycheproof_ecdsa_p256(void **state)
{
    (void)state;
    assert_true(each_test(load("wycheproof/ecdsa_secp256r1_sha256_p1363_test.json"), check_ecdsa) >
                200);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hpke_cases_of_our_suite), cmocka_unit_test(wycheproof_x25519),
        cmocka_unit_test(wycheproof_aes_128_gcm),  cmocka_unit_test(wycheproof_hkdf_sha256),
        cmocka_unit_test(wycheproof_ecdsa_p256),
    };
    if (access(FOLDER, R_OK) != 0) {
        fprintf(stderr, FOLDER " is not there: skipped\n");
        return 77;
    }
    return cmocka_run_group_tests(tests, NULL, NULL);
}
