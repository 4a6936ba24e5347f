// docs/examples/event_bus.h: topics, and listeners that the bus does not keep alive.
//
// A listener is anything callable; of a bound method it is the object that counts, which is listening as long as it lives. One
// that dies leaves nothing behind, a topic without listeners neither. So keep what listens: a function made in the call of
// event_bus_subscribe and dropped after it is gone before anything is published. Who wants to stop earlier unsubscribes.
// A bus is an object like any other: counted, and found by the collector when it is part of a cycle. Any number of threads may
// use one; each call is atomic, but for event_bus_publish, which says what it does. Functions fail with TALLY_ERROR_TYPE when `bus` is
// none or `topic` no str, TALLY_ERROR_THREAD; those that make something also with TALLY_ERROR_MEMORY. Then nothing has changed.
#ifndef EVENT_BUS_H
#define EVENT_BUS_H

#include <tally/tally.h>

// Told of a listener that failed: the thread's error says how. `listener` is NULL when there was no memory to call it with. On the
// thread that publishes, with no lock held; it may use the bus.
typedef void (*event_bus_failed)(tally_object *bus, tally_object *topic, tally_object *listener, void *context);

// Makes the type. Once after each tally_init, attached, before the other functions. 0; -1 with the error of tally_host_type_new.
int event_bus_init(void);

// A bus without listeners. `failed` may be NULL. NULL with TALLY_ERROR_MEMORY, TALLY_ERROR_THREAD.
tally_object *event_bus_new(event_bus_failed failed, void *context);

// From now on `listener` is called for what is published on the topic, until it dies or is unsubscribed; twice if it is subscribed twice.
// The result is the subscription, for event_bus_unsubscribe: an object that may be dropped, which ends nothing. (It is a function:
// to call it is to unsubscribe.) NULL also with TALLY_ERROR_TYPE when the listener cannot be called or cannot be referred to weakly.
tally_object *event_bus_subscribe(tally_object *bus, tally_object *topic, tally_object *listener);

// Ends it: 1; 0: it has ended already, or the listener or the bus is dead; -1 error. A call of the listener by another thread may have
// begun, and go on.
int event_bus_unsubscribe(tally_object *subscription);

// Calls the listeners that the topic has now and that are alive, in the order in which they were subscribed, with these arguments and no
// lock held. They may do anything: who is unsubscribed before its turn is not called, who is subscribed meanwhile is called the next
// time. What they return is dropped; one that fails is told to `failed`, and the next is called. How many have failed; -1: an
// error of the bus itself, and nobody was called.
int event_bus_publish(tally_object *bus, tally_object *topic, tally_object *const *arguments, size_t count);

// How many listeners the topic has, into *count. 0; -1 error.
int event_bus_count(tally_object *bus, tally_object *topic, size_t *count);

// A new list of the topics that have listeners. NULL: error.
tally_object *event_bus_topics(tally_object *bus);

#endif
