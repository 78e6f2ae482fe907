/* idevs: the owner's tool. Finds the command, reads its arguments, runs it, says why not. */
#include "base/alloc.h"
#include "base/process.h"
#include "cli/cli.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define CALL_ROOM 128

static const char *const COMMON[] = {"--home=DIR", "--json", "--help", "-h", NULL};
static const struct command *const TABLES[] = {
    OWNER_COMMANDS,    REVOKE_COMMANDS,   PROGRAM_COMMANDS, RUN_COMMANDS,
    SERVICE_COMMANDS,  BACK_END_COMMANDS, CERT_COMMANDS,    AUDIT_COMMANDS,
    EVIDENCE_COMMANDS, EXPLAIN_COMMANDS,  MENU_COMMANDS,    CONFORMANCE_COMMANDS,
};

/* "program add FILE --manifest FILE", or without the options that it cannot do without. */
static void write_call(const struct command *c, bool with_options, char *ret, size_t size)
{
    const char *option = strstr(c->usage, "--");
    int len = (int)(option && !with_options ? (size_t)(option - c->usage) : strlen(c->usage));

    snprintf(ret, size, "%s%s%s%s%.*s", c->group ? c->group : "", c->group ? " " : "", c->name,
             len > 0 ? " " : "", len, c->usage);
}

static void print_help(const struct command *c)
{
    char call[CALL_ROOM];
    char name[32];

    write_call(c, true, call, sizeof(call));
    printf("idevs %s", call);
    for (size_t i = 0; c->options && c->options[i]; i++) {
        snprintf(name, sizeof(name), "%.*s", (int)strcspn(c->options[i], "="), c->options[i]);
        if (!strstr(c->usage, name))
            printf(" [%s]", c->options[i]);
    }
    printf("\n%s\n", c->about);
}

static void print_usage(FILE *to)
{
    char call[CALL_ROOM];

    fprintf(to, "idevs: run integration processes in Trusted Execution Environments\n\n");
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++)
        for (const struct command *c = TABLES[t]; c->name; c++) {
            write_call(c, false, call, sizeof(call));
            fprintf(to, "  %-26s %s\n", call, c->about);
        }
    fprintf(to, "\nEvery command takes --json, --help and --home DIR (default $IDEVS_HOME, then"
                " ~/.config/idevs);\nidevs COMMAND --help names its other options."
                "\nExit status: 0 done, 1 refused, 2 usage, 3 launcher, authority or warden "
                "unreachable.\n");
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
    char call[CALL_ROOM];

    write_call(c, true, call, sizeof(call));
    if (a->n_positional < c->min_positional)
        return refuse_expecting(ret_err, "usage", call, "a call without %s", c->usage);
    if (a->n_positional > c->max_positional)
        return refuse_expecting(ret_err, "usage", call, "'%s' as well",
                                a->positional[c->max_positional]);
    return true;
}

/* A refusal is JSON too when that was asked for, even when nothing else could be understood. */
static bool wants_json(int argc, char **argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], "--json") == 0)
            return true;
    return false;
}

/* "program add, program list, ..." for the group that `word` names; else an empty text. */
static void list_group(const char *word, char *ret, size_t size)
{
    size_t used = 0;

    ret[0] = 0;
    for (size_t t = 0; t < ARRAY_LEN(TABLES); t++)
        for (const struct command *c = TABLES[t]; c->name; c++)
            if (c->group && strcmp(c->group, word) == 0 && used < size)
                used += (size_t)snprintf(ret + used, size - used, "%s%s %s", used ? ", " : "",
                                         c->group, c->name);
}

static enum exit_status refuse_unknown(int argc, char **argv)
{
    const struct cli cli = {.json = wants_json(argc, argv)};
    struct idevs_error err;
    char group[CALL_ROOM];

    list_group(argv[1], group, sizeof(group));
    if (group[0])
        refuse_expecting(&err, "usage", group, "%s%s%s", argv[1], argc > 2 ? " " : " alone",
                         argc > 2 ? argv[2] : "");
    else
        refuse_expecting(&err, "usage", "a command first, then its options (idevs --help)", "%s",
                         argv[1]);
    print_refusal(&cli, &err);
    return STATUS_USAGE;
}

static enum exit_status run_command(const struct command *c, int argc, char **argv, int first)
{
    struct arguments a;
    struct idevs_error err = {0};
    _cleanup_text_ char *fallback = default_home();
    struct outcome outcome = {.status = STATUS_REFUSED};
    struct cli cli = {
        .home = fallback, .terminal = isatty(STDERR_FILENO) == 1, .outcome = &outcome};
    bool parsed =
        arguments_parse(argc, argv, first, c->options, COMMON, c->min_positional, &a, &err);

    if (parsed && (argument_given(&a, "--help") || argument_given(&a, "-h"))) {
        print_help(c);
        return STATUS_DONE;
    }
    cli.json = wants_json(argc, argv);
    if (parsed && argument_value(&a, "--home"))
        cli.home = argument_value(&a, "--home");
    if (parsed && count_fits(c, &a, &err) && c->run(&cli, &a, &err))
        return STATUS_DONE;
    if (outcome.is_printed)
        return outcome.status;
    print_refusal(&cli, &err);
    return status_of(&err);
}

int main(int argc, char **argv)
{
    int first = 1;
    const struct command *c = find_command(argc, argv, &first);

    process_forbid_dumps();
    if (argc < 2) {
        print_usage(stderr);
        return STATUS_USAGE;
    }
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0 ||
        strcmp(argv[1], "help") == 0) {
        print_usage(stdout);
        return STATUS_DONE;
    }
    if (strcmp(argv[1], "--version") == 0) {
        printf("idevs %s\n", IDEVS_VERSION);
        return STATUS_DONE;
    }
    if (!c)
        return (int)refuse_unknown(argc, argv);
    return (int)run_command(c, argc, argv, first);
}
