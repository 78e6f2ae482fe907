#include "warden/cache.h"
#include "../test.h"
#include "base/text.h"
#include "folder.h"

static struct origin some_origin(uint8_t source)
{
    return (struct origin){.source = {source}, .manifest = {2}, .toolchain = {3}};
}

static void put(const char *folder, const struct origin *origin, const char *bytes,
                uint8_t ret[SHA256_LEN])
{
    _cleanup_built_ struct built built;
    struct idevs_error err;

    built_init(&built);
    assert_true(buffer_append_text(&built.bytes, bytes));
    assert_true(buffer_append_text(&built.text, "warning"));
    sha256(buffer_bytes(&built.bytes), built.executable);
    assert_true(cache_put(folder, origin, &built, &err));
    memcpy(ret, built.executable, SHA256_LEN);
}

static bool has(const char *folder, const struct origin *origin, const char *bytes)
{
    _cleanup_built_ struct built built;

    built_init(&built);
    if (!cache_get(folder, origin, &built))
        return false;
    assert_true(bytes_equal_text(buffer_bytes(&built.bytes), bytes));
    assert_true(bytes_equal_text(buffer_bytes(&built.text), "warning"));
    return true;
}

static char *file_of(const char *folder, const char *kind, const uint8_t digest[SHA256_LEN])
{
    char hex[2 * SHA256_LEN + 1];

    hex_text(digest, SHA256_LEN, hex);
    return alloc_format("%s/%s/%s", folder, kind, hex);
}

static char *fresh_cache(void)
{
    char *folder = folder_fresh();
    struct idevs_error err;

    assert_true(cache_open(folder, &err));
    return folder;
}

static void what_was_built_is_found_again(void **state)
{
    _cleanup_folder_ char *folder = fresh_cache();
    struct origin origin = some_origin(1);
    struct origin other = some_origin(9);
    struct origin found;
    uint8_t digest[SHA256_LEN];

    (void)state;
    assert_false(has(folder, &origin, ""));
    put(folder, &origin, "executable", digest);
    assert_true(has(folder, &origin, "executable"));
    assert_false(has(folder, &other, ""));
    assert_true(cache_origin(folder, digest, &found));
    assert_memory_equal(&found, &origin, sizeof(origin));
    digest[0] ^= 1;
    assert_false(cache_origin(folder, digest, &found));
}

/* Changes one byte of a file. */
static void damage(const char *path, size_t at)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(MIB(1));
    struct idevs_error err;

    assert_true(file_read(path, &b, &err));
    b.data[at % b.len] ^= 1;
    assert_true(file_write(path, buffer_bytes(&b), 0600, &err));
}

static void a_damaged_executable_is_not_used(void **state)
{
    _cleanup_folder_ char *folder = fresh_cache();
    struct origin origin = some_origin(1);
    uint8_t digest[SHA256_LEN];

    (void)state;
    put(folder, &origin, "executable", digest);
    _cleanup_text_ char *path = file_of(folder, "executables", digest);
    damage(path, 3);
    assert_false(has(folder, &origin, ""));
    assert_int_equal(access(path, F_OK), -1);
    put(folder, &origin, "executable", digest); /* built again */
    assert_true(has(folder, &origin, "executable"));
}

static void no_byte_of_a_record_can_change_unseen(void **state)
{
    _cleanup_folder_ char *folder = fresh_cache();
    struct origin origin = some_origin(1);
    struct origin found;
    uint8_t digest[SHA256_LEN];
    struct stat st;

    (void)state;
    put(folder, &origin, "executable", digest);
    _cleanup_text_ char *path = file_of(folder, "origins", digest);
    assert_int_equal(stat(path, &st), 0);
    for (off_t i = 0; i < st.st_size; i += 7) {
        damage(path, (size_t)i);
        assert_false(cache_origin(folder, digest, &found));
        damage(path, (size_t)i);
        assert_true(cache_origin(folder, digest, &found));
    }
}

/* A whole and undamaged record in another one's place. */
static void a_record_of_another_executable_is_not_believed(void **state)
{
    _cleanup_folder_ char *folder = fresh_cache();
    struct origin reviewed = some_origin(1);
    struct origin hostile = some_origin(2);
    struct origin found;
    uint8_t good[SHA256_LEN];
    uint8_t bad[SHA256_LEN];
    uint8_t identity[2][SHA256_LEN];

    (void)state;
    put(folder, &reviewed, "good", good);
    put(folder, &hostile, "bad", bad);
    origin_identity(&reviewed, identity[0]);
    origin_identity(&hostile, identity[1]);
    _cleanup_text_ char *origin_good = file_of(folder, "origins", good);
    _cleanup_text_ char *origin_bad = file_of(folder, "origins", bad);
    _cleanup_text_ char *build_good = file_of(folder, "builds", identity[0]);
    _cleanup_text_ char *build_bad = file_of(folder, "builds", identity[1]);
    assert_int_equal(rename(origin_good, origin_bad), 0);
    assert_false(cache_origin(folder, bad, &found));
    assert_int_equal(rename(build_bad, build_good), 0);
    assert_false(has(folder, &reviewed, ""));
}

static void every_part_of_an_origin_names_another_build(void **state)
{
    struct origin origin = some_origin(1);
    uint8_t identity[SHA256_LEN];
    uint8_t other[SHA256_LEN];

    (void)state;
    origin_identity(&origin, identity);
    for (size_t i = 0; i < sizeof(origin); i++) {
        ((uint8_t *)&origin)[i] ^= 1;
        origin_identity(&origin, other);
        assert_memory_not_equal(identity, other, SHA256_LEN);
        ((uint8_t *)&origin)[i] ^= 1;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_built_is_found_again),
        cmocka_unit_test(a_damaged_executable_is_not_used),
        cmocka_unit_test(no_byte_of_a_record_can_change_unseen),
        cmocka_unit_test(a_record_of_another_executable_is_not_believed),
        cmocka_unit_test(every_part_of_an_origin_names_another_build),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
