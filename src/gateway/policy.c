#include "gateway/policy.h"
#include "base/alloc.h"
#include "base/text.h"

#include <stdio.h>
#include <stdlib.h>

/* Whether `authority` is among the services that a manifest names; the others become `reaches`. */
static bool take_services(char list[][LIMIT_AUTHORITY + 1], size_t n, const char *authority,
                          struct program *ret)
{
    bool named = false;

    for (size_t i = 0; i < n; i++)
        if (strcmp(list[i], authority) == 0)
            named = true;
        else
            memcpy(ret->reaches[ret->n_reaches++], list[i], sizeof(list[i]));
    return named;
}

static void take_digest(const struct eat_digest *digest, char ret[2 * SHA256_LEN + 1])
{
    if (digest->present)
        hex_text(digest->sha256, SHA256_LEN, ret);
}

void program_from_claims(const char *id, const struct eat_claims *claims, const char *authority,
                         struct program *ret)
{
    struct eat_claims *c = (struct eat_claims *)claims; /* C has no const arrays of arrays */

    *ret = (struct program){0};
    snprintf(ret->id, sizeof(ret->id), "%s", id);
    snprintf(ret->tier, sizeof(ret->tier), "%s", claims->tier);
    snprintf(ret->back_end, sizeof(ret->back_end), "%s", claims->back_end);
    take_digest(&claims->source, ret->source);
    take_digest(&claims->executable, ret->executable);
    snprintf(ret->owner, sizeof(ret->owner), "%s", claims->owner);
    ret->reaches = alloc_zero(claims->n_reads + claims->n_writes + 1, sizeof(*ret->reaches));
    ret->reads = take_services(c->reads, claims->n_reads, authority, ret);
    ret->writes = take_services(c->writes, claims->n_writes, authority, ret);
}

void program_free(struct program *program)
{
    free(program->reaches);
    *program = (struct program){0};
}

bool method_is_read(struct bytes method)
{
    return bytes_equal_text(method, "GET") || bytes_equal_text(method, "HEAD");
}

static bool begins_with(struct bytes text, struct bytes start)
{
    return text.len >= start.len && memcmp(text.data, start.data, start.len) == 0;
}

bool path_is_state(struct bytes path)
{
    return begins_with(path, bytes_of_text(STATE_PATH));
}

static bool is_one_of(const char *const *list, size_t n, struct bytes text)
{
    for (size_t i = 0; i < n; i++)
        if (bytes_equal_text(text, list[i]))
            return true;
    return false;
}

static const struct policy_program *find(const struct policy *policy, const char *id)
{
    for (size_t i = 0; i < policy->n_programs; i++)
        if (strcmp(policy->programs[i].name, id) == 0)
            return &policy->programs[i];
    return NULL;
}

/* Some servers strip ";parameters" before they resolve "..": such a path could leave its prefix. */
static bool has_dotted_parameter(struct bytes path)
{
    for (size_t i = 0; i + 2 < path.len; i++)
        if (path.data[i] == '/' && path.data[i + 1] == '.' &&
            (path.data[i + 2] == ';' ||
             (path.data[i + 2] == '.' && i + 3 < path.len && path.data[i + 3] == ';')))
            return true;
    return false;
}

static bool path_matches(struct bytes path, const char *pattern)
{
    struct bytes p = bytes_of_text(pattern);

    if (p.len < 2 || memcmp(p.data + p.len - 2, "/*", 2) != 0)
        return bytes_equal(path, p);
    return begins_with(path, bytes_of(p.data, p.len - 1)) && !has_dotted_parameter(path);
}

static bool path_is_permitted(const struct policy_program *p, struct bytes path)
{
    const uint8_t *query = path.len ? memchr(path.data, '?', path.len) : NULL;

    if (query)
        path.len = (size_t)(query - path.data);
    for (size_t i = 0; i < p->n_paths; i++)
        if (path_matches(path, p->paths[i]))
            return true;
    return p->n_paths == 0;
}

/* ---- what its certificate must say ---- */

static bool is_listed(const char *const *list, size_t n, const char *text)
{
    return is_one_of(list, n, bytes_of_text(text));
}

/* The service that data must not go to, or NULL. */
static const char *strays_to(const struct policy_terms *t, const struct program *program)
{
    for (size_t i = 0; t->n_reaches_only && i < program->n_reaches; i++)
        if (!is_listed(t->reaches_only, t->n_reaches_only, program->reaches[i]))
            return program->reaches[i];
    return NULL;
}

static bool permits_code(const struct policy_terms *t, const struct program *program,
                         struct idevs_error *ret_err)
{
    if (!t->n_code || is_listed(t->code, t->n_code, program->executable) ||
        (*program->source && is_listed(t->code, t->n_code, program->source)))
        return true;
    return refuse(ret_err, "policy.code", "source %s, executable %s",
                  *program->source ? program->source : "unknown", program->executable);
}

static bool permits_terms(const struct policy_terms *t, const struct program *program,
                          struct idevs_error *ret_err)
{
    if (t->n_tiers && !is_listed(t->tiers, t->n_tiers, program->tier))
        return refuse(ret_err, "policy.tier", "a certificate of tier %s", program->tier);
    if (t->n_back_ends && !is_listed(t->back_ends, t->n_back_ends, program->back_end))
        return refuse(ret_err, "policy.back-end", "a compartment of back end %s",
                      program->back_end);
    if (t->n_owners && !is_listed(t->owners, t->n_owners, program->owner))
        return refuse(ret_err, "policy.owner", "owner %s", program->owner);
    if (!permits_code(t, program, ret_err))
        return false;
    const char *stray = strays_to(t, program);
    return !stray || refuse(ret_err, "policy.reaches", "a manifest that names %s", stray);
}

/* The terms of one program say what it is let in for, so that whoever reads the refusal knows which
 * agreement it is about. */
static bool permits_own_terms(const struct policy_program *entry, const struct program *program,
                              struct idevs_error *ret_err)
{
    struct idevs_error err;
    char expected[sizeof(err.expected)];

    if (permits_terms(&entry->terms, program, &err))
        return true;
    snprintf(expected, sizeof(expected), "%.87s%s%.64s", err.expected,
             entry->purpose ? ", for: " : "", entry->purpose ? entry->purpose : "");
    return refuse_expecting(ret_err, err.code, expected, "%s", err.found);
}

static bool permits_direction(const struct program *program, const struct http_message *request,
                              struct idevs_error *ret_err)
{
    if (path_is_state(request->path))
        return program->reads || program->writes ||
               refuse(ret_err, "policy.reads", "a manifest that names this service nowhere");
    if (method_is_read(request->method))
        return program->reads ||
               refuse(ret_err, "policy.reads", "a manifest without this service under reads");
    return program->writes ||
           refuse(ret_err, "policy.writes", "a manifest without this service under writes");
}

bool policy_permits(const struct policy *policy, const struct program *program,
                    const struct http_message *request, struct idevs_error *ret_err)
{
    const struct policy_program *entry = find(policy, program->id);

    if (policy->names_programs && !entry)
        return refuse(ret_err, "policy.program", "%s", program->id);
    if (!permits_terms(&policy->terms, program, ret_err) ||
        (entry && !permits_own_terms(entry, program, ret_err)) ||
        !permits_direction(program, request, ret_err))
        return false;
    if (!entry || path_is_state(request->path))
        return true;
    if (entry->n_methods && !is_one_of(entry->methods, entry->n_methods, request->method))
        return refuse(ret_err, "policy.method", "%.*s", (int)request->method.len,
                      (const char *)request->method.data);
    /* The path itself is the program's content: it stays out of what is logged. */
    if (!path_is_permitted(entry, request->path))
        return refuse(ret_err, "policy.path", "a path that is not granted");
    return true;
}
