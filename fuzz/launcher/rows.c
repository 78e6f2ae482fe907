/* What the launcher reads back from its database, whoever wrote it: a row is whole or damaged. */
#include "launcher/state.h"

#include "rows.h"
#include "scratch.h"

static const struct owner OWNER;

static const struct {
    const char *sql;
    int n_columns;
} TABLES[] = {
    {"INSERT INTO programs VALUES(?, ?, ?, ?, ?, ?, ?, ?)", 8},
    {"INSERT INTO builds VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", 14},
    {"INSERT INTO runs VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", 16},
    {"INSERT INTO logs VALUES(?, ?, ?, ?, ?)", 5},
    {"INSERT INTO services VALUES(?, ?, ?)", 3},
    {"INSERT INTO blobs VALUES(?, ?)", 2},
};

static bool on_program(const struct program *p, void *context)
{
    (void)context;
    must(p->state <= PROGRAM_FAILED);
    return true;
}

static bool on_build(const struct build *b, void *context)
{
    (void)context;
    must(b->state <= BUILD_FAILED && b->messages.len <= LIMIT_COMPILER_TEXT);
    return true;
}

static bool on_run(const struct run_row *run, void *context)
{
    (void)context;
    must(run->state <= RUN_ENDED && RUN_STATES[run->state]);
    return true;
}

static bool on_line(const struct line *line, void *context)
{
    (void)context;
    must(line->kind <= LINE_LAUNCHER);
    return true;
}

static bool on_service(const char *name, const char *url, void *context)
{
    (void)context;
    must(name && url);
    return true;
}

/* `good`, or refused with a reason. */
static void or_refused(bool good, const struct idevs_error *err)
{
    if (!good)
        must_be_refusal(err);
}

static void read_all(struct state *state)
{
    struct idevs_error err = {0};
    struct program program;
    struct run_row run;
    _cleanup_build_ struct build build = {0};
    _cleanup_build_ struct build running = {0};
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);

    if (state_get_program(state, &OWNER, "a", &program, &err))
        on_program(&program, NULL);
    if (state_get_build(state, &OWNER, "1", &build, &err))
        on_build(&build, NULL);
    if (state_running_build(state, &OWNER, "a", &running, &err))
        on_build(&running, NULL);
    if (state_get_run(state, &OWNER, "1", &run, &err))
        on_run(&run, NULL);
    or_refused(state_get_certificate(state, 1, &pem, &err), &err);
    or_refused(state_each_program(state, &OWNER, on_program, NULL, &err), &err);
    or_refused(state_each_running_build(state, on_build, NULL, &err), &err);
    or_refused(state_each_run(state, &OWNER, on_run, NULL, &err), &err);
    or_refused(state_each_unended_run(state, on_run, NULL, &err), &err);
    or_refused(state_each_line(state, 1, 0, 10, on_line, NULL, &err), &err);
    or_refused(state_each_service(state, &OWNER, on_service, NULL, &err), &err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct state state;
    struct idevs_error err = {0};
    struct reader r = reader_of(bytes_of(data, size));

    if (!state.store)
        must(state_open(&state, scratch_folder(), &err));
    must(store_begin(state.store, &err));
    for (int i = 0; i < 8 && reader_left(&r); i++) {
        size_t table = next_u8(&r) % ARRAY_LEN(TABLES);
        insert_next(state.store, TABLES[table].sql, TABLES[table].n_columns, &r);
    }
    read_all(&state);
    store_rollback(state.store);
    return 0;
}
