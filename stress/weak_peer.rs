// stress/weak_peer.rs: the benchmark of weak references on Rust's Arc and Weak of std::sync; with --cfg rc on those of std::rc, which
// only one thread may use. See stress/share.c.
//
// The loops stand beside those of the same names in stress/weak_tally.c. There is no record of the weak references to an object, only
// a count of them beside that of the owners, and no callback. Not part of the build: script/weak compiles it as a library, where
// there is a rustc, and links it with stress/share.c.
#![allow(non_camel_case_types)]

use std::cell::UnsafeCell;
use std::collections::HashMap;
use std::ffi::CString;
use std::hint::black_box;
use std::os::raw::{c_char, c_int};
#[cfg(rc)]
use std::rc::{Rc as Owner, Weak};
#[cfg(not(rc))]
use std::sync::{Arc as Owner, Weak};

// ---- stress/share.h ----

const ITEMS: usize = 1000;
const MOST_THREADS: usize = 8;
const PRIVATE: c_int = 0;
const SHARED: c_int = 1;

#[repr(C)]
pub struct lane {
    place: *mut place,
    index: usize,
    count: usize,
    first: usize,
    step: usize,
}

type step = unsafe extern "C" fn(&mut place);
type pass = unsafe extern "C" fn(&lane, usize);

#[repr(C)]
pub struct row {
    name: *const c_char,
    kind: c_int,
    prepare: Option<step>,
    pass: pass,
    finish: Option<step>,
}

extern "C" {
    fn fail(what: *const c_char) -> !;
}

fn fail_as(what: &str) -> ! {
    let text = CString::new(what).unwrap();
    unsafe { fail(text.as_ptr()) }
}

// The items in the lane's order, once for each operation.
fn each_operation(lane: &lane, operations: usize, mut body: impl FnMut(usize)) {
    for _ in 0..operations / ITEMS {
        let mut i = lane.first;
        for _ in 0..ITEMS {
            body(i);
            i += lane.step;
            if i >= ITEMS {
                i -= ITEMS;
            }
        }
    }
}

// ---- what the rows work on ----

#[derive(Default)]
struct slot {
    _a: usize,
}

#[derive(Default)]
pub struct place {
    object: Option<Owner<slot>>,
    reference: Weak<slot>,
    items: Vec<Owner<slot>>,
    references: Vec<Weak<slot>>,
    values: HashMap<String, Weak<slot>>,
    lookups: Vec<String>,
}

struct shelf(UnsafeCell<Vec<place>>);
unsafe impl Sync for shelf {} // the rows say which thread uses which place
static PLACES: shelf = shelf(UnsafeCell::new(Vec::new()));

unsafe extern "C" fn make_one(place: &mut place) {
    place.object = Some(Owner::new(slot::default()));
}

unsafe extern "C" fn make_one_and_ref(place: &mut place) {
    make_one(place);
    place.reference = Owner::downgrade(place.object.as_ref().unwrap());
}

unsafe extern "C" fn make_dead(place: &mut place) {
    make_one_and_ref(place);
    place.object = None;
}

unsafe extern "C" fn make_many(place: &mut place) {
    for _ in 0..ITEMS {
        let made = Owner::new(slot::default());
        place.references.push(Owner::downgrade(&made));
        place.items.push(made);
    }
}

unsafe extern "C" fn make_values(place: &mut place) {
    make_many(place);
    for i in 0..ITEMS {
        place.values.insert(format!("key-{:05}", i), place.references[i].clone());
        place.lookups.push(format!("key-{:05}", i * 389 % ITEMS));
    }
}

unsafe extern "C" fn drop_all(to: &mut place) {
    *to = place::default();
}

// ---- making and dropping ----

unsafe extern "C" fn object(_: &lane, operations: usize) {
    for _ in 0..operations {
        black_box(&Owner::new(slot::default()));
    }
}

unsafe extern "C" fn object_ref(_: &lane, operations: usize) {
    for _ in 0..operations {
        let made = Owner::new(slot::default());
        black_box(&Owner::downgrade(&made));
    }
}

unsafe extern "C" fn reference(lane: &lane, operations: usize) {
    let object = (*lane.place).object.as_ref().unwrap();
    for _ in 0..operations {
        black_box(&Owner::downgrade(black_box(object)));
    }
}

// ---- upgrading ----

#[inline]
fn upgrade(reference: &Weak<slot>) {
    match black_box(reference).upgrade() {
        Some(found) => drop(black_box(found)),
        None => fail_as("a live object is not found"),
    }
}

unsafe extern "C" fn get(lane: &lane, operations: usize) {
    for _ in 0..operations {
        upgrade(&(*lane.place).reference);
    }
}

unsafe extern "C" fn get_dead(lane: &lane, operations: usize) {
    for _ in 0..operations {
        if black_box(&(*lane.place).reference).upgrade().is_some() {
            fail_as("a dead object is found");
        }
    }
}

unsafe extern "C" fn get_many(lane: &lane, operations: usize) {
    let references = &(*lane.place).references;
    each_operation(lane, operations, |i| upgrade(&references[i]));
}

unsafe extern "C" fn get_own(lane: &lane, operations: usize) {
    let references = &(*lane.place).references;
    let own = ITEMS / lane.count;
    for i in 0..operations {
        upgrade(&references[lane.index * own + i % own]);
    }
}

unsafe extern "C" fn value_get(lane: &lane, operations: usize) {
    let place = &*lane.place;
    each_operation(lane, operations, |i| match place.values.get(&place.lookups[i]) {
        Some(found) => upgrade(found),
        None => fail_as("a key is not found"),
    });
}

// ---- what stress/share.c asks for ----

macro_rules! row {
    ($name:literal, $kind:ident, $prepare:expr, $pass:ident) => {
        row { name: concat!($name, "\0").as_ptr() as *const c_char, kind: $kind, prepare: $prepare, pass: $pass,
              finish: Some(drop_all) }
    };
}

struct table([row; 12]);
unsafe impl Sync for table {}
static ROWS: table = table([
    row!("object", PRIVATE, None, object),
    row!("object-ref", PRIVATE, None, object_ref),
    row!("ref", PRIVATE, Some(make_one), reference),
    row!("get", PRIVATE, Some(make_one_and_ref), get),
    row!("get-many", PRIVATE, Some(make_many), get_many),
    row!("get-dead", PRIVATE, Some(make_dead), get_dead),
    row!("value-get", PRIVATE, Some(make_values), value_get),
    row!("shared-get", SHARED, Some(make_one_and_ref), get),
    row!("shared-get-many", SHARED, Some(make_many), get_many),
    row!("shared-get-own", SHARED, Some(make_many), get_own),
    row!("shared-ref", SHARED, Some(make_one), reference),
    row!("shared-value-get", SHARED, Some(make_values), value_get),
]);

#[no_mangle]
pub extern "C" fn side_row(i: usize) -> *const row {
    match ROWS.0.get(i) {
        Some(row) if cfg!(not(rc)) || row.kind == PRIVATE => row,
        _ => std::ptr::null(),
    }
}

#[no_mangle]
pub extern "C" fn side_name() -> *const c_char {
    (if cfg!(rc) { "rc\0" } else { "rust\0" }).as_ptr() as *const c_char
}

#[no_mangle]
pub extern "C" fn side_version() -> *const c_char {
    concat!(env!("RUSTC_VERSION"), "\0").as_ptr() as *const c_char // set by script/weak
}

#[no_mangle]
pub unsafe extern "C" fn side_start() {
    (*PLACES.0.get()).resize_with(MOST_THREADS, place::default);
}

#[no_mangle]
pub unsafe extern "C" fn side_stop() {
    (*PLACES.0.get()).clear();
}

#[no_mangle]
pub unsafe extern "C" fn side_place(i: usize) -> *mut place {
    &mut (&mut *PLACES.0.get())[i]
}

#[no_mangle]
pub extern "C" fn side_enter() {}
#[no_mangle]
pub extern "C" fn side_leave() {}
#[no_mangle]
pub extern "C" fn side_pause() {}
#[no_mangle]
pub extern "C" fn side_resume() {}
