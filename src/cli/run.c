/* run, ps, show, logs, stop. */
#include "base/limits.h"
#include "base/text.h"
#include "cli/cli.h"
#include "exchange/attestation.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

static bool valid_run(const char *text, struct idevs_error *ret_err)
{
    uint64_t id;

    return parse_u64(bytes_of_text(text), INT64_MAX, &id) ||
           refuse_expecting(ret_err, "usage", "the number of a run (see idevs ps)", "'%s'", text);
}

static bool has_ended(const json_t *run)
{
    return strcmp(text_of(run, "state"), "ended") == 0;
}

static json_t *wait_for_end(const struct cli *cli, const char *id, struct idevs_error *ret_err)
{
    for (;;) {
        json_t *run =
            launcher_ask(cli, "GET", NULL, ret_err, "/v1/runs/%s?wait=%d", id, patience(cli));
        if (!run || has_ended(run)) {
            progress(cli, "%s", "");
            return run;
        }
        progress(cli, "run %s: %s, %lld exchanges", id, text_of(run, "state"),
                 (long long)json_integer_value(json_object_get(run, "exchanges")));
        json_decref(run);
    }
}

/* In the order of the paper's figures; a program may report others. */
static const char *const STEPS[] = {
    "retrieveProgram",
    "deploy",
    "createCompartment",
    "getIntegratedServices",
    "generateAttestableDoc",
    "generateCertificate",
    "exchangeKeys",
    "sign",
    "encrypt",
    "request",
    "post",
    "decrypt",
};

static void print_span(const char *step, const json_t *value)
{
    printf("  %-24s %9.2f ms\n", step, json_number_value(value) / 1000);
}

static bool is_listed(const char *step)
{
    for (size_t i = 0; i < ARRAY_LEN(STEPS); i++)
        if (strcmp(STEPS[i], step) == 0)
            return true;
    return false;
}

static void print_spans(const json_t *spans)
{
    const json_t *value;
    const char *step;

    for (size_t i = 0; i < ARRAY_LEN(STEPS); i++)
        if (json_object_get(spans, STEPS[i]))
            print_span(STEPS[i], json_object_get(spans, STEPS[i]));
    json_object_foreach((json_t *)spans, step, value)
    {
        if (!is_listed(step))
            print_span(step, value);
    }
}

static void print_run(const json_t *run)
{
    char started[32];
    char ended[32];
    const json_t *error = json_object_get(run, "error");

    time_of(run, "started", started);
    time_of(run, "ended", ended);
    printf("run %lld of %s\n  state      %s\n  started    %s\n  ended      %s\n"
           "  restarts   %lld\n  exchanges  %lld\n",
           (long long)json_integer_value(json_object_get(run, "id")), text_of(run, "program"),
           text_of(run, "state"), started, ended,
           (long long)json_integer_value(json_object_get(run, "restarts")),
           (long long)json_integer_value(json_object_get(run, "exchanges")));
    if (json_is_object(error))
        printf("  error      %s: %s\n  remedy     %s\n", text_of(error, "code"),
               text_of(error, "found"), text_of(error, "remedy"));
    print_spans(json_object_get(run, "spans"));
}

static void show_run(const struct cli *cli, const json_t *run)
{
    if (cli->json)
        print_json(run);
    else
        print_run(run);
}

static bool run_run(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    char id[32];

    if (!name_is_valid(a->positional[0], LIMIT_PROGRAM_NAME))
        return refuse(ret_err, "name.invalid", "%s", a->positional[0]);
    _cleanup_json_ json_t *body = json_object();
    _cleanup_json_ json_t *run =
        launcher_ask(cli, "POST", body, ret_err, "/v1/programs/%s/runs", a->positional[0]);
    if (!run)
        return false;
    if (argument_given(a, "--wait")) {
        snprintf(id, sizeof(id), "%lld", (long long)json_integer_value(json_object_get(run, "id")));
        json_decref(run);
        run = wait_for_end(cli, id, ret_err);
        if (!run)
            return false;
    }
    show_run(cli, run);
    return true;
}

static void print_row(const json_t *run)
{
    char started[32];

    time_of(run, "started", started);
    printf("%-6lld %-24s %-10s %-24s %9lld\n",
           (long long)json_integer_value(json_object_get(run, "id")), text_of(run, "program"),
           text_of(run, "state"), started,
           (long long)json_integer_value(json_object_get(run, "exchanges")));
}

static bool run_ps(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *answer = launcher_ask(cli, "GET", NULL, ret_err, "/v1/runs");
    json_t *runs = json_object_get(answer, "runs");

    if (!answer)
        return false;
    for (size_t i = json_array_size(runs); i > 0 && !argument_given(a, "--all"); i--)
        if (has_ended(json_array_get(runs, i - 1)))
            json_array_remove(runs, i - 1);
    if (!cli->json)
        printf("%-6s %-24s %-10s %-24s %9s\n", "RUN", "PROGRAM", "STATE", "STARTED", "EXCHANGES");
    print_rows(cli, answer, "runs", print_row);
    return true;
}

static bool run_show(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    const char *id = a->positional[0];

    if (!valid_run(id, ret_err))
        return false;
    _cleanup_json_ json_t *run = argument_given(a, "--wait")
                                     ? wait_for_end(cli, id, ret_err)
                                     : launcher_ask(cli, "GET", NULL, ret_err, "/v1/runs/%s", id);
    if (!run)
        return false;
    show_run(cli, run);
    return true;
}

static bool run_stop(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    const char *id = a->positional[0];

    if (!valid_run(id, ret_err))
        return false;
    _cleanup_json_ json_t *body = json_object();
    _cleanup_json_ json_t *asked = launcher_ask(cli, "POST", body, ret_err, "/v1/runs/%s/stop", id);
    if (!asked)
        return false;
    _cleanup_json_ json_t *run = wait_for_end(cli, id, ret_err);
    if (!run)
        return false;
    show_run(cli, run);
    return true;
}

/* ---- logs ---- */

/* Opens a line that was sealed to the owner; what cannot be opened was not sealed by a program that
 * knew the owner, and is said to be so. */
static void open_line(const struct x25519_key *key, const char *program, const json_t *line,
                      struct buffer *b)
{
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_LOG_SEALED);
    const char *data = text_of(line, "data");

    if (strcmp(text_of(line, "kind"), "owner") != 0) {
        if (!buffer_append_text(b, data))
            buffer_clear(b);
        return;
    }
    if (!base64_decode(bytes_of_text(data), &sealed) ||
        !log_open_line(key, program, buffer_bytes(&sealed), b)) {
        buffer_clear(b);
        if (!buffer_append_text(b, "(cannot be opened: not sealed to this owner's log key)"))
            buffer_clear(b);
    }
}

static void print_line(const struct cli *cli, const json_t *line, struct buffer *text)
{
    char when[32];

    make_plain((char *)text->data, text->len);
    for (size_t i = 0; i < text->len; i++)
        if (text->data[i] < 0x20)
            text->data[i] = '?'; /* one line stays one */
    if (cli->json) {
        _cleanup_json_ json_t *j =
            json_pack("{s:O, s:O, s:O, s:s%}", "n", json_object_get(line, "n"), "time",
                      json_object_get(line, "time"), "kind", json_object_get(line, "kind"), "text",
                      text->data ? (const char *)text->data : "", text->len);
        json_dumpf(j, stdout, JSON_COMPACT);
        putchar('\n');
        return;
    }
    time_of(line, "time", when);
    printf("%s  %s\n", when, text->data ? (const char *)text->data : "");
}

/* Prints the lines after `*after`; how many there were, or -1. */
static long print_lines(const struct cli *cli, const char *run, const struct x25519_key *key,
                        const char *program, int wait, long long *after,
                        struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *answer = launcher_ask(
        cli, "GET", NULL, ret_err, "/v1/runs/%s/logs?after=%lld&wait=%d", run, *after, wait);
    const json_t *line;
    size_t i;
    long n = 0;

    if (!answer)
        return -1;
    json_array_foreach(json_object_get(answer, "lines"), i, line)
    {
        _cleanup_buffer_ struct buffer text = buffer_up_to(LIMIT_LOG_BLOCK);
        open_line(key, program, line, &text);
        print_line(cli, line, &text);
        *after = (long long)json_integer_value(json_object_get(line, "n"));
        n++;
    }
    fflush(stdout);
    return n;
}

bool print_logs(const struct cli *cli, const char *run, bool follow, struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *shown = NULL;
    _cleanup_x25519_ struct x25519_key *key = home_log_key(cli, ret_err);
    long long after = 0;

    if (!key)
        return false;
    shown = launcher_ask(cli, "GET", NULL, ret_err, "/v1/runs/%s", run);
    if (!shown)
        return false;
    for (;;) {
        long n = print_lines(cli, run, key, text_of(shown, "program"), follow ? LIMIT_LOG_WAIT : 0,
                             &after, ret_err);
        if (n < 0)
            return false;
        if (n > 0)
            continue;
        if (!follow || has_ended(shown))
            return true;
        json_decref(shown);
        shown = launcher_ask(cli, "GET", NULL, ret_err, "/v1/runs/%s", run);
        if (!shown)
            return false;
    }
}

static bool run_logs(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    return valid_run(a->positional[0], ret_err) &&
           print_logs(cli, a->positional[0], argument_given(a, "--follow"), ret_err);
}

static const char *const WAIT_OPTIONS[] = {"--wait", NULL};
static const char *const PS_OPTIONS[] = {"--all", NULL};
static const char *const LOGS_OPTIONS[] = {"--follow", NULL};

const struct command RUN_COMMANDS[] = {
    {NULL, "run", "PROGRAM", "start it (--wait: until it ends)", WAIT_OPTIONS, 1, 1, run_run},
    {NULL, "ps", "", "runs in progress (--all: ended ones too)", PS_OPTIONS, 0, 0, run_ps},
    {NULL, "show", "RUN", "one run: state, error, time of each step", WAIT_OPTIONS, 1, 1, run_show},
    {NULL, "logs", "RUN", "what the program logged, opened with your log key", LOGS_OPTIONS, 1, 1,
     run_logs},
    {NULL, "stop", "RUN", "ask it to stop, and wait until it has", NULL, 1, 1, run_stop},
    {0},
};
