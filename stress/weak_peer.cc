// stress/weak_peer.cc: the benchmark of weak references on std::shared_ptr and std::weak_ptr. See stress/share.c.
//
// The loops stand beside those of the same names in stress/weak_tally.c. There is no record of the weak references to an object, only
// a count of them beside that of the owners, and no callback. Not part of the build: script/weak compiles it where there is a g++.
// A second thread waits all the time, since the library counts plainly in a program that has only one.
#include "share.h"

#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <unordered_map>

struct slot {
	void *a = nullptr;
};

struct place {
	std::shared_ptr<slot> object, items[ITEMS];
	std::weak_ptr<slot> ref, refs[ITEMS];
	std::string lookups[ITEMS];
	std::unordered_map<std::string, std::weak_ptr<slot>> values;
};

static place places[MOST_THREADS];
static std::mutex end_of_the_other;
static std::thread other;

// ---- the life of the program ----

const char *side_name() { return "c++"; }
const char *side_version() { return "g++ " __VERSION__; }
struct place *side_place(size_t i) { return &places[i]; }

void side_start()
{
	end_of_the_other.lock();
	other = std::thread([] { std::lock_guard<std::mutex> wait(end_of_the_other); });
}

void side_stop()
{
	end_of_the_other.unlock();
	other.join();
}

void side_enter() {}
void side_leave() {}
void side_pause() {}
void side_resume() {}

// ---- what the rows work on ----

static void make_one(place *to) { to->object = std::make_shared<slot>(); }

static void drop_one(place *to)
{
	to->ref.reset();
	to->object.reset();
}

static void make_one_and_ref(place *to)
{
	make_one(to);
	to->ref = to->object;
}

static void make_dead(place *to)
{
	make_one_and_ref(to);
	to->object.reset();
}

static void make_many(place *to)
{
	for (size_t i = 0; i < ITEMS; i++) {
		to->items[i] = std::make_shared<slot>();
		to->refs[i] = to->items[i];
	}
}

static void drop_many(place *to)
{
	for (size_t i = 0; i < ITEMS; i++) {
		to->refs[i].reset();
		to->items[i].reset();
	}
}

static std::string make_text(size_t i)
{
	char text[KEY_SIZE];
	return key_text(i, text);
}

static void make_values(place *to)
{
	make_many(to);
	for (size_t i = 0; i < ITEMS; i++) {
		to->values[make_text(i)] = to->items[i];
		to->lookups[i] = make_text(shuffled(i));
	}
}

static void drop_values(place *to)
{
	to->values.clear();
	drop_many(to);
}

// So that the compiler makes what nobody looks at, too.
template <class pointer> static inline void keep(const pointer &of) { asm volatile("" : : "r"(&of) : "memory"); }

// ---- making and dropping ----

static void object(const struct lane *, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		std::shared_ptr<slot> made = std::make_shared<slot>();
		keep(made);
	}
}

static void object_ref(const struct lane *, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		std::shared_ptr<slot> made = std::make_shared<slot>();
		std::weak_ptr<slot> ref = made;
		keep(ref);
		ref.reset();
	}
}

static void ref(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		std::weak_ptr<slot> made = lane->place->object;
		keep(made);
	}
}

// ---- upgrading ----

static inline void upgrade(const std::weak_ptr<slot> &ref)
{
	std::shared_ptr<slot> found = ref.lock();
	if (!found) fail("a live object is not found");
	keep(found);
}

static void get(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++) upgrade(lane->place->ref);
}

static void get_dead(const struct lane *lane, size_t operations)
{
	for (size_t i = 0; i < operations; i++) {
		keep(lane->place->ref);
		if (lane->place->ref.lock()) fail("a dead object is found");
	}
}

static void get_many(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i) upgrade(lane->place->refs[i]);
}

static void get_own(const struct lane *lane, size_t operations)
{
	size_t own = ITEMS / lane->count, first = lane->index * own;
	for (size_t i = 0; i < operations; i++) upgrade(lane->place->refs[first + i % own]);
}

static void value_get(const struct lane *lane, size_t operations)
{
	EACH_OPERATION(lane, i)
	{
		auto entry = lane->place->values.find(lane->place->lookups[i]);
		if (entry == lane->place->values.end()) fail("a key is not found");
		upgrade(entry->second);
	}
}

static const struct row all_rows[] = {
	{"object", PRIVATE, nullptr, object, nullptr},
	{"object-ref", PRIVATE, nullptr, object_ref, nullptr},
	{"ref", PRIVATE, make_one, ref, drop_one},
	{"get", PRIVATE, make_one_and_ref, get, drop_one},
	{"get-many", PRIVATE, make_many, get_many, drop_many},
	{"get-dead", PRIVATE, make_dead, get_dead, drop_one},
	{"value-get", PRIVATE, make_values, value_get, drop_values},
	{"shared-get", SHARED, make_one_and_ref, get, drop_one},
	{"shared-get-many", SHARED, make_many, get_many, drop_many},
	{"shared-get-own", SHARED, make_many, get_own, drop_many},
	{"shared-ref", SHARED, make_one, ref, drop_one},
	{"shared-value-get", SHARED, make_values, value_get, drop_values},
};

const struct row *side_row(size_t i) { return i < sizeof all_rows / sizeof all_rows[0] ? &all_rows[i] : nullptr; }
