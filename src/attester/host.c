#include "attester/host.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>

/* Text as claims want it: printable, something. */
static void make_claim(char *text)
{
    for (unsigned char *p = (unsigned char *)text; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
    if (!*text)
        snprintf(text, LIMIT_EAT_TEXT, "unknown");
}

/* The value of the first line "key<tab>: value". */
static bool field(const char *text, const char *key, char *ret, size_t size)
{
    size_t n = strlen(key);

    for (const char *line = text; line && *line; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, key, n) != 0)
            continue;
        const char *colon = line + n + strspn(line + n, " \t");
        if (*colon != ':')
            continue; /* a longer key */
        colon += 1 + strspn(colon + 1, " ");
        snprintf(ret, size, "%.*s", (int)strcspn(colon, "\n"), colon);
        return true;
    }
    ret[0] = 0;
    return false;
}

void attester_parse_cpuinfo(const char *text, struct attester_host *ret)
{
    static const char *const PARTS[][2] = {{"cpu family", "family"}, {"model", "model"},
                                           {"stepping", "stepping"}, {"microcode", "microcode"},
                                           {"CPU part", "part"},     {"CPU revision", "revision"}};
    size_t used = 0;

    field(text, "model name", ret->cpu_model, sizeof(ret->cpu_model));
    ret->cpu_version[0] = 0;
    for (size_t i = 0; i < ARRAY_LEN(PARTS); i++) {
        char value[24];
        if (!field(text, PARTS[i][0], value, sizeof(value)) || used >= sizeof(ret->cpu_version))
            continue;
        used += (size_t)snprintf(ret->cpu_version + used, sizeof(ret->cpu_version) - used,
                                 "%s%s %s", used ? " " : "", PARTS[i][1], value);
    }
    make_claim(ret->cpu_model);
    make_claim(ret->cpu_version);
}

void attester_take_sysctl(const char *model, const char *arch, int n_cpus,
                          struct attester_host *ret)
{
    snprintf(ret->cpu_model, sizeof(ret->cpu_model), "%s", model);
    snprintf(ret->cpu_version, sizeof(ret->cpu_version), "%s", arch);
    make_claim(ret->cpu_model);
    make_claim(ret->cpu_version);
    ret->n_cpus = n_cpus > 0 ? (uint32_t)n_cpus : 1;
}

void attester_read_host(struct attester_host *ret)
{
    struct utsname name;

    host_read_processor(ret);
    ret->kernel[0] = 0;
    if (uname(&name) == 0)
        snprintf(ret->kernel, sizeof(ret->kernel), "%.20s %.60s %.20s", name.sysname, name.release,
                 name.machine);
    make_claim(ret->kernel);
}
