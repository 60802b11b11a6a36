/* Where an attribute of a class with __slots__ lies in its objects, to look at it without a call. */

#ifndef GLOBSTAR_SLOTS_H
#define GLOBSTAR_SLOTS_H

#include <Python.h>
#include <structmember.h>

/* The offset of an attribute that is a slot, -1 if it is none. */
static inline Py_ssize_t slot_offset(PyObject *type, PyObject *name) {
    PyObject *found = PyObject_GetAttr(type, name);
    Py_ssize_t offset = -1;
    if (found == NULL) {
        PyErr_Clear();
        return -1;
    }
    if (Py_IS_TYPE(found, &PyMemberDescr_Type)) {
        const PyMemberDef *member = ((PyMemberDescrObject *)found)->d_member;
        if (member->type == T_OBJECT_EX || member->type == T_OBJECT)
            offset = member->offset;
    }
    Py_DECREF(found);
    return offset;
}

static inline int slot_holds(PyObject *thing, Py_ssize_t offset, PyObject *value) {
    return *(PyObject **)((char *)thing + offset) == value;
}

#endif
