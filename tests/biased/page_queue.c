// tests/biased/page_queue.c: drops that wait for an object's owner, seen in the bits of its page: the invariants of
// biased/page_queue.c. The owner is the thread of the test, which waits at no point of any kind.
#include "fixture.h"
#include "page_queue.h"
#include "turns.h"
#include "variant.h"

static stage at;
static tally_object *subject;
static unsigned drops;

// Whether the object is queued; checks that nothing else in its page is.
static bool is_queued(tally_object *object)
{
	struct tally_page *page = tally_page_of(object);
	unsigned index = tally_block_index(page, object);
	bool found = false;
	for (unsigned word = 0; word < TALLY_BIT_WORDS; word++) {
		uint64_t bits = tally_load(&tally_page_queued(page)[word], acquire);
		if (word == index / 64) {
			found = bits >> index % 64 & 1;
			bits &= ~((uint64_t)1 << index % 64);
		}
		CHECK_EQ(bits, 0);
	}
	uint64_t summary = tally_load(&page->summary, relaxed);
	CHECK_EQ(summary, found ? (uint64_t)1 << index / 64 : 0);
	return found;
}

static void *drop_the_subject(void *unused)
{
	(void)unused;
	tally_token token = attached();
	for (unsigned i = 0; i < drops; i++) tally_decref(subject);
	CHECK_EQ(tally_thread_detach(token), 0);
	reach(&at, 1);
	return NULL;
}

// Has another thread drop `count` references of the subject's, and comes to no point meanwhile.
static void have_dropped(unsigned count)
{
	drops = count;
	reach(&at, 0);
	pthread_t other = spawn(drop_the_subject, NULL);
	while (!has_reached(&at, 1)) sched_yield();
	pthread_join(other, NULL);
}

static unsigned state_of(tally_object *object) { return shared_state(tally_load(&object->shared, acquire)); }

static void an_object_is_queued_once_however_many_drop_it(void)
{
	subject = probe(fixture_probe_type(), 0);
	for (int i = 0; i < 5; i++) tally_incref(subject); // few enough for the hard build, whose counts spill at 7
	CHECK(!is_queued(subject));
	for (int i = 0; i < 3; i++) {
		have_dropped(1);
		CHECK(is_queued(subject));
		CHECK_EQ(state_of(subject), COUNT_QUEUED);
		CHECK_EQ(shared_count(tally_load(&subject->shared, relaxed)), -i); // the first drop is the queue's reference
	}
	CHECK_EQ(tally_safepoint(), 0);
	CHECK(!is_queued(subject));
	CHECK_EQ(state_of(subject), COUNT_MERGED);
	CHECK_EQ(tally_refcount(subject), 3);
	for (int i = 0; i < 2; i++) {
		have_dropped(1);
		CHECK(!is_queued(subject)); // never again
		CHECK_EQ(state_of(subject), COUNT_MERGED);
	}
	CHECK_EQ(tally_refcount(subject), 1);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	tally_decref(subject);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
}

static void a_queued_object_lives_until_its_owner_looks(void)
{
	subject = probe(fixture_probe_type(), 0);
	have_dropped(1); // the last reference
	CHECK(is_queued(subject));
	CHECK(variant_is_alive(subject));
	CHECK_EQ(tally_refcount(subject), 1);
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	size_t length;
	CHECK_EQ(tally_len(tally_none(), &length), -1); // a stop point is not enough
	tally_error_clear();
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 1);
	CHECK_EQ(fixture_live_objects(), 0);
}

// What is left when a dropper set its bit, a drain took it, and the dropper then set the summary.
static void a_page_that_is_listed_with_nothing_in_it_does_no_harm(void)
{
	tally_object *object = counted(1);
	struct tally_page *page = tally_page_of(object);
	for (unsigned word = 0; word < 3; word++) {
		CHECK_EQ(tally_fetch_or(&page->summary, (uint64_t)1 << word, acq_rel), 0);
		slot_push(tally_self.slot, page);
		CHECK_PTR(slot_list(tally_load(&tally_self.slot->word, relaxed)), page);
		CHECK_EQ(tally_safepoint(), 0);
		CHECK_PTR(slot_list(tally_load(&tally_self.slot->word, relaxed)), NULL);
		CHECK_EQ(tally_load(&page->summary, relaxed), 0);
	}
	CHECK_EQ(tally_refcount(object), 1);
	CHECK_EQ(value_of(object), COUNTED + 1);
	tally_decref(object);
}

static void objects_of_one_page_are_drained_in_the_order_of_their_addresses(void)
{
	tally_object *type = fixture_probe_type(), *probes[20];
	for (int i = 0; i < 20; i++) probes[i] = probe(type, -1);
	for (int i = 0; i < 20; i++) // ids in the order of addresses
		for (int j = *(int *)tally_host_payload(probes[i], type) = 0; j < 20; j++)
			*(int *)tally_host_payload(probes[i], type) += probes[j] < probes[i];
	for (int i = 19; i >= 0; i--) {
		subject = probes[i * 7 % 20];
		drops = 1;
		reach(&at, 0);
		pthread_t other = spawn(drop_the_subject, NULL);
		while (!has_reached(&at, 1)) sched_yield();
		pthread_join(other, NULL);
	}
	CHECK_EQ(atomic_load(&fixture_dead), 0);
	CHECK_EQ(tally_safepoint(), 0);
	CHECK_EQ(atomic_load(&fixture_dead), 20);
	for (int i = 0; i < 20; i++) CHECK_EQ(fixture_deaths[i], 19 - i); // last in, first out
}

int main(void)
{
	fixture_begin(60);
	TAP_RUN(an_object_is_queued_once_however_many_drop_it);
	TAP_RUN(a_queued_object_lives_until_its_owner_looks);
	TAP_RUN(a_page_that_is_listed_with_nothing_in_it_does_no_harm);
	TAP_RUN(objects_of_one_page_are_drained_in_the_order_of_their_addresses);
	return tap_end();
}
