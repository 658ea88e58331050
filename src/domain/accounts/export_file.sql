-- Every column that is the customer's. Whose place it is and the fence are not.

-- name: export_tenants
SELECT customer_id, slug, name, created_at FROM tenants WHERE customer_id = $1;

-- name: export_vehicles
SELECT customer_id, id, name, created_at FROM vehicles WHERE customer_id = $1 ORDER BY id;

-- name: export_points
SELECT customer_id, id, vehicle_id, at, latitude, longitude, speed FROM gps_points
WHERE customer_id = $1 ORDER BY id;
