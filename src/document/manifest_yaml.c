#include "document/manifest_yaml.h"
#include "base/alloc.h"
#include "base/fd.h"
#include "base/text.h"
#include "crypto/key.h"
#include "crypto/x509.h"
#include "document/yaml.h"

#include <stdio.h>
#include <stdlib.h>

#define CODE "manifest.syntax"

/* Certificates that anchors point into, until the manifest was encoded. */
struct loading {
    struct manifest m;
    struct chain chains[(LIMIT_SERVICES + 1) * LIMIT_ANCHORS];
    size_t n_chains;
};

static void loading_release(struct loading **l)
{
    for (size_t i = 0; i < (*l)->n_chains; i++)
        chain_free(&(*l)->chains[i]);
    free(*l);
}
#define _cleanup_loading_ _cleanup_(loading_release)

/* One PEM file with exactly one certificate. */
static bool take_anchor(struct loading *l, struct yaml *item, struct bytes *ret,
                        struct idevs_error *ret_err)
{
    struct chain *chain = &l->chains[l->n_chains];
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_CHAIN_BYTES);
    const char *path;

    if (!yaml_path(item, NULL, YAML_REQUIRED, &path, ret_err) || !file_read(path, &pem, ret_err))
        return false;
    if (!chain_from_pem(buffer_bytes(&pem), chain, ret_err))
        return yaml_refuse(item, ret_err, "%s is no PEM certificate", path);
    l->n_chains++;
    if (chain->n != 1)
        return yaml_refuse(item, ret_err, "%s holds %zu certificates instead of one", path,
                           chain->n);
    *ret = certificate_der(chain->at[0]);
    return true;
}

static bool take_anchors(struct loading *l, struct yaml *map, struct bytes *ret, size_t *ret_n,
                         struct idevs_error *ret_err)
{
    struct yaml *list;

    if (!yaml_list(map, "anchors", YAML_REQUIRED, &list, ret_err))
        return false;
    size_t n = yaml_count(list);
    if (n < 1 || n > LIMIT_ANCHORS)
        return yaml_refuse(list, ret_err, "%zu anchors; one or two are possible", n);
    for (size_t i = 0; i < n; i++)
        if (!take_anchor(l, yaml_at(list, i), &ret[i], ret_err))
            return false;
    *ret_n = n;
    return true;
}

static bool take_name(struct yaml *root, struct manifest *m, struct idevs_error *ret_err)
{
    const char *name;

    if (!yaml_text(root, "program", YAML_REQUIRED, &name, ret_err))
        return false;
    if (!name_is_valid(name, LIMIT_PROGRAM_NAME))
        return yaml_refuse_as(yaml_value(root, "program"), "name.invalid", ret_err, "program: %s",
                              name);
    snprintf(m->program, sizeof(m->program), "%s", name);
    return true;
}

static bool take_limits(struct yaml *root, struct manifest *m, struct idevs_error *ret_err)
{
    static const char *const LOGS[] = {"none", "owner", "open", NULL};
    struct yaml *limits = NULL;
    uint64_t memory = LIMIT_MEMORY;
    uint64_t processes = 1;
    uint64_t run = LIMIT_RUN_TIME;
    uint64_t every = 0;
    unsigned logs = MANIFEST_LOGS_OWNER;

    if (!yaml_map(root, "limits", YAML_OPTIONAL, &limits, ret_err) ||
        !yaml_size(limits, "memory", YAML_OPTIONAL, LIMIT_MEMORY_FLOOR, LIMIT_MEMORY_CEILING,
                   &memory, ret_err) ||
        !yaml_u64(limits, "processes", YAML_OPTIONAL, 1, 1, &processes, ret_err) ||
        !yaml_seconds(limits, "run", YAML_OPTIONAL, 1, LIMIT_RUN_TIME_CEILING, &run, ret_err) ||
        !yaml_seconds(root, "every", YAML_OPTIONAL, 1, LIMIT_EVERY_CEILING, &every, ret_err) ||
        !yaml_choice(root, "logs", YAML_OPTIONAL, LOGS, &logs, ret_err))
        return false;
    m->memory = memory;
    m->processes = (uint32_t)processes;
    m->run_seconds = (uint32_t)run;
    m->every = (uint32_t)every;
    m->logs = (enum manifest_logs)logs;
    return true;
}

/* Which there are, the warden knows. */
static bool take_back_end(struct yaml *root, struct manifest *m, struct idevs_error *ret_err)
{
    const char *name = NULL;

    if (!yaml_text(root, "back_end", YAML_OPTIONAL, &name, ret_err))
        return false;
    if (!name)
        return true;
    if (!name_is_valid(name, sizeof(m->back_end) - 1))
        return yaml_refuse_as(yaml_value(root, "back_end"), "name.invalid", ret_err, "back_end: %s",
                              name);
    snprintf(m->back_end, sizeof(m->back_end), "%s", name);
    return true;
}

static bool take_owner(struct yaml *root, struct manifest *m, struct idevs_error *ret_err)
{
    _cleanup_buffer_ struct buffer pem = buffer_up_to(LIMIT_PEM_KEY);
    const char *path;

    if (!yaml_path(root, "owner", YAML_REQUIRED, &path, ret_err) || !file_read(path, &pem, ret_err))
        return false;
    _cleanup_public_key_ struct public_key *key = public_key_from_pem(buffer_bytes(&pem));
    if (!key || !x25519_public_from_pem(buffer_bytes(&pem), m->owner_seal_key))
        return refuse(ret_err, "owner.key", "%s lacks a P-256 or an X25519 public key", path);
    public_key_spki(key, m->owner_spki);
    return true;
}

static bool take_authority(struct loading *l, struct yaml *root, struct idevs_error *ret_err)
{
    struct yaml *authority;
    const char *url;

    if (!yaml_map(root, "authority", YAML_REQUIRED, &authority, ret_err) ||
        !yaml_text(authority, "url", YAML_REQUIRED, &url, ret_err))
        return false;
    if (!manifest_url_is_valid(url))
        return yaml_refuse(yaml_value(authority, "url"), ret_err,
                           "%.100s is not https://host[:port]", url);
    snprintf(l->m.authority_url, sizeof(l->m.authority_url), "%s", url);
    return take_anchors(l, authority, l->m.authority_anchors, &l->m.n_authority_anchors, ret_err);
}

static bool take_service(struct loading *l, struct yaml *services, size_t i,
                         struct idevs_error *ret_err)
{
    struct manifest_service *s = &l->m.services[l->m.n_services++];
    const char *name = yaml_key(services, i);
    struct yaml *body = yaml_at(services, i);
    const char *authority;

    if (!name_is_valid(name, LIMIT_SERVICE_NAME))
        return yaml_refuse_as(yaml_key_at(services, i), "name.invalid", ret_err, "service: %s",
                              name);
    snprintf(s->name, sizeof(s->name), "%s", name);
    if (!yaml_text(body, "authority", YAML_REQUIRED, &authority, ret_err))
        return false;
    if (!authority_is_valid(authority))
        return yaml_refuse(yaml_value(body, "authority"), ret_err, "%.100s is not host[:port]",
                           authority);
    snprintf(s->authority, sizeof(s->authority), "%s", authority);
    return take_anchors(l, body, s->anchors, &s->n_anchors, ret_err);
}

static int compare_services(const void *a, const void *b)
{
    return strcmp(((const struct manifest_service *)a)->name,
                  ((const struct manifest_service *)b)->name);
}

static bool take_services(struct loading *l, struct yaml *root, struct idevs_error *ret_err)
{
    struct yaml *services = NULL;

    if (!yaml_map(root, "services", YAML_OPTIONAL, &services, ret_err))
        return false;
    if (yaml_count(services) > LIMIT_SERVICES)
        return yaml_refuse(services, ret_err, "%zu services; at most %d are possible",
                           yaml_count(services), LIMIT_SERVICES);
    for (size_t i = 0; i < yaml_count(services); i++)
        if (!take_service(l, services, i, ret_err))
            return false;
    qsort(l->m.services, l->m.n_services, sizeof(l->m.services[0]), compare_services);
    return true;
}

/* `reads` or `writes`: marks the services that it names. */
static bool take_uses(struct yaml *root, const char *key, struct manifest *m, size_t flag_offset,
                      struct idevs_error *ret_err)
{
    struct yaml *list = NULL;

    if (!yaml_list(root, key, YAML_OPTIONAL, &list, ret_err))
        return false;
    for (size_t i = 0; i < yaml_count(list); i++) {
        const char *name;
        if (!yaml_text(yaml_at(list, i), NULL, YAML_REQUIRED, &name, ret_err))
            return false;
        const struct manifest_service *s = manifest_service(m, name);
        if (!s)
            return yaml_refuse_as(yaml_at(list, i), "manifest.unknown-service", ret_err, "%s: %s",
                                  key, name);
        bool *flag = (bool *)((char *)&m->services[s - m->services] + flag_offset);
        if (*flag)
            return yaml_refuse(yaml_at(list, i), ret_err, "%s names %s twice", key, name);
        *flag = true;
    }
    return true;
}

bool manifest_from_yaml(const char *path, struct buffer *b, struct idevs_error *ret_err)
{
    _cleanup_yaml_ struct yaml *root = yaml_load(path, CODE, ret_err);
    _cleanup_loading_ struct loading *l = alloc_zero(1, sizeof(*l));
    struct manifest *m = &l->m;

    if (!root || !take_name(root, m, ret_err) || !take_limits(root, m, ret_err) ||
        !take_back_end(root, m, ret_err) || !take_services(l, root, ret_err) ||
        !take_uses(root, "reads", m, offsetof(struct manifest_service, reads), ret_err) ||
        !take_uses(root, "writes", m, offsetof(struct manifest_service, writes), ret_err) ||
        !take_owner(root, m, ret_err) || !take_authority(l, root, ret_err) ||
        !yaml_done(root, ret_err))
        return false;
    _cleanup_buffer_ struct buffer encoded = buffer_up_to(LIMIT_MANIFEST);
    struct manifest *again = alloc_zero(1, sizeof(*again));
    /* What a compartment would refuse is refused here, where its owner can mend it. */
    bool fits = manifest_encode(m, &encoded);
    bool valid = fits && manifest_decode(buffer_bytes(&encoded), again, ret_err);
    free(again);
    if (!fits)
        return refuse_expecting(ret_err, "manifest.value", "at most 64 KiB with all anchors",
                                "%s: too large", path);
    return valid && (buffer_append_bytes(b, buffer_bytes(&encoded)) ||
                     refuse(ret_err, "manifest.value", "%s: too large", path));
}
