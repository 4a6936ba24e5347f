// tests/tap.h: the harness of the test programs. A program is a list of functions whose names are sentences; each gives
// one line of TAP version 13, which `meson test` and `prove` read. (Version 14 would be refused by prove.)
//
//     static void a_new_list_is_empty(void) { ... CHECK_EQ(size, 0); ... }
//
//     int main(void)
//     {
//             tap_begin();
//             TAP_RUN(a_new_list_is_empty);
//             return tap_end();
//     }
//
// A check that fails marks the running test as failed, says what it saw, and goes on; it returns false, so that a test
// may stop where going on makes no sense: `if (!CHECK(list)) return;`. Checks and notes may come from any thread, as
// long as the test joins that thread. A child made by fork reports by its exit status, not by checks.
#ifndef TALLY_TESTS_TAP_H
#define TALLY_TESTS_TAP_H

#include <stdbool.h>
#include <stdint.h>

void tap_begin(void);
int tap_end(void); // prints the plan; the exit status of the program: 0, or 1 when a test failed

#define TAP_RUN(test) tap_run(#test, (test))
void tap_run(const char *name, void (*test)(void));
void tap_skip(const char *name, const char *reason); // stands in main where TAP_RUN would
_Noreturn void tap_skip_all(const char *reason);     // first thing after tap_begin: ends the program with status 0
_Noreturn void tap_bail_out(const char *reason);     // nothing more can be tested: ends the program with status 99
void tap_note(const char *format, ...) __attribute__((format(printf, 1, 2)));

// A function to run before or after each test; its checks count for the test.
void tap_before_each(void (*hook)(void));
void tap_after_each(void (*hook)(void));

// Ends the program with `Bail out!`, the running test's name and status 99 once `seconds` times the environment's
// TALLY_WATCHDOG_FACTOR (1 if unset) have passed: a deadlock is then reported by name. Call it once, in main.
void tap_watchdog(unsigned seconds);

// The seed of this run's random numbers: TALLY_SEED from the environment, else from the clock. The first call prints
// the command that repeats the run, and so does each test that fails after it.
uint64_t tap_seed(void);

// `n` scaled to the build (-Dtest_scale, in percent), at least 1, in the type of `n`: for counts of repetitions, which
// sanitizer builds shrink and the long set raises.
#define tap_scale(n) ((__typeof__((n) + 0))tap_scaled((uint64_t)(n)))
uint64_t tap_scaled(uint64_t n);

#define CHECK(condition) tap_check((condition), __FILE__, __LINE__, "CHECK(" #condition ")")
bool tap_check(bool condition, const char *file, int line, const char *text);

// Integers of any two types, compared by value: -1 does not equal UINT64_MAX. Anything else does not compile.
#define CHECK_EQ(a, b) tap_check_eq(TAP_INTEGER(a), TAP_INTEGER(b), __FILE__, __LINE__, #a, #b)
// C strings, NULL allowed.
#define CHECK_STR(a, b) tap_check_str((a), (b), __FILE__, __LINE__, #a, #b)
#define CHECK_PTR(a, b) tap_check_ptr((a), (b), __FILE__, __LINE__, #a, #b)

// The value, and whether its type has a sign: together they tell any two integers apart.
struct tap_integer {
	uint64_t bits;
	bool is_signed;
};
#define TAP_INTEGER(x)                                                                                                 \
	((struct tap_integer){(uint64_t)(x), _Generic((x) + 0, int: true, long: true, long long: true,                 \
	                                              unsigned: false, unsigned long: false,                           \
	                                              unsigned long long: false)})

bool tap_check_eq(struct tap_integer a, struct tap_integer b, const char *file, int line, const char *a_text,
                  const char *b_text);
bool tap_check_str(const char *a, const char *b, const char *file, int line, const char *a_text, const char *b_text);
bool tap_check_ptr(const volatile void *a, const volatile void *b, const char *file, int line, const char *a_text,
                   const char *b_text);

#endif
