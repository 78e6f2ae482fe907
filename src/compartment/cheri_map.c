#include "compartment/cheri_map.h"
#include "base/text.h"
#include "crypto/digest.h"

#include <inttypes.h>
#include <stdio.h>

struct mapping {
    uint64_t from;
    uint64_t to;
    char rights[6]; /* "rw-RW": the capital letters are for capabilities */
    char type[3];
    struct bytes path;
};

/* ---- one line ---- */

static bool is_blank(struct reader *r)
{
    return reader_left(r) > 0 && *r->at == ' ';
}

/* The next word; spaces before it are skipped, and one behind it too. */
static bool take_word(struct reader *r, struct bytes *ret)
{
    while (is_blank(r))
        r->at++;
    ret->data = r->at;
    while (reader_left(r) > 0 && *r->at != ' ')
        r->at++;
    ret->len = (size_t)(r->at - ret->data);
    if (is_blank(r))
        r->at++;
    return ret->len > 0;
}

static bool take_number(struct reader *r, uint64_t *ret)
{
    struct bytes word;

    return take_word(r, &word) && parse_u64(word, UINT32_MAX, ret);
}

/* "0x4010f000", or "0": as printf's %#jx has it; at most 52 bits, more than AArch64 gives. */
static bool take_address(struct reader *r, uint64_t *ret)
{
    struct bytes word;

    *ret = 0;
    if (!take_word(r, &word))
        return false;
    if (bytes_equal_text(word, "0"))
        return true;
    if (word.len < 3 || word.len > 15 || memcmp(word.data, "0x", 2) != 0 || word.data[2] == '0')
        return false;
    for (size_t i = 2; i < word.len; i++) {
        int digit = hex_digit(word.data[i]);
        if (digit < 0)
            return false;
        *ret = *ret << 4 | (uint64_t)digit;
    }
    return true;
}

/* A word with one of a few letters at each place: `places[i]` has those of the i-th. */
static bool take_letters(struct reader *r, const char *const *places, size_t n, size_t n_optional,
                         char *ret)
{
    struct bytes word;

    if (!take_word(r, &word) || word.len > n || word.len + n_optional < n)
        return false;
    for (size_t i = 0; i < word.len; i++)
        if (!memchr(places[i], word.data[i], strlen(places[i])))
            return false;
    if (ret) {
        memcpy(ret, word.data, word.len);
        ret[word.len] = 0;
    }
    return true;
}

static bool take_rights(struct reader *r, char ret[6])
{
    static const char *const PLACES[] = {"r-", "w-", "x-", "R-", "W-"};

    return take_letters(r, PLACES, ARRAY_LEN(PLACES), 0, ret);
}

/* The sixth came with newer releases: whether there are capabilities in it. */
static bool take_flags(struct reader *r)
{
    static const char *const PLACES[] = {"CG-", "N-", "S-", "UD-", "W-", "c-"};

    return take_letters(r, PLACES, ARRAY_LEN(PLACES), 1, NULL);
}

static bool take_type(struct reader *r, char ret[3])
{
    static const char *const TYPES[] = {"--", "df", "vn", "sw", "dv", "ph",
                                        "dd", "sg", "md", "gd", "qu", "??"};
    struct bytes word;

    if (!take_word(r, &word))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(TYPES); i++)
        if (bytes_equal_text(word, TYPES[i])) {
            memcpy(ret, TYPES[i], 3);
            return true;
        }
    return false;
}

/* The rest of the line, which may be nothing. */
static bool take_path(struct reader *r, struct bytes *ret)
{
    *ret = bytes_of(r->at, reader_left(r));
    r->at = r->end;
    for (size_t i = 0; i < ret->len; i++)
        if (ret->data[i] < 0x20 || ret->data[i] > 0x7e)
            return false;
    return true;
}

/* PID START END PRT RES PRES REF SHD FLAG TP PATH */
static bool take_mapping(struct bytes line, uint64_t pid, struct mapping *ret)
{
    struct reader r = reader_of(line);
    uint64_t owner;
    uint64_t count;

    if (!take_number(&r, &owner) || owner != pid || !take_address(&r, &ret->from) ||
        !take_address(&r, &ret->to) || ret->to <= ret->from || !take_rights(&r, ret->rights))
        return false;
    for (size_t i = 0; i < 4; i++)
        if (!take_number(&r, &count))
            return false;
    return take_flags(&r) && take_type(&r, ret->type) && take_path(&r, &ret->path);
}

static bool is_head(struct bytes line)
{
    static const char *const WORDS[] = {"PID", "START", "END",  "PRT", "RES", "PRES",
                                        "REF", "SHD",   "FLAG", "TP",  "PATH"};
    struct reader r = reader_of(line);
    struct bytes word;

    for (size_t i = 0; i < ARRAY_LEN(WORDS); i++)
        if (!take_word(&r, &word) || !bytes_equal_text(word, WORDS[i]))
            return false;
    return !take_word(&r, &word);
}

/* ---- all of them ---- */

struct sums {
    unsigned n;
    uint64_t all;
    uint64_t writable;
    uint64_t executable;
    uint64_t both;
    uint64_t capabilities; /* that may be loaded from there */
};

static void add(const struct mapping *m, struct sums *sums)
{
    uint64_t size = m->to - m->from;
    bool w = m->rights[1] == 'w';
    bool x = m->rights[2] == 'x';

    sums->n++;
    if (strcmp(m->rights, "-----") == 0)
        return;
    sums->all += size;
    sums->writable += w ? size : 0;
    sums->executable += x ? size : 0;
    sums->both += w && x ? size : 0;
    sums->capabilities += m->rights[3] == 'R' ? size : 0;
}

static bool reduce(const struct mapping *m, struct buffer *b)
{
    return buffer_append_format(b, "%" PRIu64 " %s %s ", m->to - m->from, m->rights, m->type) &&
           buffer_append_bytes(b, m->path) && buffer_append_text(b, "\n");
}

/* The next line without its end, which must be there. */
static bool take_line(struct reader *r, struct bytes *ret)
{
    const uint8_t *end = reader_left(r) ? memchr(r->at, '\n', reader_left(r)) : NULL;

    if (!end)
        return false;
    *ret = bytes_of(r->at, (size_t)(end - r->at));
    r->at = end + 1;
    return true;
}

static bool take_map(struct bytes text, uint64_t pid, const char *linker, struct sums *sums,
                     struct buffer *reduced)
{
    struct reader r = reader_of(text);
    struct mapping m = {0};
    uint64_t above = 0;
    bool linked = false;
    struct bytes line;

    if (!take_line(&r, &line) || !is_head(line))
        return false;
    while (reader_left(&r) > 0) {
        if (!take_line(&r, &line) || !take_mapping(line, pid, &m) || m.from < above ||
            !reduce(&m, reduced))
            return false;
        above = m.to;
        linked = linked || bytes_equal_text(m.path, linker);
        add(&m, sums);
    }
    return linked;
}

static double mebibytes(uint64_t n)
{
    return (double)n / (1 << 20);
}

bool cheri_map_measure(struct bytes text, pid_t pid, const char *linker, struct eat_measured *ret)
{
    _cleanup_buffer_ struct buffer reduced = buffer_up_to(LIMIT_MEMORY_MAP);
    struct sums sums = {0};

    if (pid <= 0 || text.len > LIMIT_MEMORY_MAP ||
        !take_map(text, (uint64_t)pid, linker, &sums, &reduced))
        return false;
    ret->memory_map.present = true;
    sha256(buffer_bytes(&reduced), ret->memory_map.sha256);
    snprintf(ret->memory_map_summary, sizeof(ret->memory_map_summary),
             "%u mappings, %.1f MiB; writable %.1f, executable %.1f, both %.1f, capabilities %.1f",
             sums.n, mebibytes(sums.all), mebibytes(sums.writable), mebibytes(sums.executable),
             mebibytes(sums.both), mebibytes(sums.capabilities));
    return true;
}
