#include "gateway/states.h"
#include "base/fault.h"
#include "base/text.h"
#include "crypto/digest.h"

#include <inttypes.h>

#define VERSION_QUERY "version="

static bool parse_version(struct bytes query, int64_t *ret)
{
    struct bytes prefix = bytes_of_text(VERSION_QUERY);
    uint64_t v;

    if (query.len < prefix.len || memcmp(query.data, prefix.data, prefix.len) != 0 ||
        !parse_u64(bytes_of(query.data + prefix.len, query.len - prefix.len), INT64_MAX - 1, &v))
        return false;
    *ret = (int64_t)v;
    return true;
}

static bool parse_name(struct bytes name, struct state_request *ret)
{
    if (name.len > LIMIT_STATE_NAME)
        return false;
    memcpy(ret->name, name.data, name.len);
    ret->name[name.len] = 0;
    return strlen(ret->name) == name.len && token_is_valid(ret->name, LIMIT_STATE_NAME);
}

bool state_request_parse(const struct http_message *m, struct state_request *ret,
                         struct idevs_error *ret_err)
{
    struct bytes rest =
        bytes_of(m->path.data + strlen(STATE_PATH), m->path.len - strlen(STATE_PATH));
    const uint8_t *mark = rest.len ? memchr(rest.data, '?', rest.len) : NULL;
    size_t name_len = mark ? (size_t)(mark - rest.data) : rest.len;

    *ret = (struct state_request){.content = m->content};
    ret->is_put = bytes_equal_text(m->method, "PUT");
    if (!ret->is_put && !bytes_equal_text(m->method, "GET"))
        return refuse(ret_err, "api.method", "neither GET nor PUT of a state");
    if (!parse_name(bytes_of(rest.data, name_len), ret))
        return refuse(ret_err, "api.field", "a state name that is not 1 to 64 of [A-Za-z0-9._-]");
    if (ret->is_put &&
        (!mark || !parse_version(bytes_of(mark + 1, rest.len - name_len - 1), &ret->version)))
        return refuse(ret_err, "api.field", "a PUT without ?version=N");
    if (!ret->is_put && mark)
        return refuse(ret_err, "api.field", "a GET with a query");
    if (m->content.len > LIMIT_STATE_VALUE)
        return refuse(ret_err, "state.full", "a value of %zu bytes", m->content.len);
    return true;
}

static struct vault_place place_of(const char *program, const char *name, int64_t version)
{
    return (struct vault_place){
        .kind = "state", .program = program, .name = name, .version = version};
}

/* The current value; version 0 when there is none. */
static bool load(struct store *store, const struct vault *vault, const char *program,
                 const char *name, int64_t *ret_version, struct buffer *value,
                 struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s = store_prepare(
        store, "SELECT version, value FROM state WHERE program = ? AND name = ?", err);

    if (!s)
        return false;
    bind_text(s, 1, program);
    bind_text(s, 2, name);
    *ret_version = 0;
    buffer_clear(value);
    switch (statement_step(s, err)) {
    case STEP_DONE:
        return true;
    case STEP_ROW:
        break;
    default:
        return false;
    }
    *ret_version = column_int(s, 0);
    struct vault_place place = place_of(program, name, *ret_version);
    return vault_unseal(vault, &place, column_bytes(s, 1), value) ||
           refuse(err, "state.unusable", "a saved state that does not open");
}

static bool count_names(struct store *store, const char *program, int64_t *ret,
                        struct idevs_error *err)
{
    _cleanup_statement_ struct statement *s =
        store_prepare(store, "SELECT count(*) FROM state WHERE program = ?", err);

    if (!s)
        return false;
    bind_text(s, 1, program);
    if (statement_step(s, err) != STEP_ROW)
        return false;
    *ret = column_int(s, 0);
    return true;
}

static bool save(struct store *store, const struct vault *vault, const char *program,
                 const struct state_request *r, int64_t version, struct idevs_error *err)
{
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(LIMIT_STATE_SEALED);
    struct vault_place place = place_of(program, r->name, version);

    if (!vault_seal(vault, &place, r->content, &sealed))
        return refuse(err, "internal", "a state that cannot be encrypted");
    _cleanup_statement_ struct statement *s = store_prepare(
        store, "INSERT OR REPLACE INTO state (program, name, version, value) VALUES (?, ?, ?, ?)",
        err);
    if (!s)
        return false;
    bind_text(s, 1, program);
    bind_text(s, 2, r->name);
    bind_int(s, 3, version);
    bind_bytes(s, 4, buffer_bytes(&sealed));
    return statement_step(s, err) == STEP_DONE;
}

static bool put(const struct state_request *r, struct store *store, const struct vault *vault,
                const char *program, int64_t current, struct buffer *value, enum state_verdict *ret,
                int64_t *ret_version, struct idevs_error *err)
{
    int64_t names = 0;

    *ret = STATE_REFUSED;
    if (current == r->version + 1 && bytes_equal(buffer_bytes(value), r->content)) {
        *ret = STATE_SAVED; /* ours, whose answer was lost; saving it again would change nothing */
        *ret_version = current;
        return true;
    }
    if (current != r->version) {
        refuse(err, "state.conflict", "version %" PRId64 " where %" PRId64 " was loaded", current,
               r->version);
        return true;
    }
    if (current == 0 && !count_names(store, program, &names, err))
        return false;
    if (names >= LIMIT_STATE_NAMES) {
        refuse(err, "state.full", "%" PRId64 " names", names);
        return true;
    }
    if (!save(store, vault, program, r, current + 1, err))
        return false;
    fault_point("gateway.state.before-commit");
    *ret = STATE_SAVED;
    *ret_version = current + 1;
    return true;
}

bool state_request_run(const struct state_request *request, struct store *store,
                       const struct vault *vault, const char *program, enum state_verdict *ret,
                       int64_t *ret_version, struct buffer *ret_value, struct idevs_error *ret_err)
{
    int64_t current;

    if (!load(store, vault, program, request->name, &current, ret_value, ret_err))
        return false;
    if (request->is_put)
        return put(request, store, vault, program, current, ret_value, ret, ret_version, ret_err);
    *ret = current ? STATE_VALUE : STATE_ABSENT;
    *ret_version = current;
    return true;
}
