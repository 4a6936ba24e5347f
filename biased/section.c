// biased/section.c: critical sections as held light locks.
//
// A section holds its object's lock, or the locks of its two objects, from its beginning to its end. When its thread goes
// away (a blocking region, a wait for another lock) all its sections let go; when it is back the innermost takes again what
// it stands over, and each outer one when it has become the innermost (sections over the same go together). A stop of the
// world suspends nothing: the thread stands still with the lock held, and no stopper takes object locks.
//
// A section over two takes the lower by address first, and keeps it while it waits for the other. So in a row of threads, each
// of which waits for a lock that the next one holds, the addresses grow: it ends, with a thread that waits for none. (To
// let go of the lower and begin anew would be as safe, but others could keep the section out for ever.) What is kept so is
// not yet on the record, since what is on the record lets go.
//
// I1  section.hold, and other_hold of a section over two, are TALLY_HOLD_NONE both while it is suspended, else how the
//     locks are held; NESTED: a section further out holds it.
// I2  Whoever waits for a lock holds none, or only one that lies below it: so threads in sections cannot wait for one
//     another in a circle.
// The section's thread, attached.
#include "slot.h"
#include "variant.h"

static unsigned kind_of(enum tally_hold hold) { return (unsigned)hold & ~(unsigned)LOCK_HOLD_RESUME; }

// What `section` has taken belongs to the outermost section over the same; those inside are nested.
static void pass_outward(tally_critical *section)
{
	if (section->hold == TALLY_HOLD_NESTED || section->other_hold == TALLY_HOLD_NESTED) return;
	for (tally_critical *outer = section->outer; outer; outer = outer->outer) {
		if (outer->hold != TALLY_HOLD_NONE || outer->object != section->object || outer->other != section->other) continue;
		outer->hold = section->hold;
		outer->other_hold = section->other_hold;
		section->hold = TALLY_HOLD_NESTED;
		section->other_hold = section->other ? TALLY_HOLD_NESTED : TALLY_HOLD_NONE;
		section = outer;
	}
}

// After a wait for the higher one the section that held the lower for this one has let go of it: it is taken anew then, and
// that time it is this section's own.
static void take_two(tally_critical *section)
{
	for (;;) {
		enum tally_hold low = variant_lock_take(section->object), high = variant_lock_take(section->other);
		bool is_open = kind_of(low) == TALLY_HOLD_NESTED && high & LOCK_HOLD_RESUME;
		if (is_open) {
			variant_lock_drop(section->other, (enum tally_hold)kind_of(high));
			continue;
		}
		section->hold = kind_of(low);
		section->other_hold = kind_of(high);
		return;
	}
}

// Readers who need no lock otherwise wait for the section's end, too: they ask for sections before and after (core/reader.h). What
// the section writes later releases it.
static void shut(struct tally_object *object, unsigned hold)
{
	if (hold == TALLY_HOLD_NESTED) return;
	tally_store(&object->moving, tally_load(&object->moving, relaxed) | 1, relaxed);
}

// Readers tell sections apart by the number, so none may come again: after the last one readers go by the lock for good. While the
// object is not shared there are none but its owner, who stands here.
static uint8_t number_after(const struct tally_object *object, uint8_t number)
{
	if (tally_likely(!variant_is_shared(object)) && number != TALLY_SHUT) return number & (uint8_t)~1;
	return number < TALLY_SHUT - 2 ? number + 1 : TALLY_SHUT;
}

static void reopen(struct tally_object *object)
{
	uint8_t number = number_after(object, tally_load(&object->moving, relaxed));
	// order: release what the section has changed; pairs with tally_sections, tally_list_moves. Else: half of it is seen.
	tally_store(&object->moving, number, release);
}

// Other outer sections wait until this one has ended: nobody is resumed here.
static void take(tally_critical *section)
{
	if (section->other) take_two(section);
	else section->hold = kind_of(variant_lock_take(section->object));
	shut(section->object, section->hold);
	if (section->other) shut(section->other, section->other_hold);
	pass_outward(section);
}

static void drop_one(struct tally_object *object, uint32_t *hold)
{
	enum tally_hold held = (enum tally_hold)*hold;
	*hold = TALLY_HOLD_NONE;
	if (held == TALLY_HOLD_LIGHT || held == TALLY_HOLD_HEAVY) reopen(object);
	if (held != TALLY_HOLD_NONE) variant_lock_drop(object, held);
}

static void drop(tally_critical *section)
{
	drop_one(section->other, &section->other_hold);
	drop_one(section->object, &section->hold);
}

void variant_section_begin(tally_critical *section) { take(section); }

void variant_section_end(tally_critical *section)
{
	drop(section);
	tally_self.section = section->outer;
	tally_sections_resume();
}

void tally_sections_suspend(void)
{
	for (tally_critical *section = tally_self.section; section; section = section->outer) drop(section);
}

void tally_sections_resume(void)
{
	tally_critical *section = tally_self.section;
	if (section && section->hold == TALLY_HOLD_NONE) take(section);
}
