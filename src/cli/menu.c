/* menu: the paper's command-line interface: list files, upload, delete, compile, execute, exit. */
#include "cli/cli.h"

#include <stdio.h>
#include <string.h>

static const char MENU[] = "\n1. List files\n2. Upload a file\n3. Delete a program\n"
                           "4. Compile a program\n5. Execute a program\n6. Exit\n";

/* One line of input without its end, and without what is longer than any right answer; false at the
 * end of input. */
static bool ask(const char *question, char *ret, size_t size)
{
    printf("%s", question);
    fflush(stdout);
    if (!fgets(ret, (int)size, stdin)) {
        putchar('\n');
        return false;
    }
    for (int c = 0; !strchr(ret, '\n') && c != '\n' && c != EOF;)
        c = getchar();
    ret[strcspn(ret, "\r\n")] = 0;
    return true;
}

static bool list_files(const struct cli *cli, struct idevs_error *ret_err)
{
    const struct arguments none = {0};

    for (const struct command *c = PROGRAM_COMMANDS; c->name; c++)
        if (strcmp(c->name, "list") == 0)
            return c->run(cli, &none, ret_err);
    return false;
}

static bool upload(const struct cli *cli, struct idevs_error *ret_err)
{
    char file[1024];
    char manifest[1024];
    _cleanup_json_ json_t *program = NULL;

    if (!ask("source file: ", file, sizeof(file)) || !ask("manifest: ", manifest, sizeof(manifest)))
        return true;
    if (!add_program(cli, file, manifest, false, &program, ret_err))
        return false;
    printf("uploaded %s\n", text_of(program, "name"));
    return true;
}

/* `delete`, `compile` and `execute` take a program's name and are ordinary commands. */
static bool with_name(const struct cli *cli, const struct command *table, const char *command,
                      struct idevs_error *ret_err)
{
    char name[128];
    struct arguments a = {.n_positional = 1};

    if (!ask("program: ", name, sizeof(name)))
        return true;
    a.positional[0] = name;
    for (const struct command *c = table; c->name; c++)
        if (strcmp(c->name, command) == 0)
            return c->run(cli, &a, ret_err);
    return false;
}

static bool choose(const struct cli *cli, const char *choice, struct idevs_error *ret_err)
{
    if (strcmp(choice, "1") == 0)
        return list_files(cli, ret_err);
    if (strcmp(choice, "2") == 0)
        return upload(cli, ret_err);
    if (strcmp(choice, "3") == 0)
        return with_name(cli, PROGRAM_COMMANDS, "rm", ret_err);
    if (strcmp(choice, "4") == 0)
        return with_name(cli, PROGRAM_COMMANDS, "build", ret_err);
    if (strcmp(choice, "5") == 0)
        return with_name(cli, RUN_COMMANDS, "run", ret_err);
    return refuse_expecting(ret_err, "usage", "1 to 6", "%s", choice);
}

static bool run_menu(const struct cli *cli, const struct arguments *a, struct idevs_error *ret_err)
{
    char choice[16];

    (void)a;
    if (cli->json)
        return refuse_expecting(ret_err, "usage", "the commands of --help, which take --json",
                                "a menu, which is for people");
    for (;;) {
        struct idevs_error err;
        printf("%s", MENU);
        if (!ask("> ", choice, sizeof(choice)) || strcmp(choice, "6") == 0)
            return true;
        if (!choose(cli, choice, &err))
            print_refusal(cli, &err); /* and on: a menu outlives a mistake */
    }
}

const struct command MENU_COMMANDS[] = {
    {NULL, "menu", "", "the same as a menu: list, upload, delete, compile, execute", NULL, 0, 0,
     run_menu},
    {0},
};
