// gcstw/help.c: one job at a time, its tickets, and those who took one.
//
// A job is a function and its context. The stopper opens it by storing a new generation and the number of its tickets in
// one word; whoever takes a ticket has a call of its own to make. The stopper makes the first call itself, closes the job
// by wiping out the tickets that are left, and waits for those who hold one, and for nobody else: it adds their number to
// `out`, from which each subtracts one after its call (as with slot_running, some may have done so before).
//
//   word   63           32 31             0
//          | generation   | tickets left   |     none left: closed
//
// A helper is woken by a futex wake on its slot's word, which does not change; it finds the slot claimed as before, looks
// for the job, and sleeps again when there is none. So whoever misses a wake, or comes when the tickets are gone, has only
// not helped. Everybody looks at the slot's word first: a start is never missed. docs/stopping.md has the whole.
//
// I1  A ticket is taken from an open job only, so calls are made in a stopped world only, and no index twice: it follows
//     from the tickets that were left. The generation makes every job's word differ from all words seen before it.
// I2  When variant_world_help returns, no ticket is left, `out` is 0, and nobody touches the job's context any more.
// I3  work, context and most are written while the job is closed and `out` is 0, and read by holders of a ticket.
// I4  A thread makes at most one call of a job.
#include "help.h"
#include "slot.h"
#include "variant.h"

enum { SPIN = TALLY_SPINS(400) }; // some ten microseconds: as long as the shares of one job may differ
#define TICKETS ((uint64_t)UINT32_MAX)

static struct {
	_Alignas(64) _Atomic uint64_t word;
	void (*work)(void *context, unsigned index); // this and the next two: plain, see I3
	void *context;
	unsigned most;
	_Alignas(64) _Atomic uint32_t out; // tickets whose holders are not done, once the job is closed
	_Atomic uint32_t sleepers;         // threads in help_sleep; relaxed: it spares the stopper a search, no more
} job;

static uint32_t tickets_left(uint64_t word) { return (uint32_t)(word & TICKETS); }
static uint32_t generation_of(uint64_t word) { return (uint32_t)(word >> 32); }

void help_reset(void)
{
	tally_store(&job.word, 0, relaxed);
	tally_store(&job.out, 0, relaxed);
	tally_store(&job.sleepers, 0, relaxed);
}

// ---- helpers ----

static void hand_in(void)
{
	// order: release what the call wrote, and its last look at the job; pairs with wait_for_helpers. Else: the stopper
	// misses a part of the work, or changes the job under a call.
	if (tally_fetch_sub(&job.out, 1, release) == 1) tally_wake(&job.out, 1);
}

bool help_try(uint32_t *last)
{
	uint64_t word = tally_load(&job.word, relaxed);
	do {
		if (!tickets_left(word) || generation_of(word) == *last) return false;
		// order: acquire the job and what the stopper wrote before; pairs with open_job. Else: the call is the last job's,
		// or works on what it does not see.
	} while (!tally_cas(&job.word, &word, word - 1, acquire));
	*last = generation_of(word);
	job.work(job.context, job.most - tickets_left(word));
	hand_in();
	return true;
}

void help_sleep(const _Atomic uint32_t *p, uint32_t seen)
{
	tally_fetch_add(&job.sleepers, 1, relaxed);
	tally_wait(p, seen, TALLY_FOREVER);
	tally_fetch_sub(&job.sleepers, 1, relaxed);
}

// ---- the stopper ----

static void open_job(void (*work)(void *context, unsigned index), void *context, unsigned most)
{
	uint64_t generation = generation_of(tally_load(&job.word, relaxed)) + 1u;
	job.work = work;
	job.context = context;
	job.most = most;
	// order: release the job and everything that it works on; pairs with help_try. Else: a helper makes the call of the
	// last job, or works on what it does not see.
	tally_store(&job.word, generation << 32 | (most - 1), release);
}

// Who is awake comes without being asked; who is on its way to sleep misses this job. A thread that has slept once keeps
// WAITER until the start, so the same few are woken each time.
static void wake_helpers(unsigned wanted)
{
	unsigned sleepers = tally_load(&job.sleepers, relaxed);
	if (wanted > sleepers) wanted = sleepers;
	for (unsigned tag = 1; wanted && tag < SLOT_TAGS && tally_slots[tag]; tag++) {
		const _Atomic uint64_t *word = &tally_slots[tag]->word;
		if (!(tally_load(word, relaxed) & SLOT_WAITER)) continue;
		tally_wake(tally_low_half(word), 1);
		wanted--;
	}
}

// From now on nobody takes a ticket. Returns how many have been taken.
static uint32_t close_job(void) { return job.most - 1 - tickets_left(tally_fetch_and(&job.word, ~TICKETS, relaxed)); }

static void wait_for_helpers(uint32_t taken)
{
	// order: acquire what the helpers wrote, and their last look at the job; pairs with hand_in. Else: a part of the work
	// is missed, or the job changes under a call.
	uint32_t left = tally_fetch_add(&job.out, taken, acquire) + taken;
	for (int tries = 0; left; tries++) {
		if (tries < SPIN) tally_spin_pause();
		else tally_wait(&job.out, left, TALLY_FOREVER);
		// order: acquire, as above; pairs with hand_in. Else: as above.
		left = tally_load(&job.out, acquire);
	}
}

void variant_world_help(void (*work)(void *context, unsigned index), void *context, unsigned most)
{
	if (most < 2) {
		work(context, 0);
		return;
	}
	open_job(work, context, most);
	wake_helpers(most - 1);
	work(context, 0);
	wait_for_helpers(close_job());
}
