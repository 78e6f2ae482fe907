/* conformance: tries the refusals of a live gateway with a test authority, and signs what it found.
 */
#include "conformance/conformance.h"
#include "base/alloc.h"
#include "base/clock.h"
#include "cli/cli.h"
#include "crypto/files.h"

#include <stdio.h>
#include <string.h>

/* ---- init ---- */

/* `paths` compare without the query. */
static int path_len(const char *path)
{
    return (int)strcspn(path, "?");
}

static void print_advice(const char *folder, const char *path, const char *write_path)
{
    printf("made a test authority in %s; it ends by itself in seven days\n\n"
           "For the time of the test the gateway's configuration gets one more anchor and one more "
           "program:\n\n"
           "  program_anchors: [..., %s/" TEST_TIER "]\n"
           "  programs:\n"
           "    - {name: '" TEST_PROGRAM "', methods: [GET%s], paths: [%.*s%s%.*s]}\n\n",
           folder, folder, write_path ? ", POST" : "", path_len(path), path, write_path ? ", " : "",
           write_path ? path_len(write_path) : 0, write_path ? write_path : "");
    printf(
        "Where it has `tiers` or `back_ends`, they also get development and conformance. Restart "
        "it, then:\n\n"
        "  idevs conformance https://HOST:PORT --authority %s --ca SERVICE-CA.pem --path "
        "%s%s%s\n\n",
        folder, path, write_path ? " --write-path " : "", write_path ? write_path : "");
    printf(
        "Until the lines are taken out again, whoever has this folder can do at the service what "
        "they grant:\nnothing else, for the test authority names programs of " TEST_DOMAIN
        " only. Afterwards take them out,\nrestart the gateway, and delete %s/*.key.\n",
        folder);
}

static bool run_init(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    const char *folder = a->positional[0];
    const char *path = argument_value(a, "--path");
    _cleanup_text_ char *anchor = alloc_format("%s/" TEST_TIER, folder);

    if (!test_authority_init(folder, clock_unix(), ret_err))
        return false;
    if (cli->json) {
        _cleanup_json_ json_t *j = json_pack("{s:s, s:s, s:s}", "folder", folder, "anchor", anchor,
                                             "program", TEST_PROGRAM);
        print_json(j);
        return true;
    }
    print_advice(folder, path ? path : "/", argument_value(a, "--write-path"));
    return true;
}

/* ---- the report, for people ---- */

static const char *verdict_of(const json_t *check)
{
    const json_t *held = json_object_get(check, "held");

    return json_is_true(held) ? "held" : json_is_false(held) ? "NOT HELD" : "-";
}

static void print_report(const json_t *report)
{
    const json_t *counts = json_object_get(report, "counts");
    const json_t *check;
    char time[32];
    size_t i;

    json_array_foreach(json_object_get(report, "checks"), i, check)
    {
        printf("%-9s %-28s %s\n", verdict_of(check), text_of(check, "id"), text_of(check, "tried"));
        if (!json_is_true(json_object_get(check, "held")))
            printf("          expected  %s (%s)\n          found     %s\n",
                   text_of(check, "expected"), text_of(check, "source"), text_of(check, "found"));
    }
    time_of(report, "time", time);
    printf("\n%s as %s, %s, by %s\n  certificate %s\n", text_of(report, "url"),
           text_of(report, "authority"), time, text_of(report, "kit"),
           text_of(report, "certificate_sha256"));
    printf("%lld held, %lld did not, %lld not tried%s\n",
           (long long)json_integer_value(json_object_get(counts, "held")),
           (long long)json_integer_value(json_object_get(counts, "not_held")),
           (long long)json_integer_value(json_object_get(counts, "not_tried")),
           json_is_true(json_object_get(report, "complete")) ? "" : "; not a complete run");
}

static void show(const struct cli *cli, const json_t *report)
{
    if (cli->json)
        print_json(report);
    else
        print_report(report);
}

/* ---- run ---- */

static void on_check(const char *id, void *context)
{
    progress(context, "%s", id);
}

static struct key *signing_key(const struct arguments *a, struct idevs_error *ret_err)
{
    const char *own = argument_value(a, "--key");
    _cleanup_text_ char *path =
        own ? alloc_text(own)
            : alloc_format("%s/" TEST_REPORT_KEY, argument_value(a, "--authority"));

    return key_from_file(path, ret_err);
}

static bool try_gateway(const struct cli *cli, const struct arguments *a,
                        const struct conformance_options *options, struct idevs_error *ret_err)
{
    const char *out = argument_value(a, "--out");
    _cleanup_text_ char *path =
        out ? alloc_text(out) : alloc_format("%s/report.json", options->folder);
    _cleanup_key_ struct key *key = signing_key(a, ret_err);
    _cleanup_json_ json_t *report = key ? conformance_run(options, ret_err) : NULL;

    progress(cli, "%s", "");
    if (!report || !report_write(report, path, key, ret_err))
        return false;
    show(cli, report);
    if (!cli->json)
        printf("signed: %s, %s.sig\n", path, path);
    return report_judge(report, ret_err);
}

static bool run_conformance(const struct cli *cli, const struct arguments *a,
                            struct idevs_error *ret_err)
{
    struct conformance_options options = {.url = a->positional[0],
                                          .name = argument_value(a, "--name"),
                                          .path = argument_value(a, "--path"),
                                          .write_path = argument_value(a, "--write-path"),
                                          .only = argument_value(a, "--only"),
                                          .skip = argument_value(a, "--skip"),
                                          .progress = on_check,
                                          .context = (void *)cli};
    struct idevs_error why;

    if (!argument_required(a, "--authority", &options.folder, ret_err) ||
        !argument_required(a, "--ca", &options.ca, ret_err))
        return false;
    if (try_gateway(cli, a, &options, &why))
        return true;
    /* One exit status says that a check did not hold, and nothing else does. */
    if (error_is(&why, "conformance."))
        *ret_err = why;
    else
        refuse(ret_err, "conformance.unusable", "%s: %s", why.code, why.found);
    return false;
}

/* ---- verify ---- */

static bool run_verify(const struct cli *cli, const struct arguments *a,
                       struct idevs_error *ret_err)
{
    const char *key;

    if (!argument_required(a, "--key", &key, ret_err))
        return false;
    _cleanup_json_ json_t *report = report_read(a->positional[0], key, ret_err);
    if (!report)
        return false;
    show(cli, report);
    return report_judge(report, ret_err);
}

static const char *const INIT_OPTIONS[] = {"--path=PATH", "--write-path=PATH", NULL};
static const char *const RUN_OPTIONS[] = {
    "--authority=FOLDER", "--ca=FILE",     "--name=HOST:PORT", "--path=PATH", "--write-path=PATH",
    "--only=PREFIXES",    "--skip=PREFIX", "--key=FILE",       "--out=FILE",  NULL};
static const char *const VERIFY_OPTIONS[] = {"--key=FILE", NULL};

/* The command without a group stands last, so that it does not take `init` for a URL. */
const struct command CONFORMANCE_COMMANDS[] = {
    {"conformance", "init", "FOLDER", "make a test authority for trying a gateway", INIT_OPTIONS, 1,
     1, run_init},
    {"conformance", "verify", "REPORT --key PUBLIC-KEY", "check the signature of a report",
     VERIFY_OPTIONS, 1, 1, run_verify},
    {NULL, "conformance", "URL --authority FOLDER --ca FILE",
     "try on a gateway what it must refuse, and sign a report", RUN_OPTIONS, 1, 1, run_conformance},
    {0},
};
