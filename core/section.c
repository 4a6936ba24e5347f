// core/section.c: critical sections over one object or two: the records, and what their end sets off.
//
// A section is a record on its owner's stack, linked from the thread's innermost one. How the objects are held is the
// variant's business (variant_section_begin, variant_section_end); here is the nesting, and the rule that the dying of
// a section are buried when the outermost one has ended.
//
// I1  `object` lies below `other`, whatever order the caller named them in; twice the same is a section over one.
#include "error.h"
#include "object.h"

static int begin(tally_critical *section, tally_object *object, tally_object *other)
{
	*section = (tally_critical){.object = object, .other = other, .outer = tally_self.section};
	tally_self.section = section;
	variant_section_begin(section);
	return 0;
}

int tally_critical_begin(tally_critical *section, tally_object *object)
{
	if (!tally_enter("critical_begin")) return -1;
	if (!object) return tally_error_type("critical_begin", "an object", object);
	return begin(section, object, NULL);
}

int tally_critical_begin_two(tally_critical *section, tally_object *a, tally_object *b)
{
	if (!tally_enter("critical_begin_two")) return -1;
	if (!a || !b) return tally_error_type("critical_begin_two", "an object", NULL);
	if (a == b) return begin(section, a, NULL);
	return (uintptr_t)a < (uintptr_t)b ? begin(section, a, b) : begin(section, b, a);
}

int tally_critical_end(tally_critical *section)
{
	if (tally_self.state != TALLY_ATTACHED) return tally_error_thread("critical_end");
	if (!section || tally_self.section != section)
		return tally_error_raise(TALLY_ERROR_VALUE, "critical_end", "not the innermost section of this thread");
	variant_section_end(section);
	tally_bury();
	return 0;
}
