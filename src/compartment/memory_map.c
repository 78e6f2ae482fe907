#include "compartment/memory_map.h"
#include "base/secret_memory.h"
#include "crypto/digest.h"

#include <stdio.h>
#include <stdlib.h>

struct mapping {
    uint64_t size;
    char rights[5]; /* "rw-s" */
    struct bytes name;
};

/* After `n` more words and the spaces behind them. */
static const char *skip_words(const char *at, const char *end, unsigned n)
{
    for (; n > 0; n--) {
        while (at < end && *at != ' ')
            at++;
        while (at < end && *at == ' ')
            at++;
    }
    return at;
}

/* "from-to rights offset device inode  name", addresses in hexadecimal. */
static bool parse(const char *line, const char *end, struct mapping *ret)
{
    char copy[64];
    char *at;

    snprintf(copy, sizeof(copy), "%.*s", (int)(end - line < 60 ? end - line : 60), line);
    uint64_t from = strtoull(copy, &at, 16);
    uint64_t to = at != copy && *at == '-' ? strtoull(at + 1, &at, 16) : 0;
    if (to < from || to == 0 || strnlen(at, 5) < 5 || *at != ' ')
        return false;
    ret->size = to - from;
    memcpy(ret->rights, at + 1, 4);
    ret->rights[4] = 0;
    const char *name = skip_words(line, end, 5);
    ret->name = bytes_of(name, (size_t)(end - name));
    return true;
}

/* Takes the next mapping out of `map`; false at its end. */
static bool next_mapping(struct bytes *map, struct mapping *ret)
{
    while (map->len > 0) {
        const char *line = (const char *)map->data;
        const char *end = memchr(line, '\n', map->len);
        size_t len = end ? (size_t)(end - line) : map->len;
        size_t step = len + (end ? 1 : 0);
        *map = bytes_of(map->data + step, map->len - step);
        if (parse(line, line + len, ret))
            return true;
    }
    return false;
}

static double mebibytes(uint64_t n)
{
    return (double)n / (1 << 20);
}

static void summarise(struct bytes map, char *ret)
{
    struct mapping m;
    unsigned n = 0;
    uint64_t all = 0;
    uint64_t writable = 0;
    uint64_t executable = 0;
    uint64_t both = 0;

    while (next_mapping(&map, &m)) {
        bool w = m.rights[1] == 'w';
        bool x = m.rights[2] == 'x';
        n++;
        all += m.size;
        writable += w ? m.size : 0;
        executable += x ? m.size : 0;
        both += w && x ? m.size : 0;
    }
    snprintf(ret, LIMIT_EAT_TEXT,
             "%u mappings, %.1f MiB; writable %.1f, executable %.1f, both %.1f MiB", n,
             mebibytes(all), mebibytes(writable), mebibytes(executable), mebibytes(both));
}

bool memory_map_reduce(struct bytes map, struct buffer *b)
{
    struct mapping m;
    char line[32];

    while (next_mapping(&map, &m)) {
        snprintf(line, sizeof(line), "%llu %s ", (unsigned long long)m.size, m.rights);
        if (!buffer_append_text(b, line) || !buffer_append_bytes(b, m.name) ||
            !buffer_append_text(b, "\n"))
            return false;
    }
    return true;
}

static bool is_secret(const struct mapping *m)
{
    static const char NAME[] = SECRET_MEMORY_NAME;

    return m->name.len >= sizeof(NAME) - 1 && memcmp(m->name.data, NAME, sizeof(NAME) - 1) == 0;
}

bool memory_map_is_secret(struct bytes map)
{
    struct mapping m;
    bool any = false;

    while (next_mapping(&map, &m)) {
        if (m.rights[1] != 'w')
            continue;
        if (!is_secret(&m))
            return false;
        any = true;
    }
    return any;
}

bool memory_map_measure(struct bytes map, struct eat_measured *ret)
{
    _cleanup_buffer_ struct buffer reduced = buffer_up_to(LIMIT_MEMORY_MAP);
    struct eat_component *kind = eat_add_component(ret, EAT_MEMORY);

    if (!kind || !memory_map_reduce(map, &reduced))
        return false;
    snprintf(kind->text, sizeof(kind->text), "%s",
             memory_map_is_secret(map) ? EAT_SECRET : EAT_ORDINARY);
    ret->memory_map.present = true;
    sha256(buffer_bytes(&reduced), ret->memory_map.sha256);
    summarise(map, ret->memory_map_summary);
    return true;
}
