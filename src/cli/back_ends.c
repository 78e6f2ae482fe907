/* backends: what programs can run in on the launcher's host. */
#include "cli/cli.h"

#include <stdio.h>

static void print_back_end(const json_t *b)
{
    const json_t *gap;
    size_t i;

    printf("%s: %s%s\n", text_of(b, "name"),
           json_is_true(json_object_get(b, "usable")) ? "usable" : "not usable there",
           json_is_true(json_object_get(b, "permitted")) ? "" : ", not permitted by its warden");
    json_array_foreach(json_object_get(b, "missing"), i, gap)
        printf("  missing         %s (%s)\n  how to get it   %s\n", text_of(gap, "expected"),
               text_of(gap, "found"), text_of(gap, "remedy"));
    printf("  protects from   %s\n  does not        %s\n", text_of(b, "protects_from"),
           text_of(b, "exposed_to"));
}

static bool run_backends(const struct cli *cli, const struct arguments *a,
                         struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *answer = launcher_ask(cli, "GET", NULL, ret_err, "/v1/backends");

    (void)a;
    if (!answer)
        return false;
    print_rows(cli, answer, "back_ends", print_back_end);
    return true;
}

const struct command BACK_END_COMMANDS[] = {
    {NULL, "backends", "", "what programs can run in at the launcher, and what that protects from",
     NULL, 0, 0, run_backends},
    {0},
};
