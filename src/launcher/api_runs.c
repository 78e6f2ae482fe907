/* Runs, their logs and certificates of the API. */
#include "base/text.h"
#include "launcher/api_private.h"
#include "launcher/lines.h"
#include "launcher/record.h"
#include "launcher/runs.h"
#include "launcher/waiters.h"
#include "wire/http.h"

static const char *const LINE_KINDS[] = {
    [LINE_OWNER] = "owner",
    [LINE_OPEN] = "open",
    [LINE_LAUNCHER] = "launcher",
};

/* The steps' names come from the program; their JSON was made by us. */
static json_t *spans_json(const char *text)
{
    struct idevs_error err;
    json_t *object = json_object_from(bytes_of_text(text), &err);

    return object ? object : json_object();
}

static json_t *run_json(const struct run_row *row)
{
    json_t *object = json_object();

    api_set(object, "id", json_integer(row->number));
    api_set(object, "program", json_string(row->program));
    api_set(object, "state", json_string(RUN_STATES[row->state]));
    api_set(object, "started", json_integer(row->started));
    api_set(object, "ended", row->ended ? json_integer(row->ended) : json_null());
    api_set(object, "restarts", json_integer(row->restarts));
    api_set(object, "exchanges", json_integer(row->exchanges));
    api_set(object, "error", api_error(&row->error));
    api_set(object, "spans", spans_json(row->spans));
    return object;
}

/* Of a run in progress memory is newer than the disk. */
static bool find_run(struct launcher *l, const struct owner *owner, const char *id,
                     struct run_row *ret, struct idevs_error *ret_err)
{
    const struct run *run = runs_find(l, owner, id);

    if (!run)
        return state_get_run(&l->state, owner, id, ret, ret_err);
    *ret = run->row;
    return true;
}

void api_add_run(struct api_call *call)
{
    struct launcher *l = call->launcher;
    struct program program;
    struct idevs_error err;
    struct run *run = NULL;

    if (api_parameter_name(call, LIMIT_PROGRAM_NAME, &err) &&
        state_get_program(&l->state, &call->owner, call->parameter, &program, &err))
        run = runs_add(l, &program, &err);
    if (run)
        api_answer(l, call->request, 201, run_json(&run->row));
    else
        api_refuse(l, call->request, &err);
}

static bool list_run(const struct run_row *row, void *context)
{
    json_array_append_new(context, run_json(row));
    return true;
}

void api_list_runs(struct api_call *call)
{
    struct launcher *l = call->launcher;
    json_t *object = json_object();
    json_t *array = json_array();
    struct idevs_error err;

    runs_flush(l); /* so that the disk is as new as memory */
    api_set(object, "runs", array);
    if (state_each_run(&l->state, &call->owner, list_run, array, &err)) {
        api_answer(l, call->request, 200, object);
        return;
    }
    json_decref(object);
    api_refuse(l, call->request, &err);
}

static void answer_run(struct launcher *l, struct server_request *request, const struct wait *wait)
{
    struct run_row row;
    struct idevs_error err;

    runs_flush(l);
    if (find_run(l, &wait->owner, wait->id, &row, &err))
        api_answer(l, request, 200, run_json(&row));
    else
        api_refuse(l, request, &err);
}

void api_get_run(struct api_call *call)
{
    struct wait wait = {.what = WAITS_FOR_RUN, .owner = call->owner};
    struct run_row row;
    struct idevs_error err;

    if (!find_run(call->launcher, &call->owner, call->parameter, &row, &err)) {
        api_refuse(call->launcher, call->request, &err);
        return;
    }
    memcpy(wait.id, row.id, sizeof(wait.id));
    bool changed = call->state[0] && strcmp(call->state, RUN_STATES[row.state]) != 0;
    if (call->waits && row.state != RUN_ENDED && !changed && !call->launcher->stopping)
        waiters_add(call->launcher, call->request, &wait, call->wait, answer_run);
    else
        answer_run(call->launcher, call->request, &wait);
}

void api_stop_run(struct api_call *call)
{
    struct launcher *l = call->launcher;
    struct run_row row;
    struct idevs_error err;

    if (runs_stop(l, &call->owner, call->parameter, &err) &&
        find_run(l, &call->owner, call->parameter, &row, &err))
        api_answer(l, call->request, 202, run_json(&row));
    else
        api_refuse(l, call->request, &err);
}

void api_get_certificate(struct api_call *call)
{
    struct launcher *l = call->launcher;
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_CHAIN);
    struct run_row row;
    struct idevs_error err;

    if (!find_run(l, &call->owner, call->parameter, &row, &err) ||
        !state_get_certificate(&l->state, row.number, &pem, &err)) {
        api_refuse(l, call->request, &err);
        return;
    }
    server_answer_bytes(call->request, 200, "application/pem-certificate-chain",
                        buffer_bytes(&pem));
}

/* ---- logs ---- */

struct lines {
    json_t *array;
    size_t n_bytes;
};

static json_t *line_data(const struct line *line)
{
    _cleanup_buffer_ struct buffer b = buffer_up_to(LIMIT_LOG_TEXT);

    if (line->kind != LINE_OWNER)
        return api_text(line->data);
    if (line->data.len == 0 || !base64_encode(line->data, &b))
        return json_string("");
    return json_stringn((const char *)b.data, b.len);
}

static bool list_line(const struct line *line, void *context)
{
    struct lines *lines = context;
    json_t *object = json_object();

    lines->n_bytes += line->data.len * 2 + 64;
    if (lines->n_bytes > LIMIT_LOG_PAGE_BYTES) {
        json_decref(object);
        return false;
    }
    api_set(object, "n", json_integer(line->n));
    api_set(object, "time", json_integer(line->time));
    api_set(object, "kind", json_string(LINE_KINDS[line->kind]));
    api_set(object, "data", line_data(line));
    json_array_append_new(lines->array, object);
    return true;
}

static void answer_lines(struct launcher *l, struct server_request *request,
                         const struct wait *wait)
{
    struct lines lines = {.array = json_array()};
    json_t *object = json_object();
    struct idevs_error err;

    api_set(object, "lines", lines.array);
    if (state_each_line(&l->state, wait->run, wait->after, LIMIT_LOG_PAGE, list_line, &lines,
                        &err)) {
        api_answer(l, request, 200, object);
        return;
    }
    json_decref(object);
    api_refuse(l, request, &err);
}

static bool note_line(const struct line *line, void *context)
{
    (void)line;
    *(bool *)context = true;
    return false;
}

void api_get_logs(struct api_call *call)
{
    struct launcher *l = call->launcher;
    struct wait wait = {.what = WAITS_FOR_LINES, .owner = call->owner, .after = call->after};
    struct run_row row;
    struct idevs_error err;
    bool there = false;

    lines_flush(l);
    if (!find_run(l, &call->owner, call->parameter, &row, &err) ||
        !state_each_line(&l->state, row.number, call->after, 1, note_line, &there, &err)) {
        api_refuse(l, call->request, &err);
        return;
    }
    memcpy(wait.id, row.id, sizeof(wait.id));
    wait.run = row.number;
    if (call->waits && !there && row.state != RUN_ENDED && !l->stopping)
        waiters_add(l, call->request, &wait, call->wait, answer_lines);
    else
        answer_lines(l, call->request, &wait);
}
