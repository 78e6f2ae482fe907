#include "test.h"

#include "gateway/worker.h"

#include "folder.h"

#include <event2/event.h>

static const char *const TABLE[] = {"CREATE TABLE t (v INTEGER UNIQUE);", NULL};

struct insert {
    struct job job;
    int64_t value;
    struct event_base *base;
    unsigned *left;
    bool committed;
};

static bool insert_run(struct job *job, struct store *store, struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s = store_prepare(store, "INSERT INTO t VALUES (?)", err);

    bind_int(s, 1, ((struct insert *)job)->value);
    enum step step = statement_step(s, err);
    return step == STEP_DONE || refuse(err, "state.unusable", "twice");
}

static void insert_done(struct job *job, const struct idevs_error *failed)
{
    struct insert *i = (struct insert *)job;

    i->committed = !failed;
    if (--*i->left == 0)
        event_base_loopexit(i->base, NULL);
}

static int64_t count(struct store *store)
{
    _cleanup_statement_ struct statement *s = store_prepare(store, "SELECT count(*) FROM t", NULL);

    assert_int_equal(statement_step(s, NULL), STEP_ROW);
    return column_int(s, 0);
}

static void run_all(struct insert *all, unsigned n, int64_t wanted)
{
    struct event_base *base = event_base_new();
    _cleanup_text_ char *path = alloc_format("%s/db", folder);
    struct store *store = store_open(path, TABLE, NULL);
    struct worker *worker = worker_new(base, store, NULL);
    unsigned left = n;

    for (unsigned i = 0; i < n; i++) {
        all[i].job = (struct job){.run = insert_run, .done = insert_done};
        all[i].base = base;
        all[i].left = &left;
        worker_submit(worker, &all[i].job); /* before the start: so that they share a batch */
    }
    assert_true(worker_start(worker, NULL));
    event_base_dispatch(base);
    worker_free(worker);
    assert_int_equal(count(store), wanted);
    store_close(store);
    event_base_free(base);
}

static void jobs_are_committed_and_answered(void **state)
{
    (void)state;
    static struct insert all[500];

    for (unsigned i = 0; i < ARRAY_LEN(all); i++)
        all[i].value = i;
    run_all(all, ARRAY_LEN(all), ARRAY_LEN(all));
    for (unsigned i = 0; i < ARRAY_LEN(all); i++)
        assert_true(all[i].committed);
}

static void a_job_that_fails_takes_no_other_with_it(void **state)
{
    (void)state;
    struct insert all[] = {{.value = 1}, {.value = 2}, {.value = 1}, {.value = 3}};

    run_all(all, ARRAY_LEN(all), 3);
    assert_true(all[0].committed);
    assert_true(all[1].committed);
    assert_false(all[2].committed);
    assert_refused(&all[2].job.error, "state.unusable");
    assert_true(all[3].committed);
}

#define IN_FOLDER(f) cmocka_unit_test_setup_teardown(f, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        IN_FOLDER(jobs_are_committed_and_answered),
        IN_FOLDER(a_job_that_fails_takes_no_other_with_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
