/* Programs and builds of launcher/state.h. */
#include "launcher/state_private.h"

#define PROGRAM_COLUMNS "owner, name, manifest, source, executable, toolchain, state, created"
#define BUILD_COLUMNS                                                                              \
    "number, owner, program, source, manifest, state, executable, toolchain, cached, "             \
    "milliseconds,"                                                                                \
    " code, expected, found, messages"

static bool program_of_row(struct statement *s, struct program *ret)
{
    int64_t state = column_int(s, 6);

    *ret = (struct program){.created = column_int(s, 7)};
    snprintf(ret->name, sizeof(ret->name), "%s", column_text(s, 1));
    column_digest(s, 3, &ret->source);
    column_digest(s, 4, &ret->executable);
    column_digest(s, 5, &ret->toolchain);
    if (state < PROGRAM_NEW || state > PROGRAM_FAILED)
        return false;
    ret->state = (enum program_state)state;
    return column_sha256(s, 0, ret->owner.spki_sha256) && column_sha256(s, 2, ret->manifest);
}

static bool same_digest(const struct digest *a, const struct digest *b)
{
    return a->set == b->set && (!a->set || memcmp(a->sha256, b->sha256, 32) == 0);
}

/* What an owner uploads is either source, or an executable without source. */
static bool same_content(const struct program *a, const struct program *b)
{
    return memcmp(a->manifest, b->manifest, 32) == 0 && same_digest(&a->source, &b->source) &&
           (a->source.set || same_digest(&a->executable, &b->executable));
}

bool state_add_program(struct state *state, const struct program *program, bool *ret_new,
                       struct idevs_error *ret_err)
{
    struct program there;
    struct idevs_error none;

    *ret_new = false;
    if (state_get_program(state, &program->owner, program->name, &there, &none)) {
        if (same_content(program, &there))
            return true;
        return refuse(ret_err, "program.exists", "%s", program->name);
    }
    if (!error_is(&none, "api.not-found")) {
        *ret_err = none;
        return false;
    }
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "INSERT INTO programs(" PROGRAM_COLUMNS ") VALUES(?, ?, ?, ?, ?, ?, ?, ?)",
        ret_err);
    if (!s)
        return false;
    bind_owner(s, 1, &program->owner);
    bind_text(s, 2, program->name);
    bind_sha256(s, 3, program->manifest);
    bind_digest(s, 4, &program->source);
    bind_digest(s, 5, &program->executable);
    bind_digest(s, 6, &program->toolchain);
    bind_int(s, 7, program->state);
    bind_int(s, 8, program->created);
    *ret_new = true;
    return step_done(s, ret_err);
}

bool state_get_program(struct state *state, const struct owner *owner, const char *name,
                       struct program *ret, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT " PROGRAM_COLUMNS " FROM programs WHERE owner = ? AND name = ?",
        ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_text(s, 2, name);
    return step_row(s, "program", name, ret_err) &&
           (program_of_row(s, ret) || refuse(ret_err, "state.unusable", "a damaged program"));
}

bool state_each_program(struct state *state, const struct owner *owner, program_each each,
                        void *context, struct idevs_error *ret_err)
{
    enum step step;
    struct program program;
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT " PROGRAM_COLUMNS " FROM programs WHERE owner = ? ORDER BY name",
        ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    while ((step = statement_step(s, ret_err)) == STEP_ROW)
        if (program_of_row(s, &program) && !each(&program, context))
            return true;
    return step == STEP_DONE;
}

static bool change_program(struct state *state, const char *sql, const struct owner *owner,
                           const char *name, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(state->store, sql, ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_text(s, 2, name);
    return step_done(s, ret_err);
}

static bool runs_now(struct state *state, const struct owner *owner, const char *name, bool *ret,
                     struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT 1 FROM runs WHERE owner = ? AND program = ? AND state <> 4", ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_text(s, 2, name);
    enum step step = statement_step(s, ret_err);
    *ret = step == STEP_ROW;
    return step != STEP_FAILED;
}

/* Blobs of the owner that no program and no unended run refers to. */
static bool forget_blob(struct state *state, const struct owner *owner, const uint8_t sha256[32],
                        struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store,
        "DELETE FROM blobs WHERE owner = ?1 AND sha256 = ?2 AND NOT EXISTS(SELECT 1 FROM programs"
        " WHERE owner = ?1 AND (manifest = ?2 OR source = ?2 OR executable = ?2))",
        ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_sha256(s, 2, sha256);
    return step_done(s, ret_err);
}

static bool blob_is_used(struct state *state, const uint8_t sha256[32])
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store,
        "SELECT 1 FROM blobs WHERE sha256 = ?1 UNION ALL SELECT 1 FROM programs WHERE manifest = ?1"
        " OR source = ?1 OR executable = ?1 UNION ALL SELECT 1 FROM runs WHERE state <> 4 AND"
        " (executable = ?1 OR manifest = ?1) LIMIT 1",
        NULL);

    if (!s)
        return true;
    bind_sha256(s, 1, sha256);
    return statement_step(s, NULL) != STEP_DONE;
}

static bool delete_rows(struct state *state, const struct program *program,
                        struct idevs_error *ret_err)
{
    const struct owner *owner = &program->owner;

    return change_program(state, "DELETE FROM builds WHERE owner = ? AND program = ?", owner,
                          program->name, ret_err) &&
           change_program(state, "DELETE FROM programs WHERE owner = ? AND name = ?", owner,
                          program->name, ret_err) &&
           forget_blob(state, owner, program->manifest, ret_err) &&
           (!program->source.set || forget_blob(state, owner, program->source.sha256, ret_err)) &&
           (!program->executable.set ||
            forget_blob(state, owner, program->executable.sha256, ret_err));
}

static void remove_unused(struct state *state, const struct digest *digest)
{
    if (digest->set && !blob_is_used(state, digest->sha256))
        blob_remove(state->blobs, digest->sha256);
}

bool state_delete_program(struct state *state, const struct owner *owner, const char *name,
                          struct idevs_error *ret_err)
{
    struct program program;
    bool running;

    if (!state_get_program(state, owner, name, &program, ret_err) ||
        !runs_now(state, owner, name, &running, ret_err))
        return false;
    if (running)
        return refuse(ret_err, "program.running", "%s", name);
    if (!store_begin(state->store, ret_err))
        return false;
    if (!delete_rows(state, &program, ret_err)) {
        store_rollback(state->store);
        return false;
    }
    if (!store_commit(state->store, ret_err))
        return false;
    struct digest manifest = {.set = true};
    memcpy(manifest.sha256, program.manifest, 32);
    remove_unused(state, &manifest);
    remove_unused(state, &program.source);
    remove_unused(state, &program.executable);
    return true;
}

/* ---- builds ---- */

void build_free(struct build *build)
{
    buffer_free(&build->messages);
}

static bool build_of_row(struct statement *s, struct build *ret)
{
    int64_t state = column_int(s, 5);

    *ret = (struct build){.cached = column_int(s, 8) != 0,
                          .milliseconds = column_int(s, 9),
                          .messages = buffer_up_to(LIMIT_COMPILER_TEXT)};
    ret->number = column_int(s, 0);
    number_text(ret->number, ret->id);
    snprintf(ret->program, sizeof(ret->program), "%s", column_text(s, 2));
    column_digest(s, 6, &ret->executable);
    column_digest(s, 7, &ret->toolchain);
    column_error(s, 10, &ret->error);
    if (state < BUILD_RUNNING || state > BUILD_FAILED)
        return false;
    ret->state = (enum build_state)state;
    return buffer_append_bytes(&ret->messages, column_bytes(s, 13)) &&
           column_sha256(s, 1, ret->owner.spki_sha256) && column_sha256(s, 3, ret->source) &&
           column_sha256(s, 4, ret->manifest);
}

static bool insert_build(struct state *state, struct build *build, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store,
        "INSERT INTO builds(owner, program, source, manifest, state) VALUES(?, ?, ?, ?, 0)"
        " RETURNING number",
        ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, &build->owner);
    bind_text(s, 2, build->program);
    bind_sha256(s, 3, build->source);
    bind_sha256(s, 4, build->manifest);
    if (!step_row(s, "program", build->program, ret_err))
        return false;
    build->number = column_int(s, 0);
    number_text(build->number, build->id);
    return step_done(s, ret_err);
}

bool state_add_build(struct state *state, struct build *build, struct idevs_error *ret_err)
{
    build->state = BUILD_RUNNING;
    if (!store_begin(state->store, ret_err))
        return false;
    /* Few of a program's builds are kept: their messages are large. */
    if (!change_program(state,
                        "DELETE FROM builds WHERE owner = ?1 AND program = ?2 AND number <= (SELECT"
                        " max(number) - 20 FROM builds WHERE owner = ?1 AND program = ?2)",
                        &build->owner, build->program, ret_err) ||
        !insert_build(state, build, ret_err) ||
        !change_program(state, "UPDATE programs SET state = 1 WHERE owner = ? AND name = ?",
                        &build->owner, build->program, ret_err)) {
        store_rollback(state->store);
        return false;
    }
    return store_commit(state->store, ret_err);
}

static bool update_build(struct state *state, const struct build *build,
                         struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store,
        "UPDATE builds SET state = ?, executable = ?, toolchain = ?, cached = ?, milliseconds = ?,"
        " code = ?, expected = ?, found = ?, messages = ? WHERE number = ?",
        ret_err);

    if (!s)
        return false;
    bind_int(s, 1, build->state);
    bind_digest(s, 2, &build->executable);
    bind_digest(s, 3, &build->toolchain);
    bind_int(s, 4, build->cached);
    bind_int(s, 5, build->milliseconds);
    bind_error(s, 6, &build->error);
    bind_bytes(s, 9, buffer_bytes(&build->messages));
    bind_int(s, 10, build->number);
    return step_done(s, ret_err);
}

static bool update_built_program(struct state *state, const struct build *build,
                                 struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(state->store,
                      "UPDATE programs SET state = ?, executable = ?, toolchain = ?"
                      " WHERE owner = ? AND name = ? AND source = ? AND manifest = ?",
                      ret_err);

    if (!s)
        return false;
    bind_int(s, 1, build->state == BUILD_DONE ? PROGRAM_BUILT : PROGRAM_FAILED);
    bind_digest(s, 2, &build->executable);
    bind_digest(s, 3, &build->toolchain);
    bind_owner(s, 4, &build->owner);
    bind_text(s, 5, build->program);
    bind_sha256(s, 6, build->source);
    bind_sha256(s, 7, build->manifest);
    return step_done(s, ret_err);
}

bool state_end_build(struct state *state, const struct build *build, struct idevs_error *ret_err)
{
    if (!store_begin(state->store, ret_err))
        return false;
    if (!update_build(state, build, ret_err) || !update_built_program(state, build, ret_err)) {
        store_rollback(state->store);
        return false;
    }
    return store_commit(state->store, ret_err);
}

bool state_get_build(struct state *state, const struct owner *owner, const char *id,
                     struct build *ret, struct idevs_error *ret_err)
{
    int64_t number = 0;
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT " BUILD_COLUMNS " FROM builds WHERE owner = ? AND number = ?",
        ret_err);

    if (!s || !number_of_text(id, &number, ret_err))
        return false;
    bind_owner(s, 1, owner);
    bind_int(s, 2, number);
    return step_row(s, "build", id, ret_err) &&
           (build_of_row(s, ret) || refuse(ret_err, "state.unusable", "a damaged build"));
}

bool state_running_build(struct state *state, const struct owner *owner, const char *program,
                         struct build *ret, struct idevs_error *ret_err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store,
        "SELECT " BUILD_COLUMNS " FROM builds WHERE owner = ? AND program = ? AND state = 0",
        ret_err);

    if (!s)
        return false;
    bind_owner(s, 1, owner);
    bind_text(s, 2, program);
    return step_row(s, "build under way of", program, ret_err) &&
           (build_of_row(s, ret) || refuse(ret_err, "state.unusable", "a damaged build"));
}

bool state_each_running_build(struct state *state, build_each each, void *context,
                              struct idevs_error *ret_err)
{
    enum step step;
    _cleanup_statement_ struct statement *s = store_prepare(
        state->store, "SELECT " BUILD_COLUMNS " FROM builds WHERE state = 0", ret_err);

    if (!s)
        return false;
    while ((step = statement_step(s, ret_err)) == STEP_ROW) {
        struct build build _cleanup_build_ = {0};
        if (build_of_row(s, &build) && !each(&build, context))
            return true;
    }
    return step == STEP_DONE;
}
