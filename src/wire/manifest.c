#include "wire/manifest.h"
#include "base/text.h"
#include "wire/cbor.h"

#define HTTPS "https://"

/* Every key is always there, in this order, but the last: a manifest has one encoding. */
enum key {
    KEY_PROGRAM = 1,
    KEY_EVERY,
    KEY_MEMORY,
    KEY_PROCESSES,
    KEY_RUN_SECONDS,
    KEY_LOGS,
    KEY_OWNER_SPKI,
    KEY_OWNER_SEAL_KEY,
    KEY_AUTHORITY_URL,
    KEY_AUTHORITY_ANCHORS,
    KEY_SERVICES,
    N_KEYS = KEY_SERVICES,
    KEY_BACK_END, /* absent when it names none */
};

enum service_key {
    SERVICE_NAME = 1,
    SERVICE_AUTHORITY,
    SERVICE_ANCHORS,
    SERVICE_READS,
    SERVICE_WRITES,
    N_SERVICE_KEYS = SERVICE_WRITES,
};

/* ---- values ---- */

bool manifest_url_is_valid(const char *url)
{
    size_t n = strlen(HTTPS);

    return strnlen(url, LIMIT_URL + 1) <= LIMIT_URL && strncmp(url, HTTPS, n) == 0 &&
           authority_is_valid(url + n);
}

static bool check_anchors(const char *whose, const struct bytes *anchors, size_t n,
                          struct idevs_error *ret_err)
{
    if (n < 1 || n > LIMIT_ANCHORS)
        return refuse_expecting(ret_err, "manifest.value", "1 or 2 anchors", "%s: %zu", whose, n);
    for (size_t i = 0; i < n; i++)
        if (anchors[i].len == 0 || anchors[i].len > LIMIT_CERTIFICATE)
            return refuse_expecting(ret_err, "manifest.value", "an anchor of at most 16 KiB",
                                    "%s: %zu bytes", whose, anchors[i].len);
    return true;
}

static bool check_limits(const struct manifest *m, struct idevs_error *ret_err)
{
    if (m->every > LIMIT_EVERY_CEILING)
        return refuse_expecting(ret_err, "manifest.value", "every: at most 31 days",
                                "every: %u seconds", m->every);
    if (m->memory < LIMIT_MEMORY_FLOOR || m->memory > LIMIT_MEMORY_CEILING)
        return refuse_expecting(ret_err, "manifest.value", "memory: 1 MiB to 4 GiB",
                                "memory: %llu bytes", (unsigned long long)m->memory);
    if (m->processes != 1)
        return refuse_expecting(ret_err, "manifest.value", "processes: 1", "processes: %u",
                                m->processes);
    if (m->run_seconds < 1 || m->run_seconds > LIMIT_RUN_TIME_CEILING)
        return refuse_expecting(ret_err, "manifest.value", "run: 1 second to 7 days",
                                "run: %u seconds", m->run_seconds);
    if (m->logs > MANIFEST_LOGS_OPEN)
        return refuse_expecting(ret_err, "manifest.value", "logs: none, owner or open", "logs: %u",
                                (unsigned)m->logs);
    return true;
}

static bool check_services(const struct manifest *m, struct idevs_error *ret_err)
{
    if (m->n_services > LIMIT_SERVICES)
        return refuse_expecting(ret_err, "manifest.value", "at most 16 services", "%zu services",
                                m->n_services);
    for (size_t i = 0; i < m->n_services; i++) {
        const struct manifest_service *s = &m->services[i];
        if (!name_is_valid(s->name, LIMIT_SERVICE_NAME))
            return refuse(ret_err, "manifest.value", "service name \"%.64s\"", s->name);
        if (i > 0 && strcmp(m->services[i - 1].name, s->name) >= 0)
            return refuse_expecting(ret_err, "manifest.value", "services sorted by name, each once",
                                    "\"%.64s\" after \"%.64s\"", s->name, m->services[i - 1].name);
        if (!authority_is_valid(s->authority))
            return refuse_expecting(ret_err, "manifest.value", "host or host:port",
                                    "service \"%s\": authority \"%.64s\"", s->name, s->authority);
        if (!check_anchors(s->name, s->anchors, s->n_anchors, ret_err))
            return false;
    }
    return true;
}

static bool check(const struct manifest *m, struct idevs_error *ret_err)
{
    if (!name_is_valid(m->program, LIMIT_PROGRAM_NAME))
        return refuse(ret_err, "manifest.value", "program name \"%.64s\"", m->program);
    if (*m->back_end && !name_is_valid(m->back_end, sizeof(m->back_end) - 1))
        return refuse_expecting(ret_err, "manifest.value", "the name of a back end",
                                "back_end: \"%.31s\"", m->back_end);
    if (!manifest_url_is_valid(m->authority_url))
        return refuse_expecting(ret_err, "manifest.value", "https://host[:port] and nothing after",
                                "authority url \"%.100s\"", m->authority_url);
    return check_limits(m, ret_err) &&
           check_anchors("authority", m->authority_anchors, m->n_authority_anchors, ret_err) &&
           check_services(m, ret_err);
}

/* ---- writing ---- */

static bool put_number(struct buffer *b, unsigned key, uint64_t v)
{
    return cbor_put_uint(b, key) && cbor_put_uint(b, v);
}

static bool put_text(struct buffer *b, unsigned key, const char *text)
{
    return cbor_put_uint(b, key) && cbor_put_text(b, bytes_of_text(text));
}

static bool put_bytes(struct buffer *b, unsigned key, const uint8_t *data, size_t len)
{
    return cbor_put_uint(b, key) && cbor_put_bytes(b, bytes_of(data, len));
}

static bool put_flag(struct buffer *b, unsigned key, bool v)
{
    return cbor_put_uint(b, key) && cbor_put_bool(b, v);
}

static bool put_anchors(struct buffer *b, unsigned key, const struct bytes *anchors, size_t n)
{
    if (!cbor_put_uint(b, key) || !cbor_put_array(b, n))
        return false;
    for (size_t i = 0; i < n; i++)
        if (!cbor_put_bytes(b, anchors[i]))
            return false;
    return true;
}

static bool put_services(struct buffer *b, const struct manifest *m)
{
    if (!cbor_put_uint(b, KEY_SERVICES) || !cbor_put_array(b, m->n_services))
        return false;
    for (size_t i = 0; i < m->n_services; i++) {
        const struct manifest_service *s = &m->services[i];
        if (!cbor_put_map(b, N_SERVICE_KEYS) || !put_text(b, SERVICE_NAME, s->name) ||
            !put_text(b, SERVICE_AUTHORITY, s->authority) ||
            !put_anchors(b, SERVICE_ANCHORS, s->anchors, s->n_anchors) ||
            !put_flag(b, SERVICE_READS, s->reads) || !put_flag(b, SERVICE_WRITES, s->writes))
            return false;
    }
    return true;
}

static bool put_manifest(struct buffer *b, const struct manifest *m)
{
    return cbor_put_map(b, N_KEYS + (*m->back_end ? 1 : 0)) &&
           put_text(b, KEY_PROGRAM, m->program) && put_number(b, KEY_EVERY, m->every) &&
           put_number(b, KEY_MEMORY, m->memory) && put_number(b, KEY_PROCESSES, m->processes) &&
           put_number(b, KEY_RUN_SECONDS, m->run_seconds) && put_number(b, KEY_LOGS, m->logs) &&
           put_bytes(b, KEY_OWNER_SPKI, m->owner_spki, sizeof(m->owner_spki)) &&
           put_bytes(b, KEY_OWNER_SEAL_KEY, m->owner_seal_key, sizeof(m->owner_seal_key)) &&
           put_text(b, KEY_AUTHORITY_URL, m->authority_url) &&
           put_anchors(b, KEY_AUTHORITY_ANCHORS, m->authority_anchors, m->n_authority_anchors) &&
           put_services(b, m) && (!*m->back_end || put_text(b, KEY_BACK_END, m->back_end));
}

bool manifest_encode(const struct manifest *m, struct buffer *b)
{
    size_t before = b->len;

    if (check(m, NULL) && put_manifest(b, m) && b->len - before <= LIMIT_MANIFEST)
        return true;
    b->len = before;
    return false;
}

/* ---- reading ---- */

static bool get_key(struct reader *r, unsigned key)
{
    uint64_t found;

    return cbor_get_uint(r, &found) && found == key;
}

static bool get_u32(struct reader *r, unsigned key, uint32_t *ret)
{
    return get_key(r, key) && cbor_get_u32(r, ret);
}

static bool get_text(struct reader *r, unsigned key, char *ret, size_t room)
{
    struct bytes text;

    if (!get_key(r, key) || !cbor_get_text(r, &text) || text.len >= room ||
        (text.len && memchr(text.data, 0, text.len)))
        return false;
    if (text.len)
        memcpy(ret, text.data, text.len);
    ret[text.len] = 0;
    return true;
}

static bool get_fixed(struct reader *r, unsigned key, uint8_t *ret, size_t len)
{
    struct bytes in;

    if (!get_key(r, key) || !cbor_get_bytes(r, &in) || in.len != len)
        return false;
    memcpy(ret, in.data, len);
    return true;
}

static bool get_anchors(struct reader *r, unsigned key, struct bytes *ret, size_t *ret_n)
{
    if (!get_key(r, key) || !cbor_get_array(r, ret_n) || *ret_n > LIMIT_ANCHORS)
        return false;
    for (size_t i = 0; i < *ret_n; i++)
        if (!cbor_get_bytes(r, &ret[i]))
            return false;
    return true;
}

static bool get_service(struct reader *r, struct manifest_service *ret)
{
    size_t n;

    return cbor_get_map(r, &n) && n == N_SERVICE_KEYS &&
           get_text(r, SERVICE_NAME, ret->name, sizeof(ret->name)) &&
           get_text(r, SERVICE_AUTHORITY, ret->authority, sizeof(ret->authority)) &&
           get_anchors(r, SERVICE_ANCHORS, ret->anchors, &ret->n_anchors) &&
           get_key(r, SERVICE_READS) && cbor_get_bool(r, &ret->reads) &&
           get_key(r, SERVICE_WRITES) && cbor_get_bool(r, &ret->writes);
}

static bool get_services(struct reader *r, struct manifest *ret)
{
    if (!get_key(r, KEY_SERVICES) || !cbor_get_array(r, &ret->n_services) ||
        ret->n_services > LIMIT_SERVICES)
        return false;
    for (size_t i = 0; i < ret->n_services; i++)
        if (!get_service(r, &ret->services[i]))
            return false;
    return true;
}

static bool get_back_end(struct reader *r, struct manifest *ret)
{
    return get_text(r, KEY_BACK_END, ret->back_end, sizeof(ret->back_end)) && *ret->back_end;
}

static bool get_manifest(struct reader *r, struct manifest *ret)
{
    size_t n;
    uint32_t logs;

    if (!cbor_get_map(r, &n) || (n != N_KEYS && n != N_KEYS + 1) ||
        !get_text(r, KEY_PROGRAM, ret->program, sizeof(ret->program)) ||
        !get_u32(r, KEY_EVERY, &ret->every) || !get_key(r, KEY_MEMORY) ||
        !cbor_get_uint(r, &ret->memory) || !get_u32(r, KEY_PROCESSES, &ret->processes) ||
        !get_u32(r, KEY_RUN_SECONDS, &ret->run_seconds) || !get_u32(r, KEY_LOGS, &logs))
        return false;
    ret->logs = (enum manifest_logs)logs;
    return get_fixed(r, KEY_OWNER_SPKI, ret->owner_spki, sizeof(ret->owner_spki)) &&
           get_fixed(r, KEY_OWNER_SEAL_KEY, ret->owner_seal_key, sizeof(ret->owner_seal_key)) &&
           get_text(r, KEY_AUTHORITY_URL, ret->authority_url, sizeof(ret->authority_url)) &&
           get_anchors(r, KEY_AUTHORITY_ANCHORS, ret->authority_anchors,
                       &ret->n_authority_anchors) &&
           get_services(r, ret) && (n == N_KEYS || get_back_end(r, ret)) && reader_left(r) == 0;
}

bool manifest_decode(struct bytes in, struct manifest *ret, struct idevs_error *ret_err)
{
    struct reader r = reader_of(in);

    *ret = (struct manifest){0};
    if (in.len > LIMIT_MANIFEST)
        return refuse(ret_err, "manifest.syntax", "%zu bytes of CBOR", in.len);
    if (!get_manifest(&r, ret))
        return refuse_expecting(
            ret_err, "manifest.syntax", "deterministic CBOR as the idevs command writes it",
            "something else near byte %zu of %zu", in.len - reader_left(&r), in.len);
    return check(ret, ret_err);
}

const struct manifest_service *manifest_service(const struct manifest *m, const char *name)
{
    for (size_t i = 0; i < m->n_services; i++)
        if (strcmp(m->services[i].name, name) == 0)
            return &m->services[i];
    return NULL;
}
