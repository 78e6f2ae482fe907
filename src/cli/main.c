/* idevs: the owner's tool. Finds the command, reads its arguments, runs it, says why not. */
#include "base/alloc.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const COMMON[] = {"--home=DIR", "--json", "--help", NULL};
static const struct command *const TABLES[] = {
    OWNER_COMMANDS, PROGRAM_COMMANDS, RUN_COMMANDS,  SERVICE_COMMANDS,
    CERT_COMMANDS,  EXPLAIN_COMMANDS, MENU_COMMANDS,
};

static void print_call(const struct command *c)
{
    printf("idevs %s%s%s%s%s", c->group ? c->group : "", c->group ? " " : "", c->name,
           c->usage[0] ? " " : "", c->usage);
    for (size_t i = 0; c->options && c->options[i]; i++)
        printf(" [%s]", c->options[i]);
    putchar('\n');
}

static void print_usage(void)
{
    printf("idevs: run integration processes in Trusted Execution Environments\n\n");
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++)
        for (const struct command *c = TABLES[t]; c->name; c++) {
            char call[64];
            snprintf(call, sizeof(call), "%s%s%s %s", c->group ? c->group : "", c->group ? " " : "",
                     c->name, c->usage);
            printf("  %-28s %s\n", call, c->about);
        }
    printf("\nEvery command takes --json, --help and --home DIR (default $IDEVS_HOME, then"
           " ~/.config/idevs).\nExit status: 0 done, 1 refused, 2 usage, 3 launcher or authority"
           " unreachable.\n");
}

/* `*ret_first` is the index of the first word after the command's name. */
static const struct command *find_command(int argc, char **argv, int *ret_first)
{
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++)
        for (const struct command *c = TABLES[t]; c->name; c++) {
            int words = c->group ? 2 : 1;
            if (argc <= words || strcmp(argv[words], c->name) != 0)
                continue;
            if (c->group && strcmp(argv[1], c->group) != 0)
                continue;
            *ret_first = words + 1;
            return c;
        }
    return NULL;
}

static char *default_home(void)
{
    const char *own = getenv("IDEVS_HOME");
    const char *user = getenv("HOME");

    if (own && own[0])
        return alloc_text(own);
    return alloc_format("%s/.config/idevs", user && user[0] ? user : "/root");
}

static bool count_fits(const struct command *c, const struct arguments *a,
                       struct idevs_error *ret_err)
{
    if (a->n_positional >= c->min_positional && a->n_positional <= c->max_positional)
        return true;
    return refuse_expecting(ret_err, "usage", c->usage[0] ? c->usage : "options only",
                            "%zu arguments", a->n_positional);
}

static enum exit_status run_command(const struct command *c, int argc, char **argv, int first)
{
    struct arguments a;
    struct idevs_error err = {0};
    _cleanup_text_ char *fallback = default_home();
    struct cli cli = {.home = fallback, .terminal = isatty(STDERR_FILENO) == 1};
    bool parsed = arguments_parse(argc, argv, first, c->options, COMMON, &a, &err);

    if (parsed && argument_given(&a, "--help")) {
        print_call(c);
        printf("%s\n", c->about);
        return STATUS_DONE;
    }
    cli.json = parsed && argument_given(&a, "--json");
    if (parsed && argument_value(&a, "--home"))
        cli.home = argument_value(&a, "--home");
    if (parsed && count_fits(c, &a, &err) && c->run(&cli, &a, &err))
        return STATUS_DONE;
    print_refusal(&cli, &err);
    return status_of(&err);
}

int main(int argc, char **argv)
{
    int first = 1;
    const struct command *c = find_command(argc, argv, &first);

    if (argc < 2 || strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "help") == 0) {
        print_usage();
        return argc < 2 ? STATUS_USAGE : STATUS_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("idevs %s\n", IDEVS_VERSION);
        return STATUS_DONE;
    }
    if (!c) {
        fprintf(stderr, "idevs: no command '%s'; idevs --help lists them\n", argv[1]);
        return STATUS_USAGE;
    }
    return (int)run_command(c, argc, argv, first);
}
