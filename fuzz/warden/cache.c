/* The warden's record of a build, as it may lie on a disk: first byte odd, the rest gets a digest
 * that is right. Nothing but the executable that was asked for is ever taken for it. */
#include "warden/cache.h"
#include "base/text.h"

#include "scratch.h"

static const struct origin ORIGIN;
static const char EXECUTABLE[] = "executable";

static void put_record(const char *kind, const uint8_t digest[SHA256_LEN], struct bytes record)
{
    char name[128];
    char hex[2 * SHA256_LEN + 1];

    hex_text(digest, SHA256_LEN, hex);
    snprintf(name, sizeof(name), "%s/%s", kind, hex);
    scratch_write(name, record);
}

static void ask(const uint8_t digest[SHA256_LEN])
{
    struct built built _cleanup_built_;
    struct origin origin;

    built_init(&built);
    if (cache_get(scratch_folder(), &ORIGIN, &built))
        must(bytes_equal_text(buffer_bytes(&built.bytes), EXECUTABLE) &&
             memcmp(built.executable, digest, SHA256_LEN) == 0 &&
             built.text.len <= LIMIT_COMPILER_TEXT);
    (void)!cache_origin(scratch_folder(), digest, &origin);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r = reader_of(bytes_of(data, size));
    static bool made;
    struct idevs_error err = {0};
    uint8_t digest[SHA256_LEN];
    uint8_t identity[SHA256_LEN];
    uint8_t check[SHA256_LEN];
    _cleanup_buffer_ struct buffer record = buffer_up_to(MIB(1));

    sha256(bytes_of_text(EXECUTABLE), digest);
    origin_identity(&ORIGIN, identity);
    bool checked = next_u8(&r) % 2;
    if (!buffer_append_bytes(&record, all_left(&r)))
        return 0;
    sha256(buffer_bytes(&record), check);
    must(!checked || buffer_append(&record, check, sizeof(check)));
    if (!made)
        must(cache_open(scratch_folder(), &err));
    made = true;
    put_record("executables", digest, bytes_of_text(EXECUTABLE));
    put_record("builds", identity, buffer_bytes(&record));
    put_record("origins", digest, buffer_bytes(&record));
    ask(digest);
    return 0;
}
