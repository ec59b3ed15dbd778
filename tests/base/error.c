/* Errors. */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/base.h"

static void a_failure_has_status_and_words(void **state)
{
    (void)state;
    silt_error err = {SILT_IO, 5, "old", "old hint"};
    assert_int_equal(silt_fail(&err, SILT_INVALID, "option '%s': %d", "x", 3), SILT_INVALID);
    assert_int_equal(err.status, SILT_INVALID);
    assert_int_equal(err.cause, 0);
    assert_string_equal(err.message, "option 'x': 3");
    assert_string_equal(err.hint, "");
}

static void nobody_has_to_listen(void **state)
{
    (void)state;
    assert_int_equal(silt_fail(NULL, SILT_IO, "x"), SILT_IO);
    assert_int_equal(silt_fail_errno(NULL, EEXIST, "x"), SILT_EXISTS);
    assert_int_equal(silt_wrap(NULL, SILT_IO, "x"), SILT_IO);
    assert_int_equal(silt_hint(NULL, SILT_IO, "x"), SILT_IO);
    assert_int_equal(silt_fail_nomem(NULL), SILT_NOMEM);
}

static void context_goes_before_and_keeps_cause_and_hint(void **state)
{
    (void)state;
    silt_error err = {0};
    silt_fail_errno(&err, ENOENT, "open '%s'", "a.csv");
    silt_hint(&err, err.status, "look at the %s", "path");
    assert_int_equal(silt_wrap(&err, SILT_CHANGED, "batch %d", 7), SILT_CHANGED);
    assert_int_equal(err.status, SILT_CHANGED);
    assert_int_equal(err.cause, ENOENT);
    assert_string_equal(err.message, "batch 7: open 'a.csv': No such file or directory");
    assert_string_equal(err.hint, "look at the path");
}

static void context_stands_alone_where_there_was_no_message(void **state)
{
    (void)state;
    silt_error err = {0};
    silt_wrap(&err, SILT_UNSURE, "commit");
    assert_string_equal(err.message, "commit");
}

static void errno_chooses_the_status(void **state)
{
    (void)state;
    const struct {
        int errnum;
        silt_status status;
    } cases[] = {
        {ENOENT, SILT_NOT_FOUND}, {ENOTDIR, SILT_NOT_FOUND}, {EEXIST, SILT_EXISTS},
        {EACCES, SILT_DENIED},    {EPERM, SILT_DENIED},      {EROFS, SILT_DENIED},
        {ENOSPC, SILT_NOSPACE},   {EDQUOT, SILT_NOSPACE},    {ENOMEM, SILT_NOMEM},
        {EIO, SILT_IO},           {EINVAL, SILT_IO},         {0, SILT_IO},
    };
    for (size_t i = 0; i < SILT_COUNT(cases); i++) {
        silt_error err = {0};
        assert_int_equal(silt_fail_errno(&err, cases[i].errnum, "x"), cases[i].status);
        assert_int_equal(err.cause, cases[i].errnum);
        assert_true(silt_starts_with(err.message, "x: "));
    }
}

static void arguments_may_point_into_the_error(void **state)
{
    (void)state;
    silt_error err = {0};
    silt_fail(&err, SILT_IO, "first");
    silt_fail(&err, SILT_IO, "%s, then second", err.message);
    assert_string_equal(err.message, "first, then second");
    silt_wrap(&err, SILT_IO, "(%s)", err.message);
    assert_string_equal(err.message, "(first, then second): first, then second");
    silt_hint(&err, SILT_IO, "%s", err.message);
    silt_hint(&err, SILT_IO, "%s!", err.hint);
    assert_string_equal(err.hint, "(first, then second): first, then second!");
}

static void messages_are_one_line(void **state)
{
    (void)state;
    silt_error err = {0};
    silt_fail(&err, SILT_IO, "a\nb\tc\x7f\x1b[31m %s", "d\r\n");
    assert_string_equal(err.message, "a b c  [31m d  ");
}

/* Whatever is cut, it is cut between characters and says so. */
static void long_messages_end_in_an_ellipsis(void **state)
{
    (void)state;
    char text[3000];
    for (size_t shift = 0; shift < 4; shift++) {
        memset(text, 'x', shift);
        for (size_t i = shift; i + 4 < sizeof(text); i += 4)
            memcpy(text + i, "\xf0\x9f\x98\x80", 5);
        silt_error err = {0};
        silt_fail(&err, SILT_IO, "%s", text);
        silt_hint(&err, SILT_IO, "%s", text);
        assert_true(strlen(err.message) > 1010 && strlen(err.hint) > 500);
        assert_true(silt_utf8_valid(silt_bytes_of(err.message)));
        assert_true(silt_utf8_valid(silt_bytes_of(err.hint)));
        assert_true(silt_ends_with(err.message, "\xe2\x80\xa6"));
        silt_wrap(&err, SILT_IO, "context");
        assert_true(silt_starts_with(err.message, "context: "));
        assert_true(silt_utf8_valid(silt_bytes_of(err.message)));
        assert_true(silt_ends_with(err.message, "\xe2\x80\xa6"));
    }
}

static void a_message_that_just_fits_is_whole(void **state)
{
    (void)state;
    silt_error err = {0};
    silt_fail(&err, SILT_IO, "%01023d", 7);
    assert_int_equal(strlen(err.message), 1023);
    assert_int_equal(err.message[1022], '7');
}

static void every_status_has_a_name_of_its_own(void **state)
{
    (void)state;
    for (int a = SILT_OK; a <= SILT_FENCED; a++) {
        assert_string_not_equal(silt_status_name((silt_status)a), "unknown");
        for (int b = SILT_OK; b < a; b++)
            assert_string_not_equal(silt_status_name((silt_status)a),
                                    silt_status_name((silt_status)b));
    }
    assert_string_equal(silt_status_name(SILT_NOT_FOUND), "not_found");
    assert_string_equal(silt_status_name((silt_status)1000), "unknown");
}

static silt_status fails_with(silt_status status)
{
    SILT_TRY(status);
    return SILT_FENCED;
}

static void try_passes_a_failure_up(void **state)
{
    (void)state;
    assert_int_equal(fails_with(SILT_IO), SILT_IO);
    assert_int_equal(fails_with(SILT_OK), SILT_FENCED);
    int major, minor, patch;
    assert_int_equal(sscanf(silt_version(), "%d.%d.%d", &major, &minor, &patch), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_failure_has_status_and_words),
        cmocka_unit_test(nobody_has_to_listen),
        cmocka_unit_test(context_goes_before_and_keeps_cause_and_hint),
        cmocka_unit_test(context_stands_alone_where_there_was_no_message),
        cmocka_unit_test(errno_chooses_the_status),
        cmocka_unit_test(arguments_may_point_into_the_error),
        cmocka_unit_test(messages_are_one_line),
        cmocka_unit_test(long_messages_end_in_an_ellipsis),
        cmocka_unit_test(a_message_that_just_fits_is_whole),
        cmocka_unit_test(every_status_has_a_name_of_its_own),
        cmocka_unit_test(try_passes_a_failure_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
