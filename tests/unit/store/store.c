#include "store/store.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "test.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static const char *const ONE[] = {"CREATE TABLE item (name TEXT PRIMARY KEY, data BLOB)", NULL};
static const char *const TWO[] = {"CREATE TABLE item (name TEXT PRIMARY KEY, data BLOB)",
                                  "ALTER TABLE item ADD COLUMN n INTEGER NOT NULL DEFAULT 7", NULL};
static const char INSERT[] = "INSERT INTO item (name, data) VALUES (?, ?)";
static const char COUNT[] = "SELECT count(*) FROM item";

static char folder[] = "/tmp/idevs-store-XXXXXX";
static char path[64];

static int make_folder(void **state)
{
    (void)state;
    snprintf(folder, sizeof(folder), "/tmp/idevs-store-XXXXXX");
    if (!mkdtemp(folder))
        return -1;
    snprintf(path, sizeof(path), "%s/state.db", folder);
    return 0;
}

static int remove_folder(void **state)
{
    static const char *const NAMES[] = {"state.db", "state.db-wal", "state.db-shm"};

    (void)state;
    for (size_t i = 0; i < ARRAY_LEN(NAMES); i++) {
        char name[96];
        snprintf(name, sizeof(name), "%s/%s", folder, NAMES[i]);
        unlink(name);
    }
    return rmdir(folder);
}

static enum step insert(struct store *store, const char *name, struct bytes data,
                        struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s = store_prepare(store, INSERT, err);

    assert_non_null(s);
    bind_text(s, 1, name);
    bind_bytes(s, 2, data);
    return statement_step(s, err);
}

static int64_t count(struct store *store)
{
    struct idevs_error err;
    _cleanup_statement_ struct statement *s = store_prepare(store, COUNT, &err);

    assert_non_null(s);
    assert_int_equal(statement_step(s, &err), STEP_ROW);
    return column_int(s, 0);
}

static void what_was_stored_is_read_again(void **state)
{
    static const char SELECT[] = "SELECT name, data, NULL FROM item ORDER BY name";
    struct idevs_error err;
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);

    (void)state;
    assert_non_null(store);
    assert_int_equal(insert(store, "a", bytes_of("x\0y", 3), &err), STEP_DONE);
    assert_int_equal(insert(store, "b", bytes_of(NULL, 0), &err), STEP_DONE);
    assert_int_equal(store_changes(store), 1);
    _cleanup_statement_ struct statement *s = store_prepare(store, SELECT, &err);
    assert_int_equal(statement_step(s, &err), STEP_ROW);
    assert_string_equal(column_text(s, 0), "a");
    assert_true(bytes_equal(column_bytes(s, 1), bytes_of("x\0y", 3)));
    assert_string_equal(column_text(s, 2), "");
    assert_true(column_is_null(s, 2));
    assert_int_equal(statement_step(s, &err), STEP_ROW);
    assert_int_equal(column_bytes(s, 1).len, 0);
    assert_false(column_is_null(s, 1)); /* empty is not NULL */
    assert_int_equal(statement_step(s, &err), STEP_DONE);
}

static void a_repeated_key_is_a_conflict_and_no_failure(void **state)
{
    struct idevs_error err;
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);

    (void)state;
    assert_int_equal(insert(store, "a", bytes_of_text("1"), &err), STEP_DONE);
    assert_int_equal(insert(store, "a", bytes_of_text("2"), &err), STEP_CONFLICT);
    assert_int_equal(count(store), 1);
}

static void a_rolled_back_transaction_leaves_nothing(void **state)
{
    struct idevs_error err;
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);

    (void)state;
    assert_true(store_begin(store, &err));
    assert_int_equal(insert(store, "a", bytes_of_text("1"), &err), STEP_DONE);
    store_rollback(store);
    assert_int_equal(count(store), 0);
    assert_true(store_begin(store, &err));
    assert_int_equal(insert(store, "a", bytes_of_text("1"), &err), STEP_DONE);
    assert_true(store_commit(store, &err));
    store_rollback(store); /* nothing to undo */
    assert_int_equal(count(store), 1);
}

static void a_newer_program_migrates_and_keeps_what_was_there(void **state)
{
    struct idevs_error err;
    struct store *old = store_open(path, ONE, &err);

    (void)state;
    assert_int_equal(insert(old, "a", bytes_of_text("1"), &err), STEP_DONE);
    store_close(old);
    _cleanup_store_ struct store *store = store_open(path, TWO, &err);
    assert_non_null(store);
    _cleanup_statement_ struct statement *s =
        store_prepare(store, "SELECT n FROM item WHERE name = 'a'", &err);
    assert_int_equal(statement_step(s, &err), STEP_ROW);
    assert_int_equal(column_int(s, 0), 7);
}

static void an_older_program_leaves_newer_state_untouched(void **state)
{
    struct idevs_error err = {0};
    _cleanup_buffer_ struct buffer before = buffer_up_to(1 << 20);
    _cleanup_buffer_ struct buffer after = buffer_up_to(1 << 20);

    (void)state;
    store_close(store_open(path, TWO, &err));
    assert_true(file_read(path, &before, &err));
    assert_null(store_open(path, ONE, &err));
    assert_refused(&err, "state.newer");
    assert_true(file_read(path, &after, &err));
    assert_true(bytes_equal(buffer_bytes(&before), buffer_bytes(&after)));
}

static void a_migration_that_fails_halfway_did_nothing(void **state)
{
    static const char *const BAD[] = {"CREATE TABLE a (x); CREATE TABLE a (x)", NULL};
    static const char *const GOOD[] = {"CREATE TABLE a (x)", NULL};
    struct idevs_error err = {0};

    (void)state;
    assert_null(store_open(path, BAD, &err));
    assert_refused(&err, "state.unusable");
    _cleanup_store_ struct store *store = store_open(path, GOOD, &err);
    assert_non_null(store);
}

static void the_database_is_for_its_owner_alone(void **state)
{
    static const char *const SUFFIXES[] = {"", "-wal", "-shm"};
    struct idevs_error err;

    (void)state;
    umask(0);
    store_close(store_open(path, ONE, &err));
    assert_int_equal(chmod(path, 0644), 0);
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);
    assert_int_equal(insert(store, "a", bytes_of_text("1"), &err), STEP_DONE);
    umask(022);
    for (size_t i = 0; i < ARRAY_LEN(SUFFIXES); i++) {
        struct stat st;
        char name[96];
        snprintf(name, sizeof(name), "%s%s", path, SUFFIXES[i]);
        assert_int_equal(stat(name, &st), 0);
        assert_int_equal(st.st_mode & 07777, 0600);
    }
}

static void what_is_no_database_is_refused(void **state)
{
    struct idevs_error err = {0};

    (void)state;
    assert_true(
        file_write(path, bytes_of_text("certainly not a database, but long enough"), 0600, &err));
    assert_null(store_open(path, ONE, &err));
    assert_refused(&err, "state.unusable");
    unlink(path);
    assert_int_equal(symlink("/dev/null", path), 0);
    assert_null(store_open(path, ONE, &err));
    assert_refused(&err, "state.unusable");
    assert_null(store_open("/no/such/folder/state.db", ONE, &err));
    assert_refused(&err, "state.unusable");
}

static void a_full_disk_has_its_own_code_and_loses_nothing(void **state)
{
    struct idevs_error err = {0};
    uint8_t big[65536] = {1};
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);

    (void)state;
    assert_int_equal(insert(store, "before", bytes_of_text("1"), &err), STEP_DONE);
    struct statement *cap = store_prepare(store, "PRAGMA max_page_count = 8", &err);
    assert_int_equal(statement_step(cap, &err), STEP_ROW);
    statement_done(cap);
    assert_true(store_begin(store, &err));
    assert_int_equal(insert(store, "big", bytes_of(big, sizeof(big)), &err), STEP_FAILED);
    assert_refused(&err, "disk.full");
    store_rollback(store);
    assert_int_equal(count(store), 1);
    assert_int_equal(insert(store, "after", bytes_of_text("1"), &err), STEP_DONE);
}

/* The kernel refuses the write itself here: SQLite reports an I/O error, errno says why. */
static int write_past_the_file_limit(void)
{
    struct idevs_error err = {0};
    uint8_t big[65536] = {1};
    struct rlimit limit = {65536, 65536};
    struct store *store = store_open(path, ONE, &err);

    signal(SIGXFSZ, SIG_IGN);
    if (!store || setrlimit(RLIMIT_FSIZE, &limit) < 0)
        return 1;
    if (insert(store, "big", bytes_of(big, sizeof(big)), &err) != STEP_FAILED)
        return 2;
    return error_is(&err, "disk.full") ? 0 : 3;
}

static void a_write_that_the_kernel_refuses_for_room_is_disk_full(void **state)
{
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0)
        _exit(write_past_the_file_limit());
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void statements_of_one_text_may_run_within_each_other(void **state)
{
    struct idevs_error err;
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);

    (void)state;
    _cleanup_statement_ struct statement *a = store_prepare(store, COUNT, &err);
    _cleanup_statement_ struct statement *b = store_prepare(store, COUNT, &err);
    assert_ptr_not_equal(a, b);
    assert_int_equal(statement_step(a, &err), STEP_ROW);
    assert_int_equal(statement_step(b, &err), STEP_ROW);
}

static void a_value_that_was_not_bound_is_not_stored(void **state)
{
    struct idevs_error err = {0};
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);
    _cleanup_statement_ struct statement *s = store_prepare(store, INSERT, &err);

    (void)state;
    bind_text(s, 3, "no third place");
    assert_int_equal(statement_step(s, &err), STEP_FAILED);
    assert_refused(&err, "internal");
}

static void what_was_committed_survives_a_killed_process(void **state)
{
    struct idevs_error err;
    int status;
    pid_t child = fork();

    (void)state;
    if (child == 0) {
        struct store *store = store_open(path, ONE, &err);
        if (insert(store, "a", bytes_of_text("1"), &err) == STEP_DONE)
            raise(SIGKILL);
        _exit(1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    _cleanup_store_ struct store *store = store_open(path, ONE, &err);
    assert_int_equal(count(store), 1);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(what_was_stored_is_read_again),
        in_folder(a_repeated_key_is_a_conflict_and_no_failure),
        in_folder(a_rolled_back_transaction_leaves_nothing),
        in_folder(a_newer_program_migrates_and_keeps_what_was_there),
        in_folder(an_older_program_leaves_newer_state_untouched),
        in_folder(a_migration_that_fails_halfway_did_nothing),
        in_folder(the_database_is_for_its_owner_alone),
        in_folder(what_is_no_database_is_refused),
        in_folder(a_full_disk_has_its_own_code_and_loses_nothing),
        in_folder(a_write_that_the_kernel_refuses_for_room_is_disk_full),
        in_folder(statements_of_one_text_may_run_within_each_other),
        in_folder(a_value_that_was_not_bound_is_not_stored),
        in_folder(what_was_committed_survives_a_killed_process),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
