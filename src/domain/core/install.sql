-- name: install_id_make
INSERT INTO installation (one, id, made_at) VALUES (1, $1, $2) ON CONFLICT (one) DO NOTHING;

-- name: install_id_get
SELECT id FROM installation WHERE one = 1;
