#include "crypto/hpke.h"
#include "test.h"

#include "hex.h"

/* RFC 9180, A.1.1. */
static const char INFO[] = "4f6465206f6e2061204772656369616e2055726e";
static const char SK_E[] = "52c4a758a802cd8b936eceea314432798d5baf2d7e9235dc084ab1b9cfa2f736";
static const char PK_R[] = "3948cfe0ad1ddb695d780e59077195da6c56506b027329794ab02bca80815c4d";
static const char SK_R[] = "4612c550263fc8ad58375df3f557aac531d26850903e55a9f23f21d8534e8ac8";
static const char ENC[] = "37fda3567bdbd628e88668c3c8d7e97d1d1253b6d4ea6d44c150f741f1bf4431";
static const char PT[] = "4265617574792069732074727574682c20747275746820626561757479";
static const char AAD_0[] = "436f756e742d30";
static const char CT_0[] = "f938558b5d72f1a23810b4be2ab4f84331acc02fc97babc53a52ae8218a355a9"
                           "6d8770ac83d07bea87e13c512a";
static const char AAD_1[] = "436f756e742d31";
static const char CT_1[] = "af2d7e9ac9ae7e270f46ba1f975be53c09f8d875bdc8535458c2494e8a6eab25"
                           "1c03d0c22a56b8ca42c2063b84";

static void setup_example(struct hpke *ret_sender, struct hpke *ret_receiver)
{
    uint8_t raw[X25519_LEN];
    uint8_t pk[X25519_LEN];
    uint8_t enc[HPKE_ENC_LEN];
    _cleanup_buffer_ struct buffer info = from_hex(INFO);

    to_array(SK_E, raw, sizeof(raw));
    to_array(PK_R, pk, sizeof(pk));
    _cleanup_x25519_ struct x25519_key *ephemeral = x25519_from_raw(raw);
    assert_true(hpke_setup_sender(pk, buffer_bytes(&info), ephemeral, enc, ret_sender));
    assert_bytes_are_hex(bytes_of(enc, sizeof(enc)), ENC);
    to_array(SK_R, raw, sizeof(raw));
    _cleanup_x25519_ struct x25519_key *recipient = x25519_from_raw(raw);
    assert_true(hpke_setup_receiver(enc, recipient, buffer_bytes(&info), ret_receiver));
}

static void example_of_rfc_9180_a_1(void **state)
{
    static const struct {
        const char *aad, *ct;
    } SEALED[] = {{AAD_0, CT_0}, {AAD_1, CT_1}};
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    (void)state;
    setup_example(&sender, &receiver);
    assert_bytes_are_hex(bytes_of(sender.key, HPKE_KEY_LEN), "4531685d41d65f03dc48f6b8302c05b0");
    assert_bytes_are_hex(bytes_of(sender.base_nonce, HPKE_NONCE_LEN), "56d890e5accaaf011cff4b7d");
    assert_bytes_are_hex(bytes_of(sender.exporter, 32),
                         "45ff1c2e220db587171952c0592d5f5ebe103f1561a2614e38f2ffd47e99e3f8");
    assert_memory_equal(&sender, &receiver, sizeof(sender));
    for (size_t i = 0; i < ARRAY_LEN(SEALED); i++) {
        _cleanup_buffer_ struct buffer aad = from_hex(SEALED[i].aad);
        _cleanup_buffer_ struct buffer plain = from_hex(PT);
        _cleanup_buffer_ struct buffer sealed = buffer_up_to(100);
        _cleanup_buffer_ struct buffer opened = buffer_up_to(100);
        assert_true(hpke_seal(&sender, buffer_bytes(&aad), buffer_bytes(&plain), &sealed));
        assert_bytes_are_hex(buffer_bytes(&sealed), SEALED[i].ct);
        assert_true(hpke_open(&receiver, buffer_bytes(&aad), buffer_bytes(&sealed), &opened));
        assert_true(bytes_equal(buffer_bytes(&opened), buffer_bytes(&plain)));
    }
}

static void exports_of_rfc_9180_a_1(void **state)
{
    static const struct {
        struct bytes context;
        const char *value;
    } EXPORTS[] = {
        {{(const uint8_t *)"", 0},
         "3853fe2b4035195a573ffc53856e77058e15d9ea064de3e59f4961d0095250ee"},
        {{(const uint8_t *)"\0", 1},
         "2e8f0b54673c7029649d4eb9d5e33bf1872cf76d623ff164ac185da9e88c21a5"},
        {{(const uint8_t *)"TestContext", 11},
         "e9e43065102c3836401bed8c3c3c75ae46be1639869391d62c61f1ec7af54931"},
    };
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    (void)state;
    setup_example(&sender, &receiver);
    for (size_t i = 0; i < ARRAY_LEN(EXPORTS); i++) {
        uint8_t out[32];
        assert_true(hpke_export(&receiver, EXPORTS[i].context, out, sizeof(out)));
        assert_bytes_are_hex(bytes_of(out, sizeof(out)), EXPORTS[i].value);
    }
}

static void a_failed_open_changes_nothing(void **state)
{
    _cleanup_hpke_ struct hpke sender;
    _cleanup_hpke_ struct hpke receiver;
    _cleanup_buffer_ struct buffer sealed = from_hex(CT_0);
    _cleanup_buffer_ struct buffer aad = from_hex(AAD_0);
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

/* RFC 9458, appendix A. */
static void response_key_of_rfc_9458(void **state)
{
    uint8_t raw[X25519_LEN];
    uint8_t enc[HPKE_ENC_LEN];
    uint8_t nonce[16];
    _cleanup_hpke_ struct hpke h;
    struct aead a;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(100);
    _cleanup_buffer_ struct buffer info =
        from_hex("6d6573736167652f626874747020726571756573740001002000010001");
    (void)state;
    to_array("3c168975674b2fa8e465970b79c8dcf09f1c741626480bd4c6162fc5b6a98e1a", raw, sizeof(raw));
    to_array("4b28f881333e7c164ffc499ad9796f877f4e1051ee6d31bad19dec96c208b472", enc, sizeof(enc));
    to_array("c789e7151fcba46158ca84b04464910d", nonce, sizeof(nonce));
    _cleanup_x25519_ struct x25519_key *key = x25519_from_raw(raw);
    assert_true(hpke_setup_receiver(enc, key, buffer_bytes(&info), &h));
    assert_true(ohttp_response_aead(&h, enc, nonce, &a));
    assert_bytes_are_hex(bytes_of(a.key, sizeof(a.key)), "5d0172a080e428b16d298c4ea0db620d");
    assert_bytes_are_hex(bytes_of(a.nonce, sizeof(a.nonce)), "f6bf1aeb88d6df87007fa263");
    assert_true(aead_seal(&a, bytes_of("", 0), bytes_of("\x01\x40\xc8", 3), &sealed));
    assert_bytes_are_hex(buffer_bytes(&sealed), "86f9013e404feea014e7be4a441f234f857fbd");
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
        cmocka_unit_test(example_of_rfc_9180_a_1),
        cmocka_unit_test(exports_of_rfc_9180_a_1),
        cmocka_unit_test(a_failed_open_changes_nothing),
        cmocka_unit_test(low_order_keys_are_refused),
        cmocka_unit_test(two_encapsulations_share_nothing),
        cmocka_unit_test(response_key_of_rfc_9458),
        cmocka_unit_test(data_at_rest_opens_only_as_it_was_sealed),
        cmocka_unit_test(a_full_buffer_refuses_to_seal),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
