-- name: prices_forget
DELETE FROM cloud_prices WHERE provider = $1;

-- name: prices_put
INSERT INTO cloud_prices (provider, kind, item, location, currency, amount, read_at)
VALUES ($1, $2, $3, $4, $5, $6, $7);

-- name: prices_of_server
SELECT server.amount AS host, ip.amount AS ipv4, gb.amount AS volume_gb, server.read_at AS read_at
FROM cloud_prices AS server
JOIN cloud_prices AS ip
    ON ip.provider = server.provider AND ip.kind = 'primary_ip' AND ip.item = 'ipv4'
    AND ip.location = server.location
JOIN cloud_prices AS gb
    ON gb.provider = server.provider AND gb.kind = 'volume_gb' AND gb.item = ''
    AND gb.location = ''
WHERE server.provider = $1 AND server.kind = 'server' AND server.item = $2
    AND server.location = $3;

-- name: prices_any
SELECT kind FROM cloud_prices WHERE provider = $1 LIMIT 1;
