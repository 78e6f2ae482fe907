#include "gateway/config.h"
#include "base/alloc.h"
#include "base/limits.h"
#include "base/text.h"

#include <stdlib.h>

static const char *const METHODS[] = {"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", NULL};

static bool method_is_known(const char *text)
{
    for (size_t i = 0; METHODS[i]; i++)
        if (strcmp(METHODS[i], text) == 0)
            return true;
    return false;
}

static bool tier_is_known(const char *text)
{
    enum tier tier;

    return tier_from_name(text, &tier);
}

static bool digest_is_hex(const char *text)
{
    uint8_t digest[SHA256_LEN];

    return hex_exactly(bytes_of_text(text), digest, SHA256_LEN);
}

static bool back_end_is_name(const char *text)
{
    return name_is_valid(text, LIMIT_EAT_TEXT - 1);
}

/* An exact path, or a prefix whose last segment is the '*'. */
static bool pattern_is_valid(const char *text)
{
    const char *star = strchr(text, '*');

    if (star && (star[1] || star == text || star[-1] != '/'))
        return false;
    return path_is_valid(text) && !strchr(text, '?');
}

/* An optional list of 1 to `max` texts, each of which `valid` accepts. */
static bool texts(struct yaml *map, const char *key, bool (*valid)(const char *), size_t max,
                  const char **ret, size_t *ret_n, struct idevs_error *err)
{
    struct yaml *list = NULL;

    if (!yaml_list(map, key, YAML_OPTIONAL, &list, err))
        return false;
    if (!list)
        return true;
    size_t n = yaml_count(list);
    if (n == 0 || n > max)
        return yaml_refuse(list, err, "%s: 1 to %zu entries", key, max);
    for (size_t i = 0; i < n; i++) {
        struct yaml *item = yaml_at(list, i);
        if (!yaml_text(item, NULL, YAML_REQUIRED, &ret[i], err))
            return false;
        if (!valid(ret[i]))
            return yaml_refuse(item, err, "not a value of %s", key);
    }
    *ret_n = n;
    return true;
}

static bool spiffe_is_valid(const char *name)
{
    size_t n = strnlen(name, LIMIT_PROGRAM_URI);

    if (n >= LIMIT_PROGRAM_URI || strncmp(name, "spiffe://", 9) != 0 || !name[9])
        return false;
    for (const char *p = name; *p; p++)
        if (*p <= 0x20 || *p >= 0x7f)
            return false;
    return true;
}

static bool terms(struct yaml *map, struct policy_terms *ret, struct idevs_error *err)
{
    return texts(map, "tiers", tier_is_known, TIERS, ret->tiers, &ret->n_tiers, err) &&
           texts(map, "back_ends", back_end_is_name, LIMIT_BACK_ENDS, ret->back_ends,
                 &ret->n_back_ends, err) &&
           texts(map, "owners", digest_is_hex, LIMIT_POLICY_OWNERS, ret->owners, &ret->n_owners,
                 err) &&
           texts(map, "code", digest_is_hex, LIMIT_POLICY_CODE, ret->code, &ret->n_code, err) &&
           texts(map, "reaches_only", authority_is_valid, LIMIT_SERVICES, ret->reaches_only,
                 &ret->n_reaches_only, err);
}

static bool purpose(struct yaml *map, const char **ret, struct idevs_error *err)
{
    if (!yaml_text(map, "purpose", YAML_OPTIONAL, ret, err))
        return false;
    if (*ret && (!**ret || strlen(*ret) > LIMIT_POLICY_PURPOSE))
        return yaml_refuse(map, err, "purpose: 1 to %d characters", LIMIT_POLICY_PURPOSE);
    return true;
}

static bool program(struct yaml *map, struct policy_program *ret, struct idevs_error *err)
{
    if (!yaml_text(map, "name", YAML_REQUIRED, &ret->name, err))
        return false;
    if (!spiffe_is_valid(ret->name))
        return yaml_refuse(map, err, "name: not a SPIFFE ID (spiffe://DOMAIN/program/NAME)");
    return purpose(map, &ret->purpose, err) && terms(map, &ret->terms, err) &&
           texts(map, "methods", method_is_known, LIMIT_POLICY_METHODS, ret->methods,
                 &ret->n_methods, err) &&
           texts(map, "paths", pattern_is_valid, LIMIT_POLICY_PATHS, ret->paths, &ret->n_paths,
                 err);
}

static bool programs(struct yaml *doc, struct policy *ret, struct idevs_error *err)
{
    struct yaml *list = NULL;

    if (!yaml_list(doc, "programs", YAML_OPTIONAL, &list, err))
        return false;
    if (!list)
        return true;
    size_t n = yaml_count(list);
    if (n == 0 || n > LIMIT_POLICY_PROGRAMS)
        return yaml_refuse(list, err, "programs: 1 to %d entries", LIMIT_POLICY_PROGRAMS);
    ret->names_programs = true;
    ret->programs = alloc_zero(n, sizeof(*ret->programs));
    ret->n_programs = n;
    for (size_t i = 0; i < n; i++) {
        if (!program(yaml_at(list, i), &ret->programs[i], err))
            return false;
        for (size_t k = 0; k < i; k++)
            if (strcmp(ret->programs[k].name, ret->programs[i].name) == 0)
                return yaml_refuse(yaml_at(list, i), err, "name: this program stands here twice");
    }
    return true;
}

/* http:// does, too: a list is signed, and its age is bounded. */
static bool list_address(struct yaml *item, struct gateway_list *ret, struct idevs_error *err)
{
    const char *url;

    if (!yaml_text(item, NULL, YAML_REQUIRED, &url, err))
        return false;
    const char *host = strstr(url, "://");
    const char *path = host ? strchr(host + 3, '/') : NULL;
    bool http = strncmp(url, "https://", 8) == 0 || strncmp(url, "http://", 7) == 0;
    if (!http || !path || (size_t)(path - url) >= sizeof(ret->origin) || !path_is_valid(path))
        return yaml_refuse(item, err, "lists: not https://HOST[:PORT]/PATH");
    memcpy(ret->origin, url, (size_t)(path - url));
    ret->path = path;
    return authority_is_valid(strstr(ret->origin, "://") + 3) ||
           yaml_refuse(item, err, "lists: not a lower-case host or host:port");
}

static bool lists(struct yaml *map, struct gateway_revocation *ret, struct idevs_error *err)
{
    struct yaml *list = NULL;

    if (!yaml_list(map, "lists", YAML_REQUIRED, &list, err))
        return false;
    ret->n_lists = yaml_count(list);
    if (ret->n_lists == 0 || ret->n_lists > LIMIT_GATEWAY_LISTS)
        return yaml_refuse(list, err, "lists: 1 to %d addresses", LIMIT_GATEWAY_LISTS);
    for (size_t i = 0; i < ret->n_lists; i++)
        if (!list_address(yaml_at(list, i), &ret->lists[i], err))
            return false;
    return true;
}

static bool revocation(struct yaml *doc, struct gateway_revocation *ret, struct idevs_error *err)
{
    struct yaml *map = NULL;
    uint64_t every = LIMIT_LIST_EVERY;
    uint64_t max_age = LIMIT_LIST_AGE;

    if (!yaml_map(doc, "revocation", YAML_OPTIONAL, &map, err))
        return false;
    if (!map)
        return true;
    if (!lists(map, ret, err) || !yaml_path(map, "ca", YAML_OPTIONAL, &ret->ca, err) ||
        !yaml_seconds(map, "every", YAML_OPTIONAL, LIMIT_LIST_EVERY_FLOOR, LIMIT_LIST_AGE_CEILING,
                      &every, err) ||
        !yaml_seconds(map, "max_age", YAML_OPTIONAL, LIMIT_LIST_AGE_FLOOR, LIMIT_LIST_AGE_CEILING,
                      &max_age, err))
        return false;
    if (every + LIMIT_LIST_KEPT >= max_age)
        return yaml_refuse(map, err, "every: %d s less than max_age, and more, or no list counts",
                           LIMIT_LIST_KEPT);
    ret->every = (unsigned)every;
    ret->max_age = (unsigned)max_age;
    return true;
}

static bool names(struct yaml *doc, struct gateway_config *ret, struct idevs_error *err)
{
    if (!yaml_text(doc, "listen", YAML_REQUIRED, &ret->listen, err) ||
        !yaml_text(doc, "upstream", YAML_REQUIRED, &ret->upstream, err) ||
        !yaml_text(doc, "authority", YAML_REQUIRED, &ret->authority, err))
        return false;
    if (strncmp(ret->upstream, "http://", 7) != 0 || !authority_is_valid(ret->upstream + 7))
        return yaml_refuse(doc, err, "upstream: not http://host:port");
    if (!authority_is_valid(ret->authority))
        return yaml_refuse(doc, err, "authority: not a lower-case host or host:port");
    return true;
}

static bool files(struct yaml *doc, struct gateway_config *ret, struct idevs_error *err)
{
    return yaml_path(doc, "certificate", YAML_REQUIRED, &ret->certificate, err) &&
           yaml_path(doc, "key", YAML_REQUIRED, &ret->key, err) &&
           yaml_path(doc, "previous_key", YAML_OPTIONAL, &ret->previous_key, err) &&
           yaml_path(doc, "state", YAML_REQUIRED, &ret->state, err) &&
           yaml_paths(doc, "program_anchors", YAML_REQUIRED, LIMIT_GATEWAY_ANCHORS, ret->anchors,
                      &ret->n_anchors, err);
}

static bool limits(struct yaml *doc, struct gateway_config *ret, struct idevs_error *err)
{
    uint64_t max_body = LIMIT_BODY;
    uint64_t seconds = LIMIT_UPSTREAM_TIME;

    if (!yaml_size(doc, "max_body", YAML_OPTIONAL, 1, LIMIT_BODY_CEILING, &max_body, err) ||
        !yaml_seconds(doc, "upstream_timeout", YAML_OPTIONAL, 1, LIMIT_UPSTREAM_TIME_CEILING,
                      &seconds, err) ||
        !yaml_bool(doc, "honours_idempotency_key", YAML_OPTIONAL, &ret->honours_idempotency_key,
                   err))
        return false;
    ret->max_body = (size_t)max_body;
    ret->upstream_seconds = (unsigned)seconds;
    return true;
}

static bool fill(struct yaml *doc, struct gateway_config *ret, struct idevs_error *err)
{
    struct policy *p = &ret->policy;

    return names(doc, ret, err) && files(doc, ret, err) && limits(doc, ret, err) &&
           revocation(doc, &ret->revocation, err) && terms(doc, &p->terms, err) &&
           programs(doc, p, err) && yaml_done(doc, err);
}

static bool take(struct yaml *doc, struct gateway_config *ret, struct idevs_error *ret_err)
{
    struct gateway_config config = {.document = doc};

    if (!doc)
        return false;
    if (!fill(doc, &config, ret_err)) {
        gateway_config_free(&config);
        return false;
    }
    *ret = config;
    return true;
}

bool gateway_config_load(const char *path, struct gateway_config *ret, struct idevs_error *ret_err)
{
    *ret = (struct gateway_config){0};
    return take(yaml_load(path, "config.syntax", ret_err), ret, ret_err);
}

bool gateway_config_parse(struct bytes text, const char *path, struct gateway_config *ret,
                          struct idevs_error *ret_err)
{
    *ret = (struct gateway_config){0};
    return take(yaml_parse(text, path, "config.syntax", ret_err), ret, ret_err);
}

void gateway_config_free(struct gateway_config *config)
{
    free(config->policy.programs);
    if (config->document)
        yaml_release(config->document);
    *config = (struct gateway_config){0};
}
