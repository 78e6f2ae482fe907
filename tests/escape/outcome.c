#include "outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

const char *outcome_text(int outcome)
{
    static char text[2][32];
    static unsigned next;
    static const char *const WORDS[] = {"forbidden", "limit", "crashed", "waits"};
    static const char *const ANSWERS[56] = {"nothing there", "unknown", "closed", "a problem"};
    char *t = text[next++ % 2];

    if (outcome == THROUGH)
        return "through";
    if (outcome >= FORBIDDEN)
        return WORDS[outcome - FORBIDDEN];
    if (outcome >= NOTHING_THERE)
        return ANSWERS[outcome - NOTHING_THERE];
    const char *name = strerrorname_np(outcome);
    snprintf(t, sizeof(text[0]), "%s", name ? name : "?");
    return t;
}

int outcome_of_end(const char *code, const char *detail)
{
    static const char STATUS[] = "exit status ";

    if (code[0] == 0)
        return THROUGH;
    if (strcmp(code, "compartment.forbidden") == 0)
        return FORBIDDEN;
    if (strcmp(code, "compartment.limit") == 0)
        return LIMIT;
    if (strcmp(code, "run.stopped") == 0)
        return WAITS;
    if (strncmp(detail, STATUS, strlen(STATUS)) != 0)
        return CRASHED;
    return (int)strtol(detail + strlen(STATUS), NULL, 10);
}
