/* cmocka in the order that it wants its headers, and what every unit test uses. */
#ifndef IDEVS_TESTS_UNIT_TEST_H
#define IDEVS_TESTS_UNIT_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/error.h"

#define assert_refused(err, wanted) assert_string_equal((err)->code, (wanted))

#endif
