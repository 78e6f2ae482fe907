#include "test.h"

#include "gateway/states.h"

#include "folder.h"

#define PROGRAM "spiffe://a/program/b"

struct fixture {
    struct key *key;
    struct memory memory;
    struct buffer value;
    int64_t version;
    struct idevs_error err;
};

static void start(struct fixture *f)
{
    if (!f->key)
        f->key = key_generate();
    assert_true(memory_open(folder, f->key, NULL, &f->memory, &f->err));
    f->value = buffer_up_to(KIB(64) + 1);
}

static void stop(struct fixture *f)
{
    memory_close(&f->memory);
    buffer_free(&f->value);
}

static void end(struct fixture *f)
{
    stop(f);
    key_free(f->key);
}

static enum state_verdict ask(struct fixture *f, const char *program, const char *method,
                              const char *path, const char *content)
{
    struct http_message m = {.method = bytes_of_text(method),
                             .path = bytes_of_text(path),
                             .content = bytes_of_text(content)};
    struct state_request request;
    enum state_verdict verdict = STATE_REFUSED;

    if (state_request_parse(&m, &request, &f->err))
        assert_true(state_request_run(&request, f->memory.store, &f->memory.vault, program,
                                      &verdict, &f->version, &f->value, &f->err));
    return verdict;
}

static enum state_verdict get(struct fixture *f, const char *name)
{
    char path[256];

    snprintf(path, sizeof(path), STATE_PATH "%s", name);
    return ask(f, PROGRAM, "GET", path, "");
}

static enum state_verdict put(struct fixture *f, const char *name, int version, const char *content)
{
    char path[256];

    snprintf(path, sizeof(path), STATE_PATH "%s?version=%d", name, version);
    return ask(f, PROGRAM, "PUT", path, content);
}

static void what_was_saved_is_loaded_after_a_restart(void **state)
{
    (void)state;
    struct fixture f = {0};

    start(&f);
    assert_int_equal(get(&f, "cursor"), STATE_ABSENT);
    assert_int_equal(put(&f, "cursor", 0, "809"), STATE_SAVED);
    assert_int_equal(f.version, 1);
    assert_int_equal(put(&f, "cursor", 1, "810"), STATE_SAVED);
    stop(&f);
    start(&f);
    assert_int_equal(get(&f, "cursor"), STATE_VALUE);
    assert_int_equal(f.version, 2);
    assert_true(bytes_equal_text(buffer_bytes(&f.value), "810"));
    end(&f);
}

static void of_two_writers_one_loses(void **state)
{
    (void)state;
    struct fixture f = {0};

    start(&f);
    assert_int_equal(put(&f, "cursor", 0, "a"), STATE_SAVED);
    assert_int_equal(put(&f, "cursor", 0, "b"), STATE_REFUSED);
    assert_refused(&f.err, "state.conflict");
    assert_int_equal(put(&f, "cursor", 1, "b"), STATE_SAVED);
    assert_int_equal(put(&f, "cursor", 1, "c"), STATE_REFUSED);
    assert_refused(&f.err, "state.conflict");
    assert_int_equal(put(&f, "cursor", 7, "c"), STATE_REFUSED);
    assert_refused(&f.err, "state.conflict");
    assert_int_equal(get(&f, "cursor"), STATE_VALUE);
    assert_true(bytes_equal_text(buffer_bytes(&f.value), "b"));
    end(&f);
}

static void a_put_whose_answer_was_lost_may_come_again(void **state)
{
    (void)state;
    struct fixture f = {0};

    start(&f);
    for (int i = 0; i < 3; i++) {
        assert_int_equal(put(&f, "cursor", 0, "a"), STATE_SAVED);
        assert_int_equal(f.version, 1);
    }
    assert_int_equal(put(&f, "cursor", 1, "b"), STATE_SAVED);
    assert_int_equal(put(&f, "cursor", 0, "a"), STATE_REFUSED); /* somebody else's is there */
    assert_refused(&f.err, "state.conflict");
    end(&f);
}

static void an_empty_value_is_a_value(void **state)
{
    (void)state;
    struct fixture f = {0};

    start(&f);
    assert_int_equal(put(&f, "cursor", 0, ""), STATE_SAVED);
    assert_int_equal(get(&f, "cursor"), STATE_VALUE);
    assert_int_equal(f.value.len, 0);
    end(&f);
}

static void a_program_has_a_hundred_names(void **state)
{
    (void)state;
    struct fixture f = {0};
    char name[16];

    start(&f);
    for (int i = 0; i < LIMIT_STATE_NAMES; i++) {
        snprintf(name, sizeof(name), "n%d", i);
        assert_int_equal(put(&f, name, 0, "x"), STATE_SAVED);
    }
    assert_int_equal(put(&f, "one-more", 0, "x"), STATE_REFUSED);
    assert_refused(&f.err, "state.full");
    assert_int_equal(put(&f, "n5", 1, "y"), STATE_SAVED);
    assert_int_equal(ask(&f, PROGRAM "2", "PUT", STATE_PATH "a?version=0", "z"), STATE_SAVED);
    end(&f);
}

static void a_value_has_64_kib(void **state)
{
    (void)state;
    struct fixture f = {0};
    static char content[LIMIT_STATE_VALUE + 2];

    start(&f);
    memset(content, 'x', LIMIT_STATE_VALUE);
    assert_int_equal(put(&f, "a", 0, content), STATE_SAVED);
    assert_int_equal(get(&f, "a"), STATE_VALUE);
    assert_int_equal(f.value.len, LIMIT_STATE_VALUE);
    content[LIMIT_STATE_VALUE] = 'x';
    assert_int_equal(put(&f, "b", 0, content), STATE_REFUSED);
    assert_refused(&f.err, "state.full");
    end(&f);
}

static void programs_do_not_see_each_other(void **state)
{
    (void)state;
    struct fixture f = {0};

    start(&f);
    assert_int_equal(put(&f, "cursor", 0, "a"), STATE_SAVED);
    assert_int_equal(ask(&f, PROGRAM "2", "GET", STATE_PATH "cursor", ""), STATE_ABSENT);
    end(&f);
}

static void requests_of_another_form_are_refused(void **state)
{
    static const struct {
        const char *method, *path, *code;
    } WRONG[] = {
        {"POST", STATE_PATH "a?version=0", "api.method"},
        {"DELETE", STATE_PATH "a", "api.method"},
        {"HEAD", STATE_PATH "a", "api.method"},
        {"GET", STATE_PATH, "api.field"},
        {"GET", STATE_PATH "a/b", "api.field"},
        {"GET", STATE_PATH "a%20b", "api.field"},
        {"GET", STATE_PATH "a?version=1", "api.field"},
        {"GET", STATE_PATH "a?", "api.field"},
        {"PUT", STATE_PATH "a", "api.field"},
        {"PUT", STATE_PATH "a?", "api.field"},
        {"PUT", STATE_PATH "a?version=", "api.field"},
        {"PUT", STATE_PATH "a?version=-1", "api.field"},
        {"PUT", STATE_PATH "a?version=01", "api.field"},
        {"PUT", STATE_PATH "a?version=9223372036854775807", "api.field"},
        {"PUT", STATE_PATH "a?version=1&x", "api.field"},
        {"PUT", STATE_PATH "a?Version=1", "api.field"},
        {"PUT",
         STATE_PATH "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa?version=1",
         "api.field"},
    };
    (void)state;
    struct fixture f = {0};

    start(&f);
    for (size_t i = 0; i < ARRAY_LEN(WRONG); i++) {
        assert_int_equal(ask(&f, PROGRAM, WRONG[i].method, WRONG[i].path, ""), STATE_REFUSED);
        assert_refused(&f.err, WRONG[i].code);
    }
    end(&f);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(what_was_saved_is_loaded_after_a_restart),
        IN_FOLDER(of_two_writers_one_loses),
        IN_FOLDER(a_put_whose_answer_was_lost_may_come_again),
        IN_FOLDER(an_empty_value_is_a_value),
        IN_FOLDER(a_program_has_a_hundred_names),
        IN_FOLDER(a_value_has_64_kib),
        IN_FOLDER(programs_do_not_see_each_other),
        IN_FOLDER(requests_of_another_form_are_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
