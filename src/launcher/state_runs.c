/* Runs and logs of launcher/state.h. */
#include "launcher/state_private.h"

const char *const RUN_STATES[] = {
    [RUN_STARTING] = "starting", [RUN_RUNNING] = "running", [RUN_WAITING] = "waiting",
    [RUN_STOPPING] = "stopping", [RUN_ENDED] = "ended",
};

#define RUN_COLUMNS                                                                                \
    "number, owner, program, executable, manifest, wanted, state, started, ended, restarts,"       \
    " exchanges, (SELECT coalesce(max(n), 0) FROM logs WHERE run = number), code, expected, "      \
    "found,"                                                                                       \
    " spans"

static bool run_of_row(struct statement *s, struct run_row *ret)
{
    int64_t state = column_int(s, 6);

    *ret = (struct run_row){.number = column_int(s, 0),
                            .wanted = column_int(s, 5) != 0,
                            .started = column_int(s, 7),
                            .ended = column_int(s, 8),
                            .restarts = column_int(s, 9),
                            .exchanges = column_int(s, 10),
                            .lines = column_int(s, 11)};
    number_text(ret->number, ret->id);
    snprintf(ret->program, sizeof(ret->program), "%s", column_text(s, 2));
    column_error(s, 12, &ret->error);
    snprintf(ret->spans, sizeof(ret->spans), "%s", column_text(s, 15));
    if (state < RUN_STARTING || state > RUN_ENDED)
        return false;
    ret->state = (enum run_state)state;
    return column_sha256(s, 1, ret->owner.spki_sha256) && column_sha256(s, 3, ret->executable) &&
           column_sha256(s, 4, ret->manifest);
}

/* What is kept of ended runs is bounded; their logs go with them. */
static bool forget_old_runs(struct state *state, const struct owner *owner,
                            struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store,
        "DELETE FROM runs WHERE owner = ?1 AND state = 4 AND number NOT IN (SELECT number FROM runs"
        " WHERE owner = ?1 ORDER BY number DESC LIMIT ?2)",
        ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_int(s, 2, LIMIT_RUNS_KEPT);
    return step_done(s, ret_err);
}

static bool insert_run(struct state *state, struct run_row *row, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(state->store,
                      "INSERT INTO runs(owner, program, executable, manifest, wanted, state,"
                      " started) VALUES(?, ?, ?, ?, ?, ?, ?) RETURNING number",
                      ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, &row->owner);
    bind_text(s, 2, row->program);
    bind_sha256(s, 3, row->executable);
    bind_sha256(s, 4, row->manifest);
    bind_int(s, 5, row->wanted);
    bind_int(s, 6, row->state);
    bind_int(s, 7, row->started);
    enum step step = statement_step(s, ret_err);
    if (step == STEP_CONFLICT)
        return refuse(ret_err, "program.running", "%s", row->program);
    if (step != STEP_ROW)
        return false;
    row->number = column_int(s, 0);
    number_text(row->number, row->id);
    return step_done(s, ret_err);
}

bool state_add_run(struct state *state, struct run_row *row, struct idevs_error *ret_err)
{
    if (!store_begin(state->store, ret_err))
        return false;
    if (!insert_run(state, row, ret_err) || !forget_old_runs(state, &row->owner, ret_err)) {
        store_rollback(state->store);
        return false;
    }
    return store_commit(state->store, ret_err);
}

bool state_save_run(struct state *state, const struct run_row *row, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(state->store,
                      "UPDATE runs SET wanted = ?, state = ?, ended = ?, restarts = ?,"
                      " exchanges = ?, code = ?, expected = ?, found = ?, spans = ?"
                      " WHERE number = ?",
                      ret_err);

    if (!s)
        return false;
    bind_int(s, 1, row->wanted);
    bind_int(s, 2, row->state);
    bind_int(s, 3, row->ended);
    bind_int(s, 4, row->restarts);
    bind_int(s, 5, row->exchanges);
    bind_error(s, 6, &row->error);
    bind_text(s, 9, row->spans);
    bind_int(s, 10, row->number);
    return step_done(s, ret_err);
}

bool state_get_run(struct state *state, const struct owner *owner, const char *id,
                   struct run_row *ret, struct idevs_error *ret_err)
{
    int64_t number = 0;
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT " RUN_COLUMNS " FROM runs WHERE owner = ? AND number = ?", ret_err);

    if (!s || !number_of_text(id, &number, ret_err))
        return false;
    bind_owner(s, 1, owner);
    bind_int(s, 2, number);
    return step_row(s, "run", id, ret_err) &&
           (run_of_row(s, ret) || refuse(ret_err, "state.unusable", "a damaged run"));
}

static bool each_row(struct statement *s, run_each each, void *context, struct idevs_error *ret_err)
{
    enum step step;
    struct run_row row;

    while ((step = statement_step(s, ret_err)) == STEP_ROW)
        if (run_of_row(s, &row) && !each(&row, context))
            return true;
    return step == STEP_DONE;
}

bool state_each_run(struct state *state, const struct owner *owner, run_each each, void *context,
                    struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store,
        "SELECT " RUN_COLUMNS " FROM runs WHERE owner = ? ORDER BY number DESC LIMIT ?", ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_int(s, 2, LIMIT_RUNS_KEPT);
    return each_row(s, each, context, ret_err);
}

bool state_each_unended_run(struct state *state, run_each each, void *context,
                            struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT " RUN_COLUMNS " FROM runs WHERE state <> 4 ORDER BY number", ret_err);

    return s && each_row(s, each, context, ret_err);
}

bool state_save_certificate(struct state *state, int64_t run, struct bytes pem,
                            struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(state->store, "UPDATE runs SET certificate = ? WHERE number = ?", ret_err);

    if (!s)
        return false;
    bind_bytes(s, 1, pem);
    bind_int(s, 2, run);
    return step_done(s, ret_err);
}

bool state_get_certificate(struct state *state, int64_t run, struct buffer *b,
                           struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT certificate FROM runs WHERE number = ? AND certificate IS NOT NULL",
        ret_err);

    if (!s)
        return false;
    bind_int(s, 1, run);
    return step_row(s, "certificate", "of this run yet", ret_err) &&
           (buffer_append_bytes(b, column_bytes(s, 0)) ||
            refuse(ret_err, "state.unusable", "a damaged certificate"));
}

/* ---- logs ---- */

static bool insert_line(struct state *state, const struct line *line, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "INSERT INTO logs(run, n, time, kind, data) VALUES(?, ?, ?, ?, ?)", ret_err);

    if (!s)
        return false;
    bind_int(s, 1, line->run);
    bind_int(s, 2, line->n);
    bind_int(s, 3, line->time);
    bind_int(s, 4, line->kind);
    bind_bytes(s, 5, line->data);
    return step_done(s, ret_err);
}

bool state_add_lines(struct state *state, const struct line *lines, size_t n,
                     struct idevs_error *ret_err)
{
    if (n == 0)
        return true;
    if (!store_begin(state->store, ret_err))
        return false;
    for (size_t i = 0; i < n; i++) {
        if (!insert_line(state, &lines[i], ret_err)) {
            store_rollback(state->store);
            return false;
        }
    }
    return store_commit(state->store, ret_err);
}

static bool line_of_row(struct statement *s, int64_t run, struct line *ret)
{
    int64_t kind = column_int(s, 2);

    *ret = (struct line){.run = run,
                         .n = column_int(s, 0),
                         .time = column_int(s, 1),
                         .kind = (enum line_kind)kind,
                         .data = column_bytes(s, 3)};
    return kind >= LINE_OWNER && kind <= LINE_LAUNCHER;
}

bool state_each_line(struct state *state, int64_t run, int64_t after, int64_t max, line_each each,
                     void *context, struct idevs_error *ret_err)
{
    enum step step;
    _cleanup_statement_ struct statement *s =
        store_prepare(state->store,
                      "SELECT n, time, kind, data FROM logs WHERE run = ? AND n > ?"
                      " ORDER BY n LIMIT ?",
                      ret_err);

    if (!s)
        return false;
    bind_int(s, 1, run);
    bind_int(s, 2, after);
    bind_int(s, 3, max);
    while ((step = statement_step(s, ret_err)) == STEP_ROW) {
        struct line line;
        if (line_of_row(s, run, &line) && !each(&line, context))
            return true;
    }
    return step == STEP_DONE;
}
