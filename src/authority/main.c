/* idevs-authority: appraises evidence and issues certificates. The table of commands; the work is
 * in serve.c and admin.c. */
#include "authority/admin.h"
#include "authority/serve.h"
#include "base/log.h"
#include "base/process.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>

enum {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1,
    EXIT_USAGE = 2,
};

static const struct command {
    const char *name;
    const char *second; /* word after it, or NULL */
    int n_operands;
    const char *usage;
    bool (*run)(const struct admin *a, struct idevs_error *ret_err);
} COMMANDS[] = {
    {"init", NULL, 0, "init --state DIR --trust-domain NAME", admin_init},
    {"owner", "add", 2, "owner add NAME OWNER.PUB.PEM --state DIR", admin_owner_add},
    {"owner", "administrator", 1, "owner administrator NAME --state DIR",
     admin_owner_administrator},
    {"owner", "list", 0, "owner list --state DIR", admin_owner_list},
    {"owner", "rm", 1, "owner rm NAME --state DIR", admin_owner_rm},
    {"platform", "token", 0, "platform token --tier isolated|development [--life 1h] --state DIR",
     admin_platform_token},
    {"platform", "list", 0, "platform list --state DIR", admin_platform_list},
    {"platform", "rm", 1, "platform rm ID --state DIR", admin_platform_rm},
    {"approvals", NULL, 0, "approvals --state DIR", admin_approvals},
};

static void print_usage(FILE *out)
{
    fputs("idevs-authority appraises evidence and issues certificates to programs.\n\n"
          "usage: idevs-authority serve --config FILE\n",
          out);
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++)
        fprintf(out, "       idevs-authority %s\n", COMMANDS[i].usage);
    fputs(
        "\nOwners and platforms can be added while it serves. Exit: 0 done, 1 refused, 2 usage.\n",
        out);
}

static const struct command *find_command(int argc, char **argv, int first)
{
    for (size_t i = 0; i < ARRAY_LEN(COMMANDS); i++) {
        const struct command *c = &COMMANDS[i];
        int n_words = c->second ? 2 : 1;
        if (argc - first == n_words + c->n_operands && strcmp(argv[first], c->name) == 0 &&
            (!c->second || strcmp(argv[first + 1], c->second) == 0))
            return c;
    }
    return NULL;
}

static int refused(const char *what, const struct idevs_error *err)
{
    log_refusal(IDEVS_ERROR, what, err);
    return error_is(err, "usage") ? EXIT_USAGE : EXIT_REFUSED;
}

static int run_admin(int argc, char **argv, struct admin *a)
{
    struct idevs_error err;
    const struct command *c = optind < argc ? find_command(argc, argv, optind) : NULL;

    if (!c || !a->state) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    int first = optind + (c->second ? 2 : 1);
    while (a->n_operands < c->n_operands) {
        a->operands[a->n_operands] = argv[first + a->n_operands];
        a->n_operands++;
    }
    return c->run(a, &err) ? EXIT_DONE : refused(c->name, &err);
}

static int run_serve(const char *config)
{
    struct idevs_error err;

    if (!config) {
        print_usage(stderr);
        return EXIT_USAGE;
    }
    return serve(config, &err) ? EXIT_DONE : refused("serve", &err);
}

int main(int argc, char **argv)
{
    static const struct option OPTIONS[] = {
        {"state", required_argument, NULL, 's'},  {"trust-domain", required_argument, NULL, 'd'},
        {"tier", required_argument, NULL, 't'},   {"life", required_argument, NULL, 'l'},
        {"config", required_argument, NULL, 'c'}, {"help", no_argument, NULL, 'h'},
        {"version", no_argument, NULL, 'v'},      {NULL, 0, NULL, 0},
    };
    struct admin a = {0};
    const char *config = NULL;
    int option;

    process_forbid_dumps();
    log_open("idevs-authority", IDEVS_INFO);
    while ((option = getopt_long(argc, argv, "h", OPTIONS, NULL)) != -1)
        switch (option) {
        case 's':
            a.state = optarg;
            break;
        case 'd':
            a.trust_domain = optarg;
            break;
        case 't':
            a.tier = optarg;
            break;
        case 'l':
            a.life = optarg;
            break;
        case 'c':
            config = optarg;
            break;
        case 'v':
            puts("idevs-authority " IDEVS_VERSION);
            return EXIT_DONE;
        case 'h':
            print_usage(stdout);
            return EXIT_DONE;
        default:
            return EXIT_USAGE;
        }
    if (argc - optind == 1 && strcmp(argv[optind], "serve") == 0)
        return run_serve(config);
    return run_admin(argc, argv, &a);
}
