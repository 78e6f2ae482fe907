/* What records.c and its test agree on. */
#ifndef IDEVS_TESTS_COMPARTMENT_RECORDS_H
#define IDEVS_TESTS_COMPARTMENT_RECORDS_H

#define RECORDS 100
#define RECORD  64 /* bytes */
#define CANARY  56 /* hex digits, at its beginning */
#define SPARE   (1536 * 1024)

#endif
