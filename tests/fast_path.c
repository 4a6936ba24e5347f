// tests/fast_path.c: the owner's count operations as a host with inline counting gets them, to be disassembled.
//
// tests/check_fast_path reads the machine code of these functions; nothing runs them.
#include "object.h"

void fast_path_incref(struct tally_object *object);
void fast_path_pair(struct tally_object *object);

void fast_path_incref(struct tally_object *object) { variant_incref(object); }

void fast_path_pair(struct tally_object *object)
{
	variant_incref(object);
	variant_decref(object);
}
