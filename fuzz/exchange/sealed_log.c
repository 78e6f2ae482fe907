/* A line sealed to its owner, as the launcher hands it over. The first byte says what the rest is:
 * 0 what was never sealed; 1 the block inside the seal; else a line for the program to seal. */
#include "exchange/attestation.h"

#include "fuzz.h"

#define PROGRAM "free-ride"

static const uint8_t OWNER[X25519_LEN] = {3};

/* u16 length, the line, zeros. */
static bool is_block(struct bytes block, struct bytes line)
{
    if (block.len < 2 + line.len || (size_t)(block.data[0] << 8 | block.data[1]) != line.len ||
        !bytes_equal(bytes_of(block.data + 2, line.len), line))
        return false;
    for (size_t i = 2 + line.len; i < block.len; i++)
        if (block.data[i] != 0)
            return false;
    return true;
}

static void open_block(const struct x25519_key *owner, struct bytes block, struct buffer *line)
{
    static const char INFO[] = LOG_INFO "\0" PROGRAM;
    uint8_t public_key[X25519_LEN];
    uint8_t enc[HPKE_ENC_LEN];
    struct hpke h;
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(MIB(1));

    x25519_public(owner, public_key);
    must(hpke_setup_sender(public_key, bytes_of(INFO, sizeof(INFO) - 1), NULL, enc, &h) &&
         buffer_append(&sealed, enc, sizeof(enc)) &&
         hpke_seal(&h, bytes_of("", 0), block, &sealed));
    if (log_open_line(owner, PROGRAM, buffer_bytes(&sealed), line))
        must(is_block(block, buffer_bytes(line)) && line->len <= LIMIT_LOG_LINE);
}

static void seal_line(const struct x25519_key *owner, struct bytes in, struct buffer *line)
{
    uint8_t public_key[X25519_LEN];
    _cleanup_buffer_ struct buffer sealed = buffer_up_to(MIB(1));

    x25519_public(owner, public_key);
    if (!log_seal(public_key, PROGRAM, in, &sealed)) {
        must(in.len > LIMIT_LOG_LINE && sealed.len == 0);
        return;
    }
    must(log_open_line(owner, PROGRAM, buffer_bytes(&sealed), line) &&
         bytes_equal(buffer_bytes(line), in));
    buffer_clear(line);
    must(!log_open_line(owner, "other", buffer_bytes(&sealed), line));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct x25519_key *owner;
    struct reader r = reader_of(bytes_of(data, size));
    uint8_t kind = next_u8(&r);
    _cleanup_buffer_ struct buffer line = buffer_up_to(MIB(1));

    if (!owner)
        owner = x25519_from_raw(OWNER);
    if (kind == 0)
        must(!log_open_line(owner, PROGRAM, all_left(&r), &line));
    else if (kind == 1)
        open_block(owner, all_left(&r), &line);
    else
        seal_line(owner, all_left(&r), &line);
    return 0;
}
