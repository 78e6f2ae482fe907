/* What a command of the owner's tool prints, on both of its outputs. */
#ifndef IDEVS_FUZZ_CLI_SHOWN_H
#define IDEVS_FUZZ_CLI_SHOWN_H

#include "cli/cli.h"

#include "fuzz.h"

#include <stdio.h>

/* Nothing that a peer or a file says steers the owner's terminal. */
static inline void must_be_plain(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        unsigned char c = (unsigned char)text[i];
        bool c1 = c == 0xc2 && i + 1 < len && (unsigned char)text[i + 1] < 0xa0;
        must((c >= 0x20 || c == '\n' || c == '\t') && c != 0x7f && !c1);
    }
}

static inline void run_shown(const struct cli *cli, const struct command *command,
                             const struct arguments *a)
{
    FILE *const out = stdout;
    FILE *const messages = stderr;
    struct idevs_error err = {0};
    char *text = NULL;
    size_t len = 0;

    stdout = stderr = open_memstream(&text, &len);
    must(stdout != NULL);
    if (!command->run(cli, a, &err))
        print_refusal(cli, &err);
    fclose(stdout);
    stdout = out;
    stderr = messages;
    must_be_plain(text, len);
    free(text);
}

#endif
