#include "attester/attester.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <unistd.h>

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

void attester_read_host(struct attester_host *ret)
{
    char text[4096] = "";
    struct utsname name;
    FILE *file = fopen("/proc/cpuinfo", "re");

    if (file) {
        text[fread(text, 1, sizeof(text) - 1, file)] = 0; /* the first processor's is enough */
        fclose(file);
    }
    attester_parse_cpuinfo(text, ret);
    long n = sysconf(_SC_NPROCESSORS_ONLN);
    ret->n_cpus = n > 0 ? (uint32_t)n : 1;
    ret->kernel[0] = 0;
    if (uname(&name) == 0)
        snprintf(ret->kernel, sizeof(ret->kernel), "%.20s %.60s %.20s", name.sysname, name.release,
                 name.machine);
    make_claim(ret->kernel);
}

static double mebibytes(uint64_t n)
{
    return (double)n / (1 << 20);
}

struct map_sums {
    unsigned n;
    uint64_t all;
    uint64_t writable;
    uint64_t executable;
    uint64_t both;
};

/* "from-to rights …", addresses in hexadecimal. */
static void add_mapping(const char *line, struct map_sums *sums)
{
    char *end;
    uint64_t from = strtoull(line, &end, 16);
    uint64_t to = end != line && *end == '-' ? strtoull(end + 1, &end, 16) : 0;

    if (to < from || to == 0 || strnlen(end, 5) < 5 || *end != ' ')
        return;
    bool w = end[2] == 'w';
    bool x = end[3] == 'x';
    uint64_t size = to - from;
    sums->n++;
    sums->all += size;
    sums->writable += w ? size : 0;
    sums->executable += x ? size : 0;
    sums->both += w && x ? size : 0;
}

void attester_summarise_map(struct bytes map, char *ret)
{
    struct map_sums sums = {0};

    for (size_t i = 0; i < map.len;) {
        const char *line = (const char *)map.data + i;
        const char *end = memchr(line, '\n', map.len - i);
        size_t len = end ? (size_t)(end - line) : map.len - i;
        char copy[64];
        snprintf(copy, sizeof(copy), "%.*s", (int)(len < 60 ? len : 60), line);
        add_mapping(copy, &sums);
        i += len + 1;
    }
    snprintf(ret, LIMIT_EAT_TEXT,
             "%u mappings, %.1f MiB; writable %.1f, executable %.1f, both %.1f MiB", sums.n,
             mebibytes(sums.all), mebibytes(sums.writable), mebibytes(sums.executable),
             mebibytes(sums.both));
}
