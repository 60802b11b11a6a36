"""The AstDB."""

from __future__ import annotations

from globstar.core.manager import (
    ActionFault,
    ActionRequest,
    Answer,
    ListItem,
    Permission,
    failure,
    listing,
    manager_action,
    success,
)

SYSTEM, REPORTING = Permission.SYSTEM, Permission.REPORTING


def _place(request: ActionRequest) -> tuple[str, str]:
    family, key = request.get("Family"), request.get("Key")
    if not family:
        raise ActionFault("No family specified.")
    if not key:
        raise ActionFault("No key specified.")
    return family, key


@manager_action("DBGet", SYSTEM | REPORTING, synopsis="Get DB Entry.")
def db_get(request: ActionRequest) -> Answer:
    """Give the value of a key."""
    family, key = _place(request)
    value = request.system.database.get(family, key)
    if value is None:
        return failure("Database entry not found")
    item = ListItem("DBGetResponse", (("Family", family), ("Key", key), ("Val", value)), id_last=True)
    return listing("Result will follow", "DBGetComplete", [item])


@manager_action("DBGetTree", SYSTEM | REPORTING, synopsis="Get DB entries, optionally at a particular family/key")
def db_get_tree(request: ActionRequest) -> Answer:
    """List the entries of the database, of a family or below a key."""
    found = list(request.system.database.tree(request.get("Family"), request.get("Key")))
    if not found:
        return failure("Database entry not found")
    items = [ListItem("DBGetTreeResponse", (("Key", key), ("Val", value)), id_last=True) for key, value in found]
    return listing("Result will follow", "DBGetTreeComplete", items)


@manager_action("DBPut", SYSTEM, synopsis="Put DB entry.")
def db_put(request: ActionRequest) -> Answer:
    """Set the value of a key."""
    family, key = request.get("Family"), request.get("Key")
    if not family:
        return failure("No family specified")
    if not key:
        return failure("No key specified")
    is_done = request.system.database.put(family, key, request.get("Val"))
    return success("Updated database successfully") if is_done else failure("Failed to update entry")


@manager_action("DBDel", SYSTEM, synopsis="Delete DB entry.")
def db_del(request: ActionRequest) -> Answer:
    """Remove a key."""
    family, key = _place(request)
    is_done = request.system.database.delete(family, key)
    return success("Key deleted successfully") if is_done else failure("Database entry could not be deleted")


@manager_action("DBDelTree", SYSTEM, synopsis="Delete DB Tree.")
def db_del_tree(request: ActionRequest) -> Answer:
    """Remove a family, or its keys below one."""
    family = request.get("Family")
    if not family:
        return failure("No family specified.")
    count = request.system.database.delete_tree(family, request.get("Key"))
    return success("Key tree deleted successfully") if count else failure("Database entry not found")
