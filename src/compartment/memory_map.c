#include "compartment/memory_map.h"
#include "base/attr.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <stdlib.h>

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

static void summarise(struct bytes map, char *ret)
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

void memory_map_measure(struct bytes map, struct eat_measured *ret)
{
    ret->memory_map.present = true;
    sha256(map, ret->memory_map.sha256);
    summarise(map, ret->memory_map_summary);
}
