#include "compartment/hardening.h"
#include "base/attr.h"

#include <stdio.h>
#include <string.h>

static void read_line(const char *path, char *ret, size_t size)
{
    FILE *file = fopen(path, "re");

    if (!file || !fgets(ret, (int)size, file))
        ret[0] = 0;
    ret[strcspn(ret, "\n")] = 0;
    if (file)
        fclose(file);
}

/* "none [integrity] confidentiality": the chosen word stands in brackets. */
void hardening_describe(const char *yama, const char *lockdown, char *ret)
{
    const char *chosen = strchr(lockdown, '[');
    const char *word = chosen ? chosen + 1 : "absent";
    size_t len = strcspn(word, "]");

    snprintf(ret, LIMIT_EAT_TEXT, "Yama %s%.16s, lockdown %.*s", *yama ? "ptrace_scope " : "absent",
             yama, (int)(len < 32 ? len : 32), word);
}

void hardening_measure(struct eat_measured *ret)
{
    char yama[32];
    char lockdown[64];

    read_line("/proc/sys/kernel/yama/ptrace_scope", yama, sizeof(yama));
    read_line("/sys/kernel/security/lockdown", lockdown, sizeof(lockdown));
    struct eat_component *component = eat_add_component(ret, EAT_HARDENING);
    if (component)
        hardening_describe(yama, lockdown, component->text);
}
