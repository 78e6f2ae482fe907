/* service add|list|rm: where the launcher finds a service that is not at its authority's address.
 */
#include "base/limits.h"
#include "base/text.h"
#include "cli/cli.h"

#include <stdio.h>

static bool valid_service(const char *name, struct idevs_error *ret_err)
{
    return name_is_valid(name, LIMIT_SERVICE_NAME) || refuse(ret_err, "name.invalid", "%s", name);
}

static bool run_add(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    if (!valid_service(a->positional[0], ret_err))
        return false;
    _cleanup_json_ json_t *body = json_pack("{s:s}", "url", a->positional[1]);
    if (!body)
        return refuse_expecting(ret_err, "usage", "a URL in UTF-8", "%s", a->positional[1]);
    if (!launcher_tell(cli, "PUT", body, ret_err, "/v1/services/%s", a->positional[0]))
        return false;
    print_done(cli, "%s is at %s", a->positional[0], a->positional[1]);
    return true;
}

static void print_row(const json_t *service)
{
    printf("%-24s %s\n", text_of(service, "name"), text_of(service, "url"));
}

static bool run_list(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    _cleanup_json_ json_t *answer = launcher_ask(cli, "GET", NULL, ret_err, "/v1/services");

    (void)a;
    if (!answer)
        return false;
    if (!cli->json)
        printf("%-24s %s\n", "SERVICE", "URL");
    print_rows(cli, answer, "services", print_row);
    return true;
}

static bool run_rm(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    if (!valid_service(a->positional[0], ret_err) ||
        !launcher_tell(cli, "DELETE", NULL, ret_err, "/v1/services/%s", a->positional[0]))
        return false;
    print_done(cli, "removed %s", a->positional[0]);
    return true;
}

const struct command SERVICE_COMMANDS[] = {
    {"service", "add", "NAME URL", "tell the launcher where a service's gateway is", NULL, 2, 2,
     run_add},
    {"service", "list", "", "services that the launcher was told of", NULL, 0, 0, run_list},
    {"service", "rm", "NAME", "forget one", NULL, 1, 1, run_rm},
    {0},
};
