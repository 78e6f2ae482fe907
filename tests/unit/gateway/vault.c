#include "test.h"

#include "base/fd.h"
#include "base/limits.h"
#include "gateway/memory.h"

#include "folder.h"

static const struct vault_place PLACE = {"state", "spiffe://a/program/b", "cursor", 3};

static char *path_of(const char *name)
{
    return alloc_format("%s/%s", folder, name);
}

static void what_is_sealed_opens_only_at_its_place(void **state)
{
    static const struct vault_place OTHERS[] = {
        {"once", "spiffe://a/program/b", "cursor", 3},
        {"state", "spiffe://a/program/c", "cursor", 3},
        {"state", "spiffe://a/program/b", "cursos", 3},
        {"state", "spiffe://a/program/b", "cursor", 2},
        {"state", "spiffe://a/program/bcursor", "", 3},
    };
    (void)state;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_vault_ struct vault vault;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(KIB(1));
    _cleanup_buffer_ struct buffer plain = buffer_up_to(KIB(1));

    assert_true(vault_open(folder, key, NULL, &vault, NULL));
    assert_true(vault_seal(&vault, &PLACE, bytes_of_text("809"), &sealed));
    assert_true(vault_unseal(&vault, &PLACE, buffer_bytes(&sealed), &plain));
    assert_true(bytes_equal_text(buffer_bytes(&plain), "809"));
    for (size_t i = 0; i < ARRAY_LEN(OTHERS); i++)
        assert_false(vault_unseal(&vault, &OTHERS[i], buffer_bytes(&sealed), &plain));
}

static void the_vault_opens_again_under_the_same_key_only(void **state)
{
    (void)state;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_key_ struct key *other = key_generate();
    _cleanup_vault_ struct vault first;
    _cleanup_vault_ struct vault again;
    struct idevs_error err;

    assert_true(vault_open(folder, key, NULL, &first, &err));
    assert_true(vault_open(folder, key, NULL, &again, &err));
    assert_memory_equal(first.secret, again.secret, VAULT_KEY_LEN);
    assert_false(vault_open(folder, other, NULL, &again, &err));
    assert_refused(&err, "state.unusable");
}

static void a_new_service_key_takes_the_vault_over_once(void **state)
{
    (void)state;
    _cleanup_key_ struct key *old = key_generate();
    _cleanup_key_ struct key *new = key_generate();
    _cleanup_vault_ struct vault first;
    _cleanup_vault_ struct vault second;
    struct idevs_error err;

    assert_true(vault_open(folder, old, NULL, &first, &err));
    assert_true(vault_open(folder, new, old, &second, &err));
    assert_memory_equal(first.secret, second.secret, VAULT_KEY_LEN);
    assert_true(vault_open(folder, new, NULL, &second, &err));
    assert_false(vault_open(folder, old, NULL, &second, &err));
    assert_refused(&err, "state.unusable");
}

static void a_damaged_vault_key_is_refused(void **state)
{
    (void)state;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_vault_ struct vault vault;
    _cleanup_buffer_ struct buffer file = buffer_up_to(KIB(4));
    _cleanup_text_ char *path = path_of("vault.key");
    struct idevs_error err;

    assert_true(vault_open(folder, key, NULL, &vault, &err));
    assert_true(file_read(path, &file, &err));
    for (size_t i = 0; i < file.len; i++) {
        file.data[i] ^= 1;
        assert_true(file_write(path, buffer_bytes(&file), 0600, &err));
        assert_false(vault_open(folder, key, NULL, &vault, &err));
        assert_refused(&err, "state.unusable");
        file.data[i] ^= 1;
    }
}

static void a_database_whose_key_is_gone_is_refused(void **state)
{
    (void)state;
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_text_ char *path = path_of("vault.key");
    struct memory memory;
    struct idevs_error err;

    assert_true(memory_open(folder, key, NULL, &memory, &err));
    memory_close(&memory);
    assert_int_equal(remove(path), 0);
    assert_false(memory_open(folder, key, NULL, &memory, &err));
    assert_refused(&err, "state.unusable");
}

static void a_second_gateway_on_one_folder_is_refused(void **state)
{
    (void)state;
    _cleanup_key_ struct key *key = key_generate();
    struct memory first;
    struct memory second;
    struct idevs_error err;

    assert_true(memory_open(folder, key, NULL, &first, &err));
    assert_false(memory_open(folder, key, NULL, &second, &err));
    assert_refused(&err, "state.unusable");
    memory_close(&first);
    assert_true(memory_open(folder, key, NULL, &second, &err));
    memory_close(&second);
}

static void a_newer_state_is_refused_and_left_as_it_was(void **state)
{
    (void)state;
    static const char *const NEWER[] = {"CREATE TABLE a (b);", "CREATE TABLE c (d);", NULL};
    _cleanup_key_ struct key *key = key_generate();
    _cleanup_text_ char *path = path_of("gateway.db");
    struct memory memory;
    struct idevs_error err;

    assert_true(memory_open(folder, key, NULL, &memory, &err));
    memory_close(&memory);
    assert_int_equal(remove(path), 0);
    store_close(store_open(path, NEWER, &err));
    assert_false(memory_open(folder, key, NULL, &memory, &err));
    assert_refused(&err, "state.newer");
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_is_sealed_opens_only_at_its_place),
        IN_FOLDER(the_vault_opens_again_under_the_same_key_only),
        IN_FOLDER(a_new_service_key_takes_the_vault_over_once),
        IN_FOLDER(a_damaged_vault_key_is_refused),
        IN_FOLDER(a_database_whose_key_is_gone_is_refused),
        IN_FOLDER(a_second_gateway_on_one_folder_is_refused),
        IN_FOLDER(a_newer_state_is_refused_and_left_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
