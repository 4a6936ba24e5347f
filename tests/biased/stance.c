// tests/biased/stance.c: how a report shows a thread that waits for its turn to stop the world, which no public call
// can be held up in.
#include "fixture.h"
#include "turns.h"
#include "variant.h"

static stage at, attached_stoppers;

static void *come_to_no_point(void *unused)
{
	(void)unused;
	tally_token token = attached();
	while (!has_reached(&at, 1)) sched_yield();
	tally_thread_detach(token);
	return NULL;
}

static void *stop_and_start(void *unused)
{
	(void)unused;
	tally_token token = attached();
	atomic_fetch_add(&attached_stoppers, 1);
	while (!has_reached(&attached_stoppers, 2)) sched_yield(); // no point between here and the stop
	variant_world_stop();
	variant_world_start();
	tally_thread_detach(token);
	return NULL;
}

static unsigned count(const char *words)
{
	char report[4096];
	unsigned found = 0;
	tally_threads_report(report, sizeof report);
	for (const char *next = report; (next = strstr(next, words)); next++) found++;
	return found;
}

static void await_threads(unsigned number, const char *words)
{
	while (count(words) != number) sched_yield();
}

static void of_two_stoppers_one_stops_and_the_other_waits_for_its_turn(void)
{
	reach(&at, 0);
	reach(&attached_stoppers, 0);
	CHECK_EQ(tally_blocking_begin(), 0);
	pthread_t runner = spawn(come_to_no_point, NULL);
	await_threads(1, ": is attached; ");
	pthread_t stoppers[] = {spawn(stop_and_start, NULL), spawn(stop_and_start, NULL)};
	await_threads(1, ": began to stop the world ");
	await_threads(1, ": waits for its turn to stop the world; ");
	CHECK_EQ(count(" ms ago and has not come to a point; "), 1);
	reach(&at, 1);
	pthread_join(runner, NULL);
	pthread_join(stoppers[0], NULL);
	pthread_join(stoppers[1], NULL);
	CHECK_EQ(tally_blocking_end(), 0);
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(of_two_stoppers_one_stops_and_the_other_waits_for_its_turn);
	return tap_end();
}
