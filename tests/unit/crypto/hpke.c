#include "crypto/hpke.h"
#include "test.h"

#include "hex.h"
#include "rfc9180.h"
#include "rfc9458.h"

static void setup_example(struct hpke *ret_sender, struct hpke *ret_receiver)
{
    uint8_t raw[X25519_LEN];
    uint8_t pk[X25519_LEN];
    uint8_t enc[HPKE_ENC_LEN];
    _cleanup_buffer_ struct buffer info = from_hex(RFC9180_INFO);

    to_array(RFC9180_SK_E, raw, sizeof(raw));
    to_array(RFC9180_PK_R, pk, sizeof(pk));
    _cleanup_x25519_ struct x25519_key *ephemeral = x25519_from_raw(raw);
    assert_true(hpke_setup_sender(pk, buffer_bytes(&info), ephemeral, enc, ret_sender));
    assert_bytes_are_hex(bytes_of(enc, sizeof(enc)), RFC9180_ENC);
    to_array(RFC9180_SK_R, raw, sizeof(raw));
    _cleanup_x25519_ struct x25519_key *recipient = x25519_from_raw(raw);
    assert_true(hpke_setup_receiver(enc, recipient, buffer_bytes(&info), ret_receiver));
}

static void seal_and_open(struct hpke *sender, struct hpke *receiver, struct bytes aad,
                          struct buffer *ret_sealed)
{
    _cleanup_buffer_ struct buffer plain = from_hex(RFC9180_PT);
    _cleanup_buffer_ struct buffer opened = buffer_up_to(100);

    assert_true(hpke_seal(sender, aad, buffer_bytes(&plain), ret_sealed));
    assert_true(hpke_open(receiver, aad, buffer_bytes(ret_sealed), &opened));
    assert_true(bytes_equal(buffer_bytes(&opened), buffer_bytes(&plain)));
}

static void keys_of_rfc_9180_a_1_1(void **state)
{
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    (void)state;
    setup_example(&sender, &receiver);
    assert_bytes_are_hex(bytes_of(sender.key, HPKE_KEY_LEN), RFC9180_KEY);
    assert_bytes_are_hex(bytes_of(sender.base_nonce, HPKE_NONCE_LEN), RFC9180_BASE_NONCE);
    assert_bytes_are_hex(bytes_of(sender.exporter, 32), RFC9180_EXPORTER);
    assert_memory_equal(&sender, &receiver, sizeof(sender));
}

/* Every message up to the last is sealed, so the sequence numbers count as they do in use. */
static void messages_of_rfc_9180_a_1_1_1(void **state)
{
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    size_t compared = 0;
    (void)state;
    setup_example(&sender, &receiver);
    while (compared < ARRAY_LEN(RFC9180_SEALED)) {
        bool listed = RFC9180_SEALED[compared].sequence == sender.sequence;
        _cleanup_buffer_ struct buffer aad = from_hex(listed ? RFC9180_SEALED[compared].aad : "");
        _cleanup_buffer_ struct buffer sealed = buffer_up_to(100);
        assert_true(sender.sequence <= 256);
        seal_and_open(&sender, &receiver, buffer_bytes(&aad), &sealed);
        if (listed)
            assert_bytes_are_hex(buffer_bytes(&sealed), RFC9180_SEALED[compared++].ct);
    }
    assert_int_equal(sender.sequence, 257);
}

static void exports_of_rfc_9180_a_1_1_2(void **state)
{
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    (void)state;
    setup_example(&sender, &receiver);
    for (size_t i = 0; i < ARRAY_LEN(RFC9180_EXPORTS); i++) {
        uint8_t out[32];
        _cleanup_buffer_ struct buffer context = from_hex(RFC9180_EXPORTS[i].context);
        assert_true(hpke_export(&receiver, buffer_bytes(&context), out, sizeof(out)));
        assert_bytes_are_hex(bytes_of(out, sizeof(out)), RFC9180_EXPORTS[i].value);
        assert_true(hpke_export(&sender, buffer_bytes(&context), out, sizeof(out)));
        assert_bytes_are_hex(bytes_of(out, sizeof(out)), RFC9180_EXPORTS[i].value);
    }
}

static void a_failed_open_changes_nothing(void **state)
{
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    _cleanup_buffer_ struct buffer sealed = from_hex(RFC9180_SEALED[0].ct);
    _cleanup_buffer_ struct buffer aad = from_hex(RFC9180_SEALED[0].aad);
    _cleanup_buffer_ struct buffer out = buffer_up_to(100);
    (void)state;
    setup_example(&sender, &receiver);
    assert_true(buffer_append_text(&out, "before"));
    for (size_t i = 0; i < sealed.len; i++) {
        sealed.data[i] ^= 0x80;
        assert_false(hpke_open(&receiver, buffer_bytes(&aad), buffer_bytes(&sealed), &out));
        sealed.data[i] ^= 0x80;
    }
    for (size_t n = 0; n < sealed.len; n++)
        assert_false(hpke_open(&receiver, buffer_bytes(&aad), bytes_of(sealed.data, n), &out));
    assert_false(hpke_open(&receiver, bytes_of_text("other"), buffer_bytes(&sealed), &out));
    assert_true(bytes_equal_text(buffer_bytes(&out), "before"));
    assert_int_equal(receiver.sequence, 0);
    assert_true(hpke_open(&receiver, buffer_bytes(&aad), buffer_bytes(&sealed), &out));
    assert_int_equal(receiver.sequence, 1);
    assert_false(hpke_open(&receiver, buffer_bytes(&aad), buffer_bytes(&sealed), &out));
}

/* RFC 7748, 6.1; RFC 9180, 7.1.4: points of low order, whose product with any scalar is zero. */
static void low_order_keys_are_refused(void **state)
{
    static const char *const LOW[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(LOW); i++) {
        uint8_t enc[HPKE_ENC_LEN];
        uint8_t made[HPKE_ENC_LEN];
        struct hpke h;
        to_array(LOW[i], enc, sizeof(enc));
        assert_false(hpke_setup_receiver(enc, key, bytes_of_text("info"), &h));
        assert_false(hpke_setup_sender(enc, bytes_of_text("info"), NULL, made, &h));
    }
}

static void two_encapsulations_share_nothing(void **state)
{
    uint8_t pk[X25519_LEN];
    uint8_t enc[2][HPKE_ENC_LEN];
    struct hpke h[2];
    _cleanup_x25519_ struct x25519_key *key = x25519_generate();
    (void)state;
    x25519_public(key, pk);
    for (int i = 0; i < 2; i++)
        assert_true(hpke_setup_sender(pk, bytes_of_text(""), NULL, enc[i], &h[i]));
    assert_memory_not_equal(enc[0], enc[1], sizeof(enc[0]));
    assert_memory_not_equal(h[0].key, h[1].key, sizeof(h[0].key));
    assert_memory_not_equal(h[0].exporter, h[1].exporter, sizeof(h[0].exporter));
}

static void response_key_of_rfc_9458(void **state)
{
    uint8_t raw[X25519_LEN];
    uint8_t enc[HPKE_ENC_LEN];
    uint8_t salt[HPKE_ENC_LEN + 16];
    uint8_t secret[HPKE_KEY_LEN];
    _cleanup_hpke_ struct hpke h;
    struct aead a;
    _cleanup_buffer_ struct buffer info = from_hex(RFC9458_INFO);
    (void)state;
    to_array(RFC9458_SERVER_KEY, raw, sizeof(raw));
    to_array(RFC9458_ENC, enc, sizeof(enc));
    to_array(RFC9458_SALT, salt, sizeof(salt)); /* enc, then the response nonce */
    _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(raw);
    assert_true(hpke_setup_receiver(enc, key, buffer_bytes(&info), &h));
    assert_true(hpke_export(&h, bytes_of_text("message/bhttp response"), secret, sizeof(secret)));
    assert_bytes_are_hex(bytes_of(secret, sizeof(secret)), RFC9458_SECRET);
    assert_true(ohttp_response_aead(&h, enc, salt + HPKE_ENC_LEN, &a));
    assert_bytes_are_hex(bytes_of(a.key, sizeof(a.key)), RFC9458_AEAD_KEY);
    assert_bytes_are_hex(bytes_of(a.nonce, sizeof(a.nonce)), RFC9458_AEAD_NONCE);
}

static void data_at_rest_opens_only_as_it_was_sealed(void **state)
{
    struct bytes secret = bytes_of_text("a secret of the service");
    struct bytes aad = bytes_of_text("row 7");
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(200);
    _cleanup_buffer_ struct buffer again = buffer_up_to(200);
    _cleanup_buffer_ struct buffer out = buffer_up_to(200);
    (void)state;
    assert_true(rest_seal(secret, "label", aad, bytes_of_text("content"), &sealed));
    assert_true(rest_seal(secret, "label", aad, bytes_of_text("content"), &again));
    assert_false(bytes_equal(buffer_bytes(&sealed), buffer_bytes(&again)));
    assert_false(rest_open(secret, "other", aad, buffer_bytes(&sealed), &out));
    assert_false(rest_open(bytes_of_text("x"), "label", aad, buffer_bytes(&sealed), &out));
    assert_false(rest_open(bytes_of("", 0), "label", aad, buffer_bytes(&sealed), &out));
    assert_false(rest_open(secret, "label", bytes_of_text("row 8"), buffer_bytes(&sealed), &out));
    for (size_t i = 0; i < sealed.len; i++) {
        assert_false(rest_open(secret, "label", aad, bytes_of(sealed.data, i), &out));
        sealed.data[i] ^= 1;
        assert_false(rest_open(secret, "label", aad, buffer_bytes(&sealed), &out));
        sealed.data[i] ^= 1;
    }
    assert_int_equal(out.len, 0);
    assert_true(rest_open(secret, "label", aad, buffer_bytes(&sealed), &out));
    assert_true(bytes_equal_text(buffer_bytes(&out), "content"));
}

static void a_full_buffer_refuses_to_seal(void **state)
{
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    _cleanup_buffer_ struct buffer b = buffer_up_to(HPKE_TAG_LEN);
    (void)state;
    setup_example(&sender, &receiver);
    assert_false(hpke_seal(&sender, bytes_of("", 0), bytes_of_text("x"), &b));
    assert_int_equal(sender.sequence, 0);
    assert_true(hpke_seal(&sender, bytes_of("", 0), bytes_of("", 0), &b));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keys_of_rfc_9180_a_1_1),
        cmocka_unit_test(messages_of_rfc_9180_a_1_1_1),
        cmocka_unit_test(exports_of_rfc_9180_a_1_1_2),
        cmocka_unit_test(a_failed_open_changes_nothing),
        cmocka_unit_test(low_order_keys_are_refused),
        cmocka_unit_test(two_encapsulations_share_nothing),
        cmocka_unit_test(response_key_of_rfc_9458),
        cmocka_unit_test(data_at_rest_opens_only_as_it_was_sealed),
        cmocka_unit_test(a_full_buffer_refuses_to_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
