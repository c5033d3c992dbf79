/* The memory of Values, put into the C code that mypyc writes (building/generated_c.py). All of it runs under the global
   lock. NODE is the struct of a Value.

   Values live in chunks of 2 MB, a huge page where the system has them: a backward pass over a million nodes then takes a
   fifth less time. A chunk hands its places out in order, and again in order once all of them are free, so
   that Values made one after the other lie side by side: in a plain list of free places the addresses get shuffled from
   one training step to the next, until every access misses the cache (measured: a step took 3.4 times as long). */

#ifdef __linux__
#include <sys/mman.h>
#endif

#define CHUNK_SIZE 2097152
#define MOST_EMPTY 48 /* 96 MB of empty chunks are kept, the graph of a million nodes */

typedef struct chunk {
    struct chunk *next, *previous; /* in the ring of chunks with free places, or of empty ones */
    void *free;                    /* the places given back, chained through their vtable fields */
    char *fresh;                   /* the first place not handed out since the chunk was empty */
    int live;
} chunk;

#define FIRST_PLACE(c) ((char *)(c) + 64)
#define IS_USED_UP(c) ((c)->free == NULL && (c)->fresh + sizeof(NODE) > (char *)(c) + CHUNK_SIZE)

static chunk with_places = {&with_places, &with_places, NULL, NULL, 0};
static chunk empty = {&empty, &empty, NULL, NULL, 0};
static chunk *current = NULL; /* in neither ring */
static int empties = 0;

static void unlink_chunk(chunk *c) {
    c->previous->next = c->next;
    c->next->previous = c->previous;
}

static void link_chunk(chunk *ring, chunk *c) {
    c->next = ring->next;
    c->previous = ring;
    ring->next->previous = c;
    ring->next = c;
}

static chunk *new_chunk(void) {
#ifdef _WIN32
    chunk *c = (chunk *)_aligned_malloc(CHUNK_SIZE, CHUNK_SIZE);
#else
    void *memory = NULL;
    chunk *c = posix_memalign(&memory, CHUNK_SIZE, CHUNK_SIZE) == 0 ? (chunk *)memory : NULL;
#endif
    if (c != NULL) {
#ifdef MADV_HUGEPAGE
        madvise(c, CHUNK_SIZE, MADV_HUGEPAGE);
#endif
        memset(c, 0, CHUNK_SIZE);
        c->fresh = FIRST_PLACE(c);
    }
    return c;
}

static void free_chunk(chunk *c) {
#ifdef _WIN32
    _aligned_free(c);
#else
    free(c);
#endif
}

/* The next chunk to take places from: an empty one if there is one, else one with holes, else a new one. */
static chunk *next_chunk(void) {
    chunk *c = NULL;
    if (empty.next != &empty) {
        c = empty.next;
        unlink_chunk(c);
        empties--;
    } else if (with_places.next != &with_places) {
        c = with_places.next;
        unlink_chunk(c);
    } else
        c = new_chunk();
    return c;
}

/* Memory for a node; all of it but type and reference count is left to the caller. */
static inline NODE *take_place(PyTypeObject *type) {
    if (current == NULL || IS_USED_UP(current)) {
        chunk *c = next_chunk();
        if (c == NULL)
            return (NODE *)PyErr_NoMemory();
        current = c; /* the one before is used up: it comes back with the first place that it gets back */
    }
    NODE *node = (NODE *)current->free;
    if (node != NULL)
        current->free = (void *)node->vtable;
    else {
        node = (NODE *)current->fresh;
        current->fresh += sizeof(NODE);
    }
    current->live++;
    Py_SET_TYPE(node, type); /* with no reference to the type: it lives as long as the module */
    Py_SET_REFCNT(node, 1);
    return node;
}

/* A node for the constructor that mypyc wrote, its references NULL. No Value has virtual methods, so that the dict of its
   user's attributes can have the place of their table. */
static NODE *allocate_node(PyTypeObject *type) {
    NODE *node = take_place(type);
    if (node != NULL)
        memset((char *)node + sizeof(PyObject), 0, sizeof(NODE) - sizeof(PyObject));
    return node;
}

/* What _node of value.py makes, without the checks of a constructor. */
static inline PyObject *new_node(PyObject *operation, double data, PyObject *a, double da, PyObject *b, double db) {
    static PyObject *no_label = NULL;
    NODE *node = take_place(CPyType_value___Value);
    if (node == NULL)
        return NULL;
    if (no_label == NULL)
        no_label = PyUnicode_New(0, 0); /* there is one, which is never freed */
    node->vtable = NULL;
    node->__number = data;
    node->__grad = 0.0;
    node->__da = da;
    node->__db = db;
    node->__mark = 0;
    node->__label = Py_NewRef(no_label);
    node->__operation = Py_NewRef(operation);
    node->__a = Py_NewRef(a);
    node->__b = Py_NewRef(b == NULL ? Py_None : b);
    return (PyObject *)node;
}

static inline PyObject *watched(PyObject *node) {
    if (node != NULL && ((engine___node___WatchObject *)CPyStatic_node___WATCH)->_watchers != 0 &&
        CPyDef_value____shown(node) == 2) {
        Py_DECREF(node);
        return NULL;
    }
    return node;
}

static inline void free_node(NODE *node) {
    chunk *c = (chunk *)((uintptr_t)node & ~(uintptr_t)(CHUNK_SIZE - 1));
    int was_used_up = c != current && IS_USED_UP(c);
    node->vtable = c->free;
    c->free = node;
    c->live--;
    if (c->live == 0) { /* from the start again, in order */
        c->free = NULL;
        c->fresh = FIRST_PLACE(c);
    }
    if (c == current)
        return;
    if (c->live == 0) {
        if (!was_used_up)
            unlink_chunk(c);
        if (empties < MOST_EMPTY) {
            link_chunk(&empty, c);
            empties++;
        } else
            free_chunk(c);
    } else if (was_used_up)
        link_chunk(&with_places, c);
}

/* A node that dies while another is taken apart (its operand) joins a queue, chained through the vtable fields, so that
   the C stack stays flat however deep the graph. */
static void *dead = NULL;

static inline void enqueue(NODE *node) {
    PyObject *attributes = (PyObject *)node->vtable;
    node->vtable = dead;
    dead = node;
    Py_XDECREF(attributes);
}

static inline void drop_operand(PyObject *operand) {
    if (operand != NULL && operand != Py_None && Py_REFCNT(operand) == 1)
        enqueue((NODE *)operand);
    else
        Py_XDECREF(operand);
}

static void deallocate_node(NODE *node) {
    static int busy = 0;
    if (busy) {
        enqueue(node);
        return;
    }
    busy = 1;
    Py_XDECREF((PyObject *)node->vtable);
    for (;;) {
        drop_operand(node->__a);
        drop_operand(node->__b);
        Py_XDECREF(node->__operation);
        Py_XDECREF(node->__label);
        CPyTagged_XDECREF(node->__mark);
        free_node(node);
        if (dead == NULL)
            break;
        node = (NODE *)dead;
        dead = (void *)node->vtable;
    }
    busy = 0;
}

/* The setter of a property that has none, and what a property does when it is deleted, in the words of Python's own. */
static int refuse(PyObject *self, PyObject *value, void *name) {
    PyErr_Format(PyExc_AttributeError, "property '%s' of '%s' object has no %s", (const char *)name,
                 Py_TYPE(self)->tp_name, value == NULL ? "deleter" : "setter");
    return -1;
}
