#include "warden/identity.h"
#include "../test.h"
#include "crypto/digest.h"
#include "exchange/attestation.h"
#include "exchange/cose.h"
#include "folder.h"
#include "warden/config.h"
#include "wire/platform_request.h"

static void a_key_is_made_once_and_for_root_alone(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    _cleanup_text_ char *path = alloc_format("%s/platform.pem", folder);
    struct idevs_error err;
    struct stat st;
    bool made;

    (void)state;
    assert_true(identity_init(folder, &made, &err) && made);
    assert_int_equal(stat(folder, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0700);
    assert_int_equal(stat(path, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    _cleanup_key_ struct key *key = identity_open(folder, &err);
    assert_non_null(key);
    assert_true(identity_init(folder, &made, &err) && !made);
    _cleanup_key_ struct key *again = identity_open(folder, &err);
    uint8_t spki[2][SPKI_LEN];
    key_spki(key, spki[0]);
    key_spki(again, spki[1]);
    assert_memory_equal(spki[0], spki[1], SPKI_LEN);
    assert_int_equal(chmod(path, 0640), 0);
    assert_null(identity_open(folder, &err));
    assert_refused(&err, "state.unusable");
}

static void a_newer_state_is_left_alone(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    struct idevs_error err;
    bool made;

    (void)state;
    folder_put(folder, "version", bytes_of_text("2\n"));
    assert_false(identity_init(folder, &made, &err));
    assert_refused(&err, "state.newer");
    assert_null(identity_open(folder, &err));
    assert_refused(&err, "state.newer");
    folder_put(folder, "version", bytes_of_text("one\n"));
    assert_null(identity_open(folder, &err));
    assert_refused(&err, "state.unusable");
}

static void a_state_that_was_never_made_is_refused(void **state)
{
    _cleanup_folder_ char *folder = folder_fresh();
    struct idevs_error err;

    (void)state;
    assert_null(identity_open(folder, &err));
    assert_refused(&err, "state.unusable");
}

static void an_enrolment_is_signed_and_proves_the_token_for_its_key(void **state)
{
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_public_key_ struct public_key *public = public_key_of(key);
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_PLATFORM_REQUEST);
    const char *back_ends[] = {"process"};
    struct platform_request request;
    struct bytes payload;
    uint8_t digest[SHA256_LEN];
    uint8_t proof[SHA256_LEN];
    uint8_t spki[SPKI_LEN];

    (void)state;
    assert_true(identity_enrol(key, bytes_of_text("token"), back_ends, 1, "host", &b));
    assert_true(cose_verify(public, PLATFORM_REQUEST_TYPE, buffer_bytes(&b), &payload));
    assert_true(platform_request_decode(payload, &request));
    key_spki(key, spki);
    sha256(bytes_of_text("token"), digest);
    platform_token_proof(digest, spki, proof);
    assert_memory_equal(request.proof, proof, SHA256_LEN);
    assert_memory_equal(request.spki, spki, SPKI_LEN);
    assert_string_equal(request.back_ends[0], "process");
    assert_string_equal(request.description, "host");
}

static bool config_is(const char *text, const char *code, struct warden_config *ret)
{
    _cleanup_folder_ char *folder = folder_fresh();
    _cleanup_text_ char *path = alloc_format("%s/warden.yaml", folder);
    struct idevs_error err = {0};

    folder_put(folder, "warden.yaml", bytes_of_text(text));
    if (warden_config_load(path, ret, &err))
        return *code == 0;
    return error_is(&err, code);
}

static void configuration_is_strict(void **state)
{
    struct warden_config c;

    (void)state;
    assert_true(config_is("socket: /s\nstate: x\nlauncher_uid: 62001\n", "", &c));
    assert_string_equal(c.socket, "/s");
    assert_non_null(strstr(c.state, "/x"));
    assert_null(c.toolchain);
    assert_int_equal(c.uid_first, 700000);
    assert_int_equal(c.uid_count, 1000);
    assert_int_equal(c.secrecy, SECRECY_PREFERRED);
    warden_config_free(&c);
    assert_true(config_is("socket: /s\nstate: /x\n", "config.syntax", &c));
    assert_true(
        config_is("socket: /s\nstate: /x\nlauncher_uid: 1\nmore: 1\n", "config.syntax", &c));
    assert_true(
        config_is("socket: /s\nstate: x\nlauncher_uid: 1\nsecret_memory: required\n", "", &c));
    assert_int_equal(c.secrecy, SECRECY_REQUIRED);
    warden_config_free(&c);
    assert_true(config_is("socket: /s\nstate: x\nlauncher_uid: 1\nsecret_memory: maybe\n",
                          "config.syntax", &c));
    assert_true(config_is("socket: /s\nstate: /x\nlauncher_uid: 700001\n", "config.syntax", &c));
    assert_true(
        config_is("socket: /s\nstate: /x\nlauncher_uid: 1\nuid_first: 5\n", "config.syntax", &c));
    assert_true(config_is("socket: /s\nstate: /x\nlauncher_uid: 1\nback_ends: [magic]\n",
                          "config.syntax", &c));
    assert_true(
        config_is("socket: /s\nstate: /x\nlauncher_uid: 1\nback_ends: [process]\n", "", &c));
    warden_config_free(&c);
}

#define BASE "socket: /s\nstate: /x\nlauncher_uid: 1\n"

static void a_tpm_is_at_an_absolute_path_and_its_registers_stand_in_order(void **state)
{
    static const char *const bad[] = {
        BASE "tpm: device:/dev/tpmrm0\n", /* and no attester that uses it */
        BASE "attester: magic\n",
        BASE "attester: tpm\ntpm: device:tpm0\n",
        BASE "attester: tpm\ntpm: tcp:/127.0.0.1\n",
        BASE "attester: tpm\ntpm_registers: \"7,0\"\n",
        BASE "attester: tpm\ntpm_registers: \"24\"\n",
    };
    struct warden_config c;

    (void)state;
    assert_true(config_is(BASE "attester: provider-signed\n", "", &c));
    assert_null(c.tpm);
    warden_config_free(&c);
    assert_true(config_is(BASE "attester: tpm\n", "", &c));
    assert_string_equal(c.tpm, "/dev/tpmrm0");
    assert_false(c.tpm_is_socket);
    assert_int_equal(c.tpm_registers, 0xff);
    assert_null(c.tpm_endorsement);
    warden_config_free(&c);
    assert_true(config_is(BASE "attester: tpm\ntpm: socket:/t\ntpm_registers: \"0,23\"\n"
                               "tpm_endorsement: ek.pem\n",
                          "", &c));
    assert_string_equal(c.tpm, "/t");
    assert_true(c.tpm_is_socket);
    assert_int_equal(c.tpm_registers, 1 | 1 << 23);
    assert_non_null(strstr(c.tpm_endorsement, "/ek.pem"));
    warden_config_free(&c);
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        if (!config_is(bad[i], "config.syntax", &c))
            fail_msg("accepted:\n%s", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_is_made_once_and_for_root_alone),
        cmocka_unit_test(a_newer_state_is_left_alone),
        cmocka_unit_test(a_state_that_was_never_made_is_refused),
        cmocka_unit_test(an_enrolment_is_signed_and_proves_the_token_for_its_key),
        cmocka_unit_test(configuration_is_strict),
        cmocka_unit_test(a_tpm_is_at_an_absolute_path_and_its_registers_stand_in_order),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
