/* What a plugin says of a failure leaves the process by more ways than the log. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "error.h"
#include "host.h"
#include "redact.h"

static void errors_are_clean(void **state)
{
    (void)state;
    struct kist_error err = KIST_ERROR_INIT;
    struct kist_kept *kept = kist_kept_new("test", NULL);
    assert_non_null(kept);
    const struct kist_host host = kist_host_of(kept);
    assert_int_equal(kist_redact_add("open sesame"), 0);
    int code =
        (host.fail)(&host, &err, KIST_ERR_AUTH, "the server says: \033[2J'%s'\n\xff is wrong", "open sesame");
    assert_int_equal(code, KIST_ERR_AUTH);
    assert_string_equal(err.message, "the server says: \\x1b[2J'***'\\n\xef\xbf\xbd is wrong");
    host.hint(&host, &err, "try 'open sesame' again");
    assert_string_equal(err.hint, "try '***' again");
    /* A text that quotes the one before it. */
    assert_int_equal((host.fail)(&host, &err, KIST_ERR_AUTH, "twice: %s", err.message), KIST_ERR_AUTH);
    assert_string_equal(err.message, "twice: the server says: \\x1b[2J'***'\\n\xef\xbf\xbd is wrong");
    assert_null(err.hint);
    kist_error_done(&err);
    kist_kept_free(kept);
    kist_redact_forget();
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(errors_are_clean)};
    return cmocka_run_group_tests_name("host", tests, NULL, NULL);
}
