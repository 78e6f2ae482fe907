/* Rows of a database as somebody else may have left them: every column of any type. */
#ifndef IDEVS_FUZZ_ROWS_H
#define IDEVS_FUZZ_ROWS_H

#include "store/store.h"

#include "fuzz.h"

static inline int64_t next_int(struct reader *r)
{
    uint64_t v = 0;

    return reader_u64(r, &v) ? (int64_t)v : 0;
}

/* NULL, numbers, text, bytes, and the 32 zeros that the readers ask for. */
static inline void bind_next(struct statement *s, int i, struct reader *r)
{
    static const uint8_t ZEROS[32];
    char text[300];

    switch (next_u8(r) % 6) {
    case 1:
        bind_int(s, i, (int8_t)next_u8(r));
        break;
    case 2:
        text_from(next_part(r), text, sizeof(text));
        bind_text(s, i, text);
        break;
    case 3:
        bind_bytes(s, i, next_part(r));
        break;
    case 4:
        bind_bytes(s, i, bytes_of(ZEROS, sizeof(ZEROS)));
        break;
    case 5:
        bind_int(s, i, next_int(r));
        break;
    default:
        bind_text(s, i, NULL);
    }
}

/* One more row; what the table itself does not take is left out. */
static inline void insert_next(struct store *store, const char *sql, int n_columns,
                               struct reader *r)
{
    struct idevs_error err = {0};
    _cleanup_statement_ struct statement *s = store_prepare(store, sql, &err);

    must(s != NULL);
    for (int i = 1; i <= n_columns; i++)
        bind_next(s, i, r);
    (void)!statement_step(s, &err);
}

#endif
