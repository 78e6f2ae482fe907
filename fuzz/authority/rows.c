/* What the authority reads back from its registry, whoever wrote it. */
#include "authority/registry_store.h"

#include "empty.h"
#include "rows.h"

static const struct {
    const char *sql;
    int n_columns;
} TABLES[] = {
    {"INSERT INTO owners VALUES(?, ?, ?, ?, ?)", 5},
    {"INSERT INTO tokens VALUES(?, ?, ?)", 3},
    {"INSERT INTO platforms VALUES(?, ?, ?, ?, ?, ?, ?, ?, ?)", 9},
    {"INSERT INTO names VALUES(?, ?)", 2},
    {"INSERT INTO approvals VALUES(?, ?, ?, ?, ?, ?)", 6},
    {"INSERT INTO removals VALUES(?, ?)", 2},
    {"INSERT INTO revoked_executables VALUES(?, ?)", 2},
    {"INSERT INTO revocations VALUES(?, ?, ?, ?)", 4},
};

static void on_owner(const struct registry_owner *owner, void *context)
{
    (void)context;
    must(strnlen(owner->name, sizeof(owner->name)) < sizeof(owner->name));
}

static void on_platform(const struct registry_platform *platform, void *context)
{
    (void)context;
    must(platform->tier < TIERS && platform->back_ends && platform->description);
}

static void on_approval(const char *owner, const struct approval *approval, void *context)
{
    (void)context;
    must(owner && approval->program[0] && (approval->has_source || approval->has_executable));
}

static void read_all(struct registry *r)
{
    static const uint8_t ID[SHA256_LEN];
    struct registry_owner owner;
    struct appraisal_platform platform;
    struct appraisal_name name;
    struct idevs_error err = {0};
    uint8_t spki[SPKI_LEN];
    int64_t through;

    if (!registry_check_executable(r, ID, ID, &err))
        must_be_refusal(&err);
    must(registry_revoked_through(r, &through, &err));
    if (registry_find_owner(r, ID, &owner, &err))
        on_owner(&owner, NULL);
    else
        must_be_refusal(&err);
    if (registry_find_platform(r, ID, spki, &platform))
        must(platform.tier < TIERS && platform.n_back_ends <= LIMIT_BACK_ENDS);
    if (registry_name(r, "a", &name, &err))
        must(name.n_approvals <= LIMIT_APPROVALS && (name.is_owned || !name.n_approvals));
    must(registry_each_owner(r, on_owner, NULL, &err) &&
         registry_each_platform(r, on_platform, NULL, &err) &&
         registry_each_approval(r, on_approval, NULL, &err));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct registry *registry = fuzz_registry();
    struct idevs_error err = {0};
    struct reader r = reader_of(bytes_of(data, size));

    must(store_begin(registry->store, &err));
    for (int i = 0; i < 8 && reader_left(&r); i++) {
        size_t table = next_u8(&r) % ARRAY_LEN(TABLES);
        insert_next(registry->store, TABLES[table].sql, TABLES[table].n_columns, &r);
    }
    read_all(registry);
    store_rollback(registry->store);
    return 0;
}
