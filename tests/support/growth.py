"""Customers of a demonstration that have grown."""

from support.engine import execute, rows
from support.webhost import wait_until

MEASURED = "UPDATE customer_facts SET vehicles = 50, budget = 2000000 WHERE customer_id = ?"
# Their newest hour becomes one that is still to come, so that it stays the newest when the next
# measurement looks at the hours, and when the next look into their database finds a small fleet.
RECORDED = (
    "UPDATE usage_hours SET vehicles = 50, hour = hour + 2 WHERE customer_id = ? AND hour ="
    " (SELECT max(h.hour) FROM usage_hours h WHERE h.customer_id = usage_hours.customer_id)"
)


def grow(webhost, *ids):
    """Once the demonstration has given them hours: they have 50 vehicles and pay enough for a
    place of their own."""
    database = webhost.database()

    def recorded():
        return set(ids) <= {one for (one,) in rows(database, "SELECT customer_id FROM usage_hours")}

    wait_until(recorded, "the demonstration's customers have no usage")
    execute(database, [(sql, (one,)) for one in ids for sql in (MEASURED, RECORDED)])
