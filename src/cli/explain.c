/* explain: the page of an error code. */
#include "base/codes.h"
#include "cli/cli.h"

#include <stdio.h>

static json_t *page_of(const struct code *c)
{
    return json_pack("{s:s, s:s, s:s, s:s, s:i}", "code", c->code, "meaning", c->meaning,
                     "expected", c->expected, "remedy", c->remedy, "http_status", c->http_status);
}

static void list_codes(const struct cli *cli)
{
    size_t n;
    const struct code *all = code_all(&n);
    _cleanup_json_ json_t *list = json_array();

    for (size_t i = 0; i < n; i++) {
        json_array_append_new(list, page_of(&all[i]));
        if (!cli->json)
            printf("%-28s %s\n", all[i].code, all[i].meaning);
    }
    if (cli->json)
        print_json(list);
}

static bool run_explain(const struct cli *cli, const struct arguments *a,
                        struct idevs_error *ret_err)
{
    if (a->n_positional == 0) {
        list_codes(cli);
        return true;
    }
    const struct code *c = code_find(a->positional[0]);
    if (!c)
        return refuse_expecting(ret_err, "usage", "a code (idevs explain lists them)", "%s",
                                a->positional[0]);
    if (cli->json) {
        _cleanup_json_ json_t *page = page_of(c);
        print_json(page);
        return true;
    }
    printf("%s\n\n%s\n\n  expected  %s\n  remedy    %s\n  over HTTP %d\n", c->code, c->meaning,
           c->expected, c->remedy, c->http_status);
    return true;
}

const struct command EXPLAIN_COMMANDS[] = {
    {NULL, "explain", "[CODE]", "what an error code means and what to do", NULL, 0, 1, run_explain},
    {0},
};
