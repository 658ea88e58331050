-- name: prices_put
INSERT INTO cloud_prices (provider, item, location, currency, amount, read_at)
VALUES ($1, $2, $3, $4, $5, $6)
ON CONFLICT (provider, item, location) DO UPDATE
SET currency = excluded.currency, amount = excluded.amount, read_at = excluded.read_at;

-- name: prices_forget_unsold
DELETE FROM cloud_prices WHERE provider = $1 AND read_at <> $2;

-- name: prices_get
SELECT amount, read_at FROM cloud_prices WHERE provider = $1 AND item = $2 AND location = $3;

-- name: prices_any
SELECT item FROM cloud_prices WHERE provider = $1 LIMIT 1;
