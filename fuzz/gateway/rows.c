/* What the gateway reads back from its folder, whoever wrote it: rows of write_once and of states,
 * and the vault's key. Nothing that the vault did not seal for its place is ever handed out. */
#include "gateway/ledger.h"
#include "gateway/memory.h"
#include "gateway/states.h"

#include "rows.h"
#include "scratch.h"

#define NOW     INT64_C(1800000000)
#define PROGRAM "a"

static struct key *key;
static struct memory memory;
static struct ledger ledger = {.vault = &memory.vault};

static void open_memory(void)
{
    struct idevs_error err = {0};

    key = key_generate();
    must(memory_open(scratch_file("state"), key, NULL, &memory, &err));
}

static bool is_sealed(const struct vault_place *place, struct reader *r, struct buffer *b)
{
    return next_u8(r) % 2 && vault_seal(&memory.vault, place, next_part(r), b);
}

/* A stored response comes back only when it was sealed for this program and key. */
static void read_once(struct reader *r)
{
    static const uint8_t DIGEST[SHA256_LEN];
    const struct ledger_key at = {.program = PROGRAM, .key = "k"};
    const struct vault_place place = {.kind = "once", .program = PROGRAM, .name = "k"};
    enum ledger_verdict verdict = LEDGER_REFUSED;
    struct idevs_error err = {0};
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(MIB(1));
    _cleanup_buffer_ struct buffer response = buffer_up_to(MIB(1));
    bool ours = is_sealed(&place, r, &sealed);

    insert_next(memory.store,
                "INSERT INTO once(program, key, digest, boot, state, created, response)"
                " VALUES(?, ?, ?, ?, ?, ?, ?)",
                7, r);
    if (ours) {
        _cleanup_statement_ struct statement *s =
            store_prepare(memory.store, "UPDATE once SET response = ?", &err);
        bind_bytes(s, 1, buffer_bytes(&sealed));
        must(statement_step(s, &err) == STEP_DONE);
    }
    must(ledger_begin(&ledger, memory.store, &at, DIGEST, NOW, &verdict, &response, &err));
    must(verdict != LEDGER_REPLAY || ours);
    if (verdict == LEDGER_REFUSED)
        must_be_refusal(&err);
}

static void read_state(struct reader *r)
{
    const struct state_request get = {.name = "n"};
    enum state_verdict verdict = STATE_REFUSED;
    struct idevs_error err = {0};
    int64_t version = 0;
    _cleanup_buffer_ struct buffer value = buffer_up_to(MIB(1));

    insert_next(memory.store, "INSERT INTO state VALUES(?, ?, ?, ?)", 4, r);
    if (state_request_run(&get, memory.store, &memory.vault, PROGRAM, &verdict, &version, &value,
                          &err))
        must(verdict == STATE_ABSENT); /* nothing was sealed */
    else
        must_be_refusal(&err);
}

static void read_vault_key(struct reader *r)
{
    struct vault vault;
    struct idevs_error err = {0};

    scratch_write("vault.key", all_left(r));
    must(!vault_open(scratch_folder(), key, NULL, &vault, &err)); /* it is sealed to our key */
    must_be_refusal(&err);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    struct idevs_error err = {0};
    uint8_t kind = next_u8(&r) % 3;

    if (!key)
        open_memory();
    if (kind == 2) {
        read_vault_key(&r);
        return 0;
    }
    must(store_begin(memory.store, &err));
    (kind ? read_state : read_once)(&r);
    store_rollback(memory.store);
    return 0;
}
