// tests/tap_test.c: the harness tested by itself. A harness that cannot fail proves nothing, so each test here starts
// this same program again with the name of a scene, in which something goes wrong on purpose, and looks at what came
// out and at the exit status.
#include "tap.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

// ---- the scenes ----

static void a_passing_test(void) { CHECK(true); }

static void a_failing_test(void)
{
	int three = 3;
	CHECK(three == 4);
	CHECK_EQ(three, 4);
	CHECK_EQ(-1, UINT64_MAX);
	CHECK_STR("one\nline", NULL);
	CHECK_PTR(&three, NULL);
}

static void passes(void)
{
	CHECK_EQ((unsigned char)200, 200L);
	CHECK_EQ(-1, (long long)-1);
	CHECK_EQ(UINT64_MAX, UINT64_MAX);
	CHECK_EQ(true, 1);
	CHECK_STR("a", "a");
	CHECK_STR(NULL, NULL);
	CHECK_PTR(NULL, NULL);
}

static void *fail_often(void *unused)
{
	for (int i = 0; i < 200; i++)
		CHECK_EQ(i, -1);
	return unused;
}

static void fails_on_four_threads(void)
{
	pthread_t threads[4];
	for (int i = 0; i < 4; i++)
		pthread_create(&threads[i], NULL, fail_often, NULL);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
}

static void takes_a_seed_and_fails(void) { CHECK_EQ(tap_seed(), 0); }
static void hangs(void) { pause(); }
static void crashes(void) { raise(SIGKILL); }
static void a_hook_that_fails(void) { CHECK(!"nothing leaked"); }

static int play(const char *scene)
{
	if (strcmp(scene, "skip all") == 0) {
		tap_begin();
		tap_skip_all("no such machine");
	}
	tap_begin();
	TAP_RUN(a_passing_test);
	if (strcmp(scene, "pass") == 0) TAP_RUN(passes);
	if (strcmp(scene, "fail") == 0) TAP_RUN(a_failing_test);
	if (strcmp(scene, "threads") == 0) TAP_RUN(fails_on_four_threads);
	if (strcmp(scene, "seed") == 0) TAP_RUN(takes_a_seed_and_fails);
	if (strcmp(scene, "crash") == 0) TAP_RUN(crashes);
	if (strcmp(scene, "skip") == 0) tap_skip("needs_a_moon", "no moon tonight");
	if (strcmp(scene, "outside") == 0) CHECK(!"outside");
	if (strcmp(scene, "hook") == 0) {
		tap_after_each(a_hook_that_fails);
		TAP_RUN(a_passing_test);
	}
	if (strcmp(scene, "hang") == 0) {
		tap_watchdog(1);
		TAP_RUN(hangs);
	}
	return tap_end();
}

// ---- the tests ----

static char output[1 << 20]; // what the last scene printed
static int status;           // its exit status, or minus the signal that ended it

static void run_scene(const char *scene)
{
	int channel[2];
	output[0] = '\0';
	status = -1000;
	if (!CHECK(pipe(channel) == 0)) return;
	pid_t child = fork();
	if (child == 0) {
		dup2(channel[1], STDOUT_FILENO);
		close(channel[0]);
		close(channel[1]);
		execl("/proc/self/exe", "tap_test", scene, (char *)NULL);
		_exit(127);
	}
	close(channel[1]);
	size_t size = 0;
	ssize_t got;
	while ((got = read(channel[0], output + size, sizeof output - 1 - size)) > 0)
		size += (size_t)got;
	output[size] = '\0';
	close(channel[0]);
	int ended = 0;
	waitpid(child, &ended, 0);
	status = WIFSIGNALED(ended) ? -WTERMSIG(ended) : WEXITSTATUS(ended);
}

static bool printed(const char *text) { return strstr(output, text) != NULL; }

static void a_run_that_passes_ends_with_its_plan_and_status_0(void)
{
	run_scene("pass");
	CHECK_EQ(status, 0);
	CHECK(strncmp(output, "TAP version 13\n", 15) == 0);
	CHECK(printed("\nok 1 - a passing test\nok 2 - passes\n1..2\n"));
	CHECK(!printed("not ok"));
}

static void a_failed_check_fails_its_test_and_the_program(void)
{
	run_scene("fail");
	CHECK_EQ(status, 1);
	CHECK(printed("\nok 1 - a passing test\n"));
	CHECK(printed("\nnot ok 2 - a failing test\n1..2\n"));
}

static void a_failed_check_prints_place_expressions_and_values(void)
{
	run_scene("fail");
	CHECK(printed("tap_test.c:"));
	CHECK(printed("CHECK(three == 4) failed\n"));
	CHECK(printed("#     three: 3\n#     4: 4\n"));
	CHECK(printed("#     -1: -1\n"));
	CHECK(printed(": 18446744073709551615\n"));
	CHECK(printed(": \"one\\x0aline\"\n"));
	CHECK(printed("NULL: NULL\n"));
	CHECK(printed("#     &three: 0x"));
}

static void lines_of_many_threads_stay_whole(void)
{
	run_scene("threads");
	CHECK_EQ(status, 1);
	int lines = 0, whole = 0;
	for (char *line = strtok(output, "\n"); line; line = strtok(NULL, "\n")) {
		lines++;
		int value, used = 0;
		bool first = strstr(line, "tap_test.c:") && strstr(line, ": not equal");
		bool second = sscanf(line, "# i: %d%n", &value, &used) == 1 && line[used] == '\0';
		bool third = strcmp(line, "#     -1: -1") == 0;
		whole += first || second || third;
	}
	CHECK_EQ(whole, 4 * 200 * 3);
	CHECK_EQ(lines, 4 * 200 * 3 + 5); // the version, the scale, two points and the plan
}

static void a_skipped_test_says_why_and_counts_as_passed(void)
{
	run_scene("skip");
	CHECK_EQ(status, 0);
	CHECK(printed("\nok 2 - needs a moon # SKIP no moon tonight\n1..2\n"));
}

static void a_program_can_skip_itself(void)
{
	run_scene("skip all");
	CHECK_EQ(status, 0);
	CHECK(printed("\n1..0 # SKIP no such machine\n"));
}

static void a_check_in_a_hook_counts_for_the_test(void)
{
	run_scene("hook");
	CHECK_EQ(status, 1);
	CHECK(printed("\nnot ok 2 - a passing test\n"));
}

static void a_failed_check_outside_of_the_tests_is_not_lost(void)
{
	run_scene("outside");
	CHECK_EQ(status, 1);
	CHECK(printed("\nnot ok 2 - every check outside of the tests holds\n1..2\n"));
}

static void a_seed_is_taken_from_the_environment_and_its_failure_can_be_repeated(void)
{
	setenv("TALLY_SEED", "4711", 1);
	run_scene("seed");
	unsetenv("TALLY_SEED");
	CHECK_EQ(status, 1);
	CHECK(printed("#     tap_seed(): 4711\n"));
	CHECK(printed("not ok 2 - takes a seed and fails\n# repeat with: TALLY_SEED=4711 tap_test seed\n"));
}

static void a_seed_that_is_no_number_ends_the_program(void)
{
	setenv("TALLY_SEED", "many", 1);
	run_scene("seed");
	unsetenv("TALLY_SEED");
	CHECK_EQ(status, 99);
	CHECK(printed("Bail out! TALLY_SEED is not a number: many\n"));
}

static void the_watchdog_names_the_test_that_hangs(void)
{
	setenv("TALLY_WATCHDOG_FACTOR", "1", 1);
	run_scene("hang");
	CHECK_EQ(status, 99);
	CHECK(printed("Bail out! still running after 1 s: hangs\n"));
}

static void a_crash_loses_nothing_that_was_reported_and_leaves_no_plan(void)
{
	run_scene("crash");
	CHECK_EQ(status, -SIGKILL);
	CHECK(printed("\nok 1 - a passing test\n"));
	CHECK(!printed("\n1.."));
}

static void sizes_scale_with_the_build_and_keep_their_type(void)
{
	CHECK_EQ(tap_scale(1000), 10 * TALLY_TEST_SCALE);
	CHECK_EQ(tap_scale(1), TALLY_TEST_SCALE < 200 ? 1 : TALLY_TEST_SCALE / 100);
	CHECK_EQ(tap_scale(0), 0);
	CHECK_EQ(sizeof tap_scale((size_t)1), sizeof(size_t));
	CHECK(_Generic(tap_scale(1), int: true, default: false));
}

int main(int count, char **arguments)
{
	if (count > 1) return play(arguments[1]);
	tap_begin();
	TAP_RUN(a_run_that_passes_ends_with_its_plan_and_status_0);
	TAP_RUN(a_failed_check_fails_its_test_and_the_program);
	TAP_RUN(a_failed_check_prints_place_expressions_and_values);
	TAP_RUN(lines_of_many_threads_stay_whole);
	TAP_RUN(a_skipped_test_says_why_and_counts_as_passed);
	TAP_RUN(a_program_can_skip_itself);
	TAP_RUN(a_check_in_a_hook_counts_for_the_test);
	TAP_RUN(a_failed_check_outside_of_the_tests_is_not_lost);
	TAP_RUN(a_seed_is_taken_from_the_environment_and_its_failure_can_be_repeated);
	TAP_RUN(a_seed_that_is_no_number_ends_the_program);
	TAP_RUN(the_watchdog_names_the_test_that_hangs);
	TAP_RUN(a_crash_loses_nothing_that_was_reported_and_leaves_no_plan);
	TAP_RUN(sizes_scale_with_the_build_and_keep_their_type);
	return tap_end();
}
