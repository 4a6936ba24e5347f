// tests/litmus/help.c: jobs that stopped threads help with (gcstw/help.c). A stopper runs JOBS jobs in a row, each with a
// share for itself and a ticket for each of HELPERS threads, which look LOOKS times and may come in time, late, or when the
// next job is open already. The stopper writes what a job works on, lets go of it when the job is over, and uses what the
// calls have written: all of it plain memory, so that whatever is not ordered is a race. The world is stopped all the while.
//
// At stake: OPEN and TICKET, by which a call sees its job and what it works on; HAND_IN and GATHER, by which the stopper
// sees all that was done, and may change the job; that a ticket is taken, and the job closed, by a read-modify-write.
#include "orders.h"
#include "verbs.h"

#ifndef JOBS
#define JOBS 2
#endif
#ifndef HELPERS
#define HELPERS 1
#endif
#ifndef LOOKS
#define LOOKS 1
#endif
enum { TICKETS = 15, GENERATION = 16 }; // low half and unit of the high half of the word

static struct {
	_Atomic uint32_t word, out;
	int number; // the job, for `work` and `context`
	uint32_t most;
} job;
static int input, output[HELPERS + 1]; // of the job that is open
static bool over[JOBS];                // written by the stopper when it relies on it

static void work(int number, uint32_t index)
{
	assert(!over[number] && index <= HELPERS && input == number + 1 && output[index] == 0);
	output[index] = input;
}

// ---- helpers ----

static void hand_in(void) { tally_fetch_sub(&job.out, 1, HAND_IN); }

static bool try_ticket(uint32_t *word, uint32_t last)
{
	*word = tally_load(&job.word, relaxed);
	do {
		if (!(*word & TICKETS) || *word / GENERATION == last) return false;
#ifdef FAULT_TICKET_BLIND // takes one of whatever is there by now
		*word = tally_fetch_sub(&job.word, 1, TICKET);
		return true;
#endif
#ifdef FAULT_TICKET_STORE // two take the same one
		tally_store(&job.word, *word - 1, release);
		return true;
#endif
	} while (!tally_cas(&job.word, word, *word - 1, TICKET));
	return true;
}

static bool help_try(uint32_t *last)
{
	uint32_t word;
	if (!try_ticket(&word, *last)) return false;
	*last = word / GENERATION;
#ifdef FAULT_COUNT_FIRST // the stopper goes on while the call runs
	hand_in();
#endif
	work(job.number, job.most - (word & TICKETS));
#ifndef FAULT_COUNT_FIRST
	hand_in();
#endif
	return true;
}

static void *helper(void *unused)
{
	uint32_t last = 0;
	for (int i = 0; i < LOOKS; i++) help_try(&last);
	return unused;
}

// ---- the stopper ----

static void open_job(int number)
{
	uint32_t generation = tally_load(&job.word, relaxed) / GENERATION + 1;
#ifndef FAULT_OPEN_FIRST // a ticket can be had before the job is there
	job.number = number;
	job.most = HELPERS + 1;
#endif
	tally_store(&job.word, generation * GENERATION | HELPERS, OPEN);
#ifdef FAULT_OPEN_FIRST
	job.number = number;
	job.most = HELPERS + 1;
#endif
}

static uint32_t close_job(void)
{
#ifdef FAULT_STAYS_OPEN // whoever comes late still finds a ticket
	return job.most - 1 - (tally_load(&job.word, relaxed) & TICKETS);
#endif
#ifdef FAULT_CLOSE_STORE // a ticket that is taken meanwhile is not waited for
	uint32_t word = tally_load(&job.word, relaxed);
	tally_store(&job.word, word & ~(uint32_t)TICKETS, relaxed);
	return job.most - 1 - (word & TICKETS);
#endif
	return job.most - 1 - (tally_fetch_and(&job.word, ~(uint32_t)TICKETS, relaxed) & TICKETS);
}

static void wait_for_helpers(uint32_t taken)
{
#ifndef FAULT_NO_WAIT
	if (tally_fetch_add(&job.out, taken, GATHER) + taken == 0) return;
	__VERIFIER_assume(tally_load(&job.out, GATHER_LAST) == 0);
#else
	(void)taken;
#endif
}

static void run_job(int number)
{
	input = number + 1;
	for (int i = 0; i <= HELPERS; i++) output[i] = 0;
	open_job(number);
	work(number, 0);
	wait_for_helpers(close_job());
	over[number] = true;
	for (int i = 0; i <= HELPERS; i++) assert(output[i] == 0 || output[i] == input);
}

static void *stopper(void *unused)
{
	for (int i = 0; i < JOBS; i++) run_job(i);
	return unused;
}

int main(void)
{
	pthread_t threads[HELPERS + 1];
	pthread_create(&threads[0], NULL, stopper, NULL);
	for (int i = 1; i <= HELPERS; i++) pthread_create(&threads[i], NULL, helper, NULL);
	for (int i = 0; i <= HELPERS; i++) pthread_join(threads[i], NULL);
	assert(job.out == 0 && !(job.word & TICKETS));
	return 0;
}
